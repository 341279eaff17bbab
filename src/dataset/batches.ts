/** @file Examples to batches of fixed shapes: length buckets, the order of an epoch, padding, masking. */

import type { Task } from '../protocol/records';
import { sampledLengths, type Examples, type Lengths } from './example-store';
import { notCounted, secondText, type TokenExample } from './examples';
import { fewSizes, type Few } from './few-sizes';
import { maskTokens, type Masking } from './masking';
import { packRows, type Packed } from './packing';
import { randomStream, shuffled, shuffleInPlace } from '../engine/random';
import { isPerToken, taskFacts } from '../protocol/tasks';

/** Row-major arrays; [rows, length] unless it says otherwise. */
export interface Batch {
  rows: number;
  length: number;
  inputIds: Int32Array;
  typeIds: Int32Array;
  /** 1 real token, 0 padding. */
  attentionMask: Float32Array;
  /**
   * text-classification: [rows] class indices; float32 [rows, C] where several labels may apply or it is a number, NaN in rows
   * without one. sentence-embedding: float32 [texts, 1], the score of the text's pair, NaN without one. Otherwise one label a token, not
   * shifted. −100 is not counted.
   */
  labels: Int32Array | Float32Array;
  /** [rows] index into the examples, −1 for the filler rows that complete the last batch. */
  indices: Int32Array;
  /** Real tokens. */
  tokens: number;
  /** Where texts share rows: then labels of classes are [texts] and `indices` [examples], not [rows]. */
  packed?: Packed | undefined;
  /** The same examples, each in a row of its own, as a teacher with another tokenizer reads them. */
  teacher?: Batch | undefined;
  /** causal-lm beside such a teacher: what each token is in the spans that both have read (`spanMarks`). */
  spans?: Uint8Array | undefined;
}

/** One batch to be: the examples in it, and the length they are padded to. */
export interface PlannedBatch {
  length: number;
  indices: number[];
}

/**
 * Which examples share a batch: those of like length of the whole epoch, any, or ("auto") those of like length of a shuffled
 * window, where there are enough batches for one.
 */
export type GroupByLength = 'auto' | boolean;

export interface PlanOptions {
  batchSize: number;
  /** Ascending, from `bucketLengths`. */
  buckets: readonly number[];
  seed: number;
  /** Counts from 0; each has its own order. */
  epoch: number;
  shuffle: boolean;
  groupByLength: GroupByLength;
}

export interface CollateOptions {
  task: Task;
  batchSize: number;
  padId: number;
  /** masked-lm: without it no token is masked and every one counts, as inspection needs it. */
  masking?: Masking | undefined;
  /** Where examples share rows: so many there may be, ascending. A batch that needs more has as many as it needs. */
  rowCounts?: readonly number[] | undefined;
  /** Where a teacher with another tokenizer reads them too: with what, and to which lengths its rows are padded, ascending. */
  teacher?: { padId: number; lengths: readonly number[] } | undefined;
}

const bucketStep = 8;
const fewBuckets: Few = { most: 4, worth: 0.05 };

/** Of batches that are few, a further length must save as much as so many of them take: about what it takes to build its graph. */
const BATCHES_OF_A_GRAPH = 4;

/**
 * Up to four lengths, ascending, to pad examples of these `lengths` to, chosen so that little is padding. They are multiples
 * of 8, except that none is above `maxLength` (a model has no positions beyond it).
 * @param batches that there will be, where they are computed a few times only
 */
export function bucketLengths(lengths: ArrayLike<number>, maxLength: number, batches = Infinity): number[] {
  // counts[k]: examples whose length rounds up to (k + 1) · 8.
  const counts: number[] = [];
  for (let i = 0; i < lengths.length; i++) {
    const length = lengths[i]!;
    const k = Math.max(0, Math.ceil(Math.min(length, maxLength) / bucketStep) - 1);
    while (counts.length <= k) counts.push(0);
    counts[k]!++;
  }
  if (counts.length === 0) return [Math.min(bucketStep, maxLength)];
  const few = { ...fewBuckets, worth: Math.max(fewBuckets.worth, BATCHES_OF_A_GRAPH / batches) };
  return fewSizes(counts, few).map((k) => Math.min((k + 1) * bucketStep, maxLength));
}

/** The lengths to pad examples to. Where those of a sample alone are known, the longest that there can be is one of them. */
export function bucketsOf(examples: Examples, maxLength: number, batches?: number): number[] {
  const buckets = bucketLengths(sampledLengths(examples), maxLength, batches);
  return examples.sample && buckets.at(-1)! < maxLength ? [...buckets, maxLength] : buckets;
}

/**
 * Grouping by length lets class and length go together where there are few batches to mix, so that a window has at least so
 * many; fewer are not grouped at all.
 */
const windowBatches = 50;

/** As it is held: an epoch may be one window. */
interface PackedBatch {
  length: number;
  indices: Uint32Array;
}

/** The batches of an epoch, which may be millions: those of a window are made when one of them is asked for. */
export class EpochPlan implements Iterable<PlannedBatch> {
  private made: { window: number; batches: PackedBatch[] } | undefined;

  /**
   * @param sequence in which the batches come; each window's are among themselves
   * @param firstOf the first batch of a window
   * @param make the batches of a window
   */
  constructor(
    private readonly sequence: Uint32Array,
    private readonly windows: number,
    private readonly firstOf: (window: number) => number,
    private readonly make: (window: number) => PackedBatch[],
  ) {}

  get length(): number {
    return this.sequence.length;
  }

  at(index: number): PlannedBatch {
    let window = Math.floor((index * this.windows) / this.length);
    while (this.firstOf(window + 1) <= index) window++;
    while (this.firstOf(window) > index) window--;
    if (this.made?.window !== window) this.made = { window, batches: this.make(window) };
    const { length, indices } = this.made.batches[this.sequence[index]! - this.firstOf(window)]!;
    return { length, indices: Array.from(indices) };
  }

  *[Symbol.iterator](): Iterator<PlannedBatch> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
}

/**
 * The batches of one epoch. Each has one length; each example is in one batch. Of grouped ones, what is left of a bucket moves
 * up to the next. Only the last batch of a window's longest bucket may be short, and of the last window alone; so the number of
 * batches is the same in every epoch.
 */
export function planEpoch(lengths: Lengths, options: PlanOptions): EpochPlan {
  const { batchSize, buckets, seed, epoch, shuffle, groupByLength } = options;
  const count = lengths.length;
  const batches = Math.ceil(count / batchSize);
  const random = randomStream(seed, epoch);
  const inOrder = Uint32Array.from({ length: count }, (_, i) => i);
  const isMixed = groupByLength !== true && shuffle;
  const examples = isMixed ? shuffleInPlace(inOrder, random) : inOrder;
  const bucketOf = (example: number): number => {
    const length = lengths.at(example)!;
    const bucket = buckets.findIndex((limit) => length <= limit);
    if (bucket < 0) throw new RangeError(`Example ${example} has ${length} tokens, more than any bucket holds.`);
    return bucket;
  };
  const windows =
    groupByLength === false ? batches : groupByLength === true ? 1 : Math.floor(batches / windowBatches) || batches;
  const firstOf = (window: number): number => Math.floor((window * batches) / windows);
  const make = (window: number): PackedBatch[] => {
    const [first, end] = [firstOf(window), firstOf(window + 1)];
    const within = examples.subarray(first * batchSize, Math.min(end * batchSize, count));
    // A batch alone is padded to the longest of its examples.
    const limits = end - first === 1 ? [Math.max(-1, ...within.map(bucketOf))] : buckets.keys();
    const members = membersOf(within, bucketOf, buckets.length);
    const last = members.findLastIndex((some) => some.length > 0);
    const made: PackedBatch[] = [];
    let waiting = new Uint32Array();
    for (const bucket of limits) {
      const own = end - first === 1 ? within : members[bucket]!;
      waiting = joined(waiting, isMixed || !shuffle ? own : shuffled(own, random));
      const whole = bucket >= last ? waiting.length : waiting.length - (waiting.length % batchSize);
      for (let at = 0; at < whole; at += batchSize) {
        made.push({ length: buckets[bucket]!, indices: waiting.subarray(at, Math.min(at + batchSize, whole)) });
      }
      waiting = waiting.slice(whole);
    }
    return made;
  };
  // A window that is the whole epoch is drawn before the sequence, and once.
  const whole = windows === 1 && !isMixed ? make(0) : undefined;
  const sequence = Uint32Array.from({ length: batches }, (_, i) => i);
  for (let window = 0; shuffle && window < windows; window++) {
    const [first, end] = [firstOf(window), firstOf(window + 1)];
    sequence.set(shuffled(sequence.subarray(first, end), random), first);
  }
  return new EpochPlan(sequence, windows, firstOf, (window) => whole ?? make(window));
}

/** The examples of each bucket, in their order. */
function membersOf(examples: Uint32Array, bucketOf: (example: number) => number, buckets: number): Uint32Array[] {
  const counts = new Uint32Array(buckets);
  for (const example of examples) counts[bucketOf(example)]!++;
  const members = Array.from(counts, (size) => new Uint32Array(size));
  counts.fill(0);
  for (const example of examples) {
    const bucket = bucketOf(example);
    members[bucket]![counts[bucket]!++] = example;
  }
  return members;
}

function joined(first: Uint32Array, second: Uint32Array): Uint32Array<ArrayBuffer> {
  const both = new Uint32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/**
 * Always `batchSize` rows, the texts of a pair in one; or where they are shared one of `rowCounts`; examples without tokens are left out. Filler rows have attention
 * mask 0 and labels −100.
 */
export function collate(examples: Examples, planned: PlannedBatch, options: CollateOptions): Batch {
  const { task, batchSize, padId, masking, rowCounts } = options;
  const { length } = planned;
  const members = planned.indices.map((index) => examples.at(index)!);
  const rowStarts = rowCounts ? sharedRows(members, length, rowCounts) : ownRows(members, length, batchSize);
  const size = rowStarts.rows * length;
  const perToken = isPerToken(task);
  const first = members[0]?.labels;
  const numbers = first instanceof Float32Array ? first.length : 0;
  const texts = examples.isPaired ? 2 : 1;
  const packed: Packed | undefined =
    rowCounts || examples.isPaired
      ? {
          positionIds: new Int32Array(size),
          segments: new Int32Array(size),
          starts: new Int32Array(batchSize * texts),
          ...(texts === 2 && { texts }),
        }
      : undefined;
  const batch: Batch = {
    rows: rowStarts.rows,
    length,
    inputIds: new Int32Array(size).fill(padId),
    typeIds: new Int32Array(size),
    attentionMask: new Float32Array(size),
    labels:
      numbers > 0
        ? new Float32Array(batchSize * texts * numbers).fill(NaN)
        : new Int32Array(perToken ? size : batchSize).fill(notCounted),
    indices: new Int32Array(batchSize).fill(-1),
    tokens: 0,
    packed,
  };
  for (const [member, { inputIds, typeIds, labels }] of members.entries()) {
    const index = planned.indices[member]!;
    const at = rowStarts.starts[member]!;
    const width = inputIds.length;
    // Nothing can be learnt of it: its row is a filler.
    if (width === 0) continue;
    if (width > length) throw new RangeError(`Example ${index} has ${width} tokens, more than the batch's ${length}.`);
    batch.indices[member] = index;
    batch.tokens += width;
    batch.attentionMask.fill(1, at, at + width);
    // Of a pair they only tell its texts apart: each by itself is of the first type.
    if (!examples.isPaired) batch.typeIds.set(typeIds, at);
    if (labels instanceof Int32Array) {
      const masked =
        taskFacts[task].isMasked && masking ? maskTokens(inputIds, labels, index, masking) : { inputIds, labels };
      batch.inputIds.set(masked.inputIds, at);
      batch.labels.set(masked.labels, at);
    } else {
      batch.inputIds.set(inputIds, at);
      if (typeof labels === 'number') batch.labels[member] = labels;
      else for (let text = 0; text < texts; text++) batch.labels.set(labels, (member * texts + text) * numbers);
    }
    if (!packed) continue;
    const ends = examples.isPaired ? [secondText(typeIds), width] : [width];
    let start = 0;
    for (const [text, end] of ends.entries()) {
      const number = member * texts + text;
      packed.starts[number] = at + start;
      packed.segments.fill(number + 1, at + start, at + end);
      for (let i = start; i < end; i++) packed.positionIds[at + i] = i - start;
      start = end;
    }
    // No token before it is of its own text, so that nothing predicts it.
    if (task === 'causal-lm') batch.labels[at] = notCounted;
  }
  batch.spans = spansOf(members, rowStarts.starts, size);
  if (examples.teachers) batch.teacher = collateForTeacher(examples.teachers, planned.indices, options);
  return batch;
}

/** Undefined where examples have none. */
function spansOf(members: readonly TokenExample[], starts: readonly number[], size: number): Uint8Array | undefined {
  if (!members.some((member) => member.spans)) return undefined;
  const spans = new Uint8Array(size);
  for (const [member, { spans: own }] of members.entries()) if (own) spans.set(own, starts[member]);
  return spans;
}

function collateForTeacher(
  examples: Examples,
  indices: readonly number[],
  { task, batchSize, teacher }: CollateOptions,
): Batch {
  if (!teacher) throw new Error('the teacher of these examples reads them by another tokenizer, which is not told');
  const longest = Math.max(...indices.map((index) => examples.at(index)!.inputIds.length));
  const length = teacher.lengths.find((one) => one >= longest) ?? longest;
  return collate(examples, { length, indices: [...indices] }, { task, batchSize, padId: teacher.padId });
}

/** Where the examples of a batch lie: each one's first token in [rows · length]. */
interface RowStarts {
  rows: number;
  starts: readonly number[];
}

const ownRows = (members: readonly TokenExample[], length: number, rows: number): RowStarts => ({
  rows,
  starts: members.map((_, row) => row * length),
});

function sharedRows(members: readonly TokenExample[], length: number, rowCounts: readonly number[]): RowStarts {
  const lengths = members.map(({ inputIds }) => inputIds.length);
  const rows = packRows(lengths, length);
  const starts = new Array<number>(members.length).fill(0);
  for (const [row, inRow] of rows.entries()) {
    let at = row * length;
    for (const member of inRow) {
      starts[member] = at;
      at += lengths[member]!;
    }
  }
  return { rows: rowCounts.find((count) => count >= rows.length) ?? rows.length, starts };
}
