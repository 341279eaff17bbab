/** @file Examples become the batches of a training, in an order that seed and epoch decide, or those of an evaluation. */

import type { Task } from '../../protocol/records';
import {
  bucketsOf,
  collate,
  planEpoch,
  type Batch,
  type CollateOptions,
  type EpochPlan,
  type GroupByLength,
  type PlannedBatch,
} from '../../dataset/batches';
import { lengthsOf, lengthsWhenAsked, type Examples } from '../../dataset/example-store';
import { maskedShare } from '../../dataset/masking';
import type { Tokenizer } from '../../tokenizer/tokenizer';
import type { BatchSource } from './trainer';

/** Evaluations mask the same tokens each time, whatever the training's seed. */
const EVALUATION_SEED = 0x5eed;

export interface BatchOptions {
  task: Task;
  tokenizer: Tokenizer;
  batchSize: number;
  /** Longest example in tokens. */
  maxLength: number;
}

export interface EpochOptions extends BatchOptions {
  epochs: number;
  /** Optimizer steps of the whole training, where that is not to be as many as `epochs` have. */
  steps?: number;
  /** Batches that make one optimizer step. */
  gradientAccumulation: number;
  groupByLength: GroupByLength;
  seed: number;
}

/** Batches that are made when they are asked for. */
export interface Batches extends Iterable<Batch> {
  readonly length: number;
  at(index: number): Batch;
}

function collation(options: BatchOptions, seed: number, epoch: number): CollateOptions {
  const { task, tokenizer, batchSize } = options;
  const maskId = tokenizer.special.mask;
  return {
    task,
    batchSize,
    padId: tokenizer.padId,
    masking:
      task === 'masked-lm' && maskId !== undefined
        ? { seed, epoch, probability: maskedShare, vocabularySize: tokenizer.vocabularySize, maskId }
        : undefined,
  };
}

/**
 * The updates of an epoch, as large batches. An update has the rows of one batch that is `gradientAccumulation` times as large, in its
 * order and padded to its length, so that how it is divided changes memory and nothing else.
 */
function planUpdates(examples: Examples, options: EpochOptions): (epoch: number) => EpochPlan {
  const { batchSize, gradientAccumulation, groupByLength, seed } = options;
  const lengths = lengthsWhenAsked(examples);
  const buckets = bucketsOf(examples, options.maxLength);
  const large = batchSize * gradientAccumulation;
  return (epoch) => planEpoch(lengths, { batchSize: large, buckets, seed, epoch, shuffle: true, groupByLength });
}

/** The batches of an update. */
function divided({ length, indices }: PlannedBatch, batchSize: number): PlannedBatch[] {
  return Array.from({ length: Math.ceil(indices.length / batchSize) }, (_, part) => ({
    length,
    indices: indices.slice(part * batchSize, (part + 1) * batchSize),
  }));
}

/** Batches of several epochs; every epoch has the same number of steps. */
export function epochBatches(examples: Examples, options: EpochOptions): BatchSource {
  const { seed, batchSize, gradientAccumulation } = options;
  const stepsPerEpoch = Math.ceil(examples.length / (batchSize * gradientAccumulation));
  const plan = planUpdates(examples, options);
  let current: { epoch: number; updates: EpochPlan } | undefined;
  return {
    steps: options.steps ?? stepsPerEpoch * options.epochs,
    stepsPerEpoch,
    batchesOf: (step) => {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (current?.epoch !== epoch) current = { epoch, updates: plan(epoch) };
      const update = current.updates.at(step % stepsPerEpoch);
      return divided(update, batchSize).map((batch) => collate(examples, batch, collation(options, seed, epoch)));
    },
  };
}

/** A batch of each length of the first epoch, the longest first: it takes the most memory. */
export function batchOfEachLength(examples: Examples, options: EpochOptions): Batch[] {
  const updates = examples.sample ? sampledUpdates(examples, options) : planUpdates(examples, options)(0);
  const planned = oneOfEachLength(updates).flatMap((update) => divided(update, options.batchSize).slice(0, 1));
  return planned.map((batch) => collate(examples, batch, collation(options, options.seed, 0)));
}

/** Of each length a batch of examples of the sample that it holds, where who has which length is not known of all. */
function sampledUpdates(examples: Examples, { batchSize, maxLength }: EpochOptions): PlannedBatch[] {
  const sample = Array.from(examples.sample ?? []);
  return bucketsOf(examples, maxLength).map((length) => {
    const fitting = sample.filter((index) => examples.at(index)!.inputIds.length <= length);
    return { length, indices: fitting.slice(-batchSize) };
  });
}

/** The longest first. */
function oneOfEachLength<T extends { length: number }>(batches: Iterable<T>): T[] {
  const one = new Map<number, T>();
  for (const batch of batches) if (!one.has(batch.length)) one.set(batch.length, batch);
  return [...one.values()].sort((a, b) => b.length - a.length);
}

function planEvaluation(examples: Examples, options: BatchOptions): EpochPlan {
  const { batchSize, maxLength } = options;
  const lengths = lengthsOf(examples);
  const buckets = bucketsOf(examples, maxLength);
  return planEpoch(lengths, { batchSize, buckets, seed: 0, epoch: 0, shuffle: false, groupByLength: true });
}

/** Every example once, the same batches each time. */
export function evaluationBatches(examples: Examples, options: BatchOptions): Batches {
  const plan = planEvaluation(examples, options);
  const at = (index: number): Batch => collate(examples, plan.at(index), collation(options, EVALUATION_SEED, 0));
  return {
    length: plan.length,
    at,
    *[Symbol.iterator]() {
      for (let index = 0; index < plan.length; index++) yield at(index);
    },
  };
}

/** One of those for each length, the longest first. */
export function evaluationBatchOfEachLength(examples: Examples, options: BatchOptions): Batch[] {
  const planned = oneOfEachLength(planEvaluation(examples, options));
  return planned.map((batch) => collate(examples, batch, collation(options, EVALUATION_SEED, 0)));
}

/** One example as a batch of its own, without padding. */
export function singleBatch(examples: Examples, index: number, options: Omit<BatchOptions, 'batchSize'>): Batch {
  const planned = { length: examples.at(index)!.inputIds.length, indices: [index] };
  return collate(examples, planned, collation({ ...options, batchSize: 1 }, EVALUATION_SEED, 0));
}
