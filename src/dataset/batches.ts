/** @file Examples to batches of fixed shapes: length buckets, the order of an epoch, padding, masking. */

import type { Task } from '../protocol/records';
import { notCounted, type Example } from './examples';
import { maskTokens, type Masking } from './masking';
import { randomStream, shuffled } from '../engine/random';

/** Row-major arrays; [rows, length] unless it says otherwise. */
export interface Batch {
  rows: number;
  length: number;
  inputIds: Int32Array;
  typeIds: Int32Array;
  /** 1 real token, 0 padding. */
  attentionMask: Float32Array;
  /** text-classification: [rows] class indices. Otherwise one label a token, not shifted. −100 is not counted. */
  labels: Int32Array;
  /** [rows] index into the examples, −1 for the filler rows that complete the last batch. */
  indices: Int32Array;
  /** Real tokens. */
  tokens: number;
}

/** One batch to be: the examples in it, and the length they are padded to. */
export interface PlannedBatch {
  length: number;
  indices: number[];
}

export interface PlanOptions {
  batchSize: number;
  /** Ascending, from `bucketLengths`. */
  buckets: readonly number[];
  seed: number;
  /** Counts from 0; each has its own order. */
  epoch: number;
  shuffle: boolean;
}

export interface CollateOptions {
  task: Task;
  batchSize: number;
  padId: number;
  /** masked-lm: without it no token is masked and every one counts, as inspection needs it. */
  masking?: Masking | undefined;
}

const bucketStep = 8;
const mostBuckets = 4;
/** A further bucket is a further graph to build, so it must save this share of all computed tokens. */
const worthABucket = 0.05;

/**
 * Up to four lengths, ascending, to pad examples of these `lengths` to, chosen so that little is padding. They are multiples
 * of 8, except that none is above `maxLength` (a model has no positions beyond it).
 */
export function bucketLengths(lengths: readonly number[], maxLength: number): number[] {
  // counts[k]: examples whose length rounds up to (k + 1) · 8.
  const counts: number[] = [];
  for (const length of lengths) {
    const k = Math.max(0, Math.ceil(Math.min(length, maxLength) / bucketStep) - 1);
    while (counts.length <= k) counts.push(0);
    counts[k]!++;
  }
  if (counts.length === 0) return [Math.min(bucketStep, maxLength)];
  const prefix = [0];
  for (const count of counts) prefix.push(prefix.at(-1)! + count);

  // best[k]: fewest steps of 8 tokens for the examples up to k if k is a bucket and `buckets` are allowed.
  let best = counts.map((_, k) => ({ cost: prefix[k + 1]! * (k + 1), buckets: [k] }));
  let chosen = best.at(-1)!;
  for (let allowed = 2; allowed <= mostBuckets; allowed++) {
    const previous = best;
    best = counts.map((_, k) => {
      let choice = previous[k]!;
      for (let below = 0; below < k; below++) {
        const cost = previous[below]!.cost + (prefix[k + 1]! - prefix[below + 1]!) * (k + 1);
        if (cost < choice.cost) choice = { cost, buckets: [...previous[below]!.buckets, k] };
      }
      return choice;
    });
    if (best.at(-1)!.cost < chosen.cost * (1 - worthABucket)) chosen = best.at(-1)!;
  }
  return chosen.buckets.map((k) => Math.min((k + 1) * bucketStep, maxLength));
}

/**
 * The batches of one epoch. Each has one length; each example is in one batch. What is left of a bucket moves up to the next,
 * so that only the last batch of the longest may be short. The number of batches is the same in every epoch.
 */
export function planEpoch(lengths: readonly number[], options: PlanOptions): PlannedBatch[] {
  const { batchSize, buckets, seed, epoch, shuffle } = options;
  const random = randomStream(seed, epoch);
  const members = buckets.map((): number[] => []);
  lengths.forEach((length, index) => {
    const bucket = buckets.findIndex((limit) => length <= limit);
    if (bucket < 0) throw new RangeError(`Example ${index} has ${length} tokens, more than any bucket holds.`);
    members[bucket]!.push(index);
  });
  const batches: PlannedBatch[] = [];
  let left: number[] = [];
  buckets.forEach((length, b) => {
    const waiting = [...left, ...(shuffle ? shuffled(members[b]!, random) : members[b]!)];
    const isLast = members.slice(b + 1).every((later) => later.length === 0);
    const whole = isLast ? waiting.length : waiting.length - (waiting.length % batchSize);
    for (let at = 0; at < whole; at += batchSize) {
      batches.push({ length, indices: waiting.slice(at, Math.min(at + batchSize, whole)) });
    }
    left = waiting.slice(whole);
  });
  return shuffle ? shuffled(batches, random) : batches;
}

/** Always `batchSize` rows: filler rows have attention mask 0 and labels −100. */
export function collate(examples: readonly Example[], planned: PlannedBatch, options: CollateOptions): Batch {
  const { task, batchSize, padId, masking } = options;
  const { length } = planned;
  const perToken = task !== 'text-classification';
  const batch: Batch = {
    rows: batchSize,
    length,
    inputIds: new Int32Array(batchSize * length).fill(padId),
    typeIds: new Int32Array(batchSize * length),
    attentionMask: new Float32Array(batchSize * length),
    labels: new Int32Array(perToken ? batchSize * length : batchSize).fill(notCounted),
    indices: new Int32Array(batchSize).fill(-1),
    tokens: 0,
  };
  planned.indices.forEach((index, row) => {
    const example = examples[index]!;
    const at = row * length;
    const width = example.inputIds.length;
    if (width > length) throw new RangeError(`Example ${index} has ${width} tokens, more than the batch's ${length}.`);
    batch.indices[row] = index;
    batch.tokens += width;
    batch.attentionMask.fill(1, at, at + width);
    batch.typeIds.set(example.typeIds, at);
    if (typeof example.labels === 'number') {
      batch.inputIds.set(example.inputIds, at);
      batch.labels[row] = example.labels;
    } else {
      const masked =
        task === 'masked-lm' && masking ? maskTokens(example.inputIds, example.labels, index, masking) : example;
      batch.inputIds.set(masked.inputIds, at);
      batch.labels.set(masked.labels as Int32Array, at);
    }
  });
  return batch;
}
