/** @file Examples become the batches of a training, in an order that seed and epoch decide, or those of an evaluation. */

import type { Task } from '../protocol/records';
import {
  bucketLengths,
  collate,
  planEpoch,
  type Batch,
  type CollateOptions,
  type PlannedBatch,
} from '../dataset/batches';
import type { Example } from '../dataset/examples';
import { maskedShare } from '../dataset/masking';
import type { Tokenizer } from '../tokenizer/tokenizer';
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
  seed: number;
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

const lengthsOf = (examples: readonly Example[]): number[] => examples.map((example) => example.inputIds.length);

/**
 * The batches of each update of an epoch. An update has the rows of one batch that is `gradientAccumulation` times as large, in its
 * order and padded to its length, so that how it is divided changes memory and nothing else.
 */
function planUpdates(examples: readonly Example[], options: EpochOptions, epoch: number): PlannedBatch[][] {
  const { batchSize, gradientAccumulation, seed } = options;
  const lengths = lengthsOf(examples);
  const buckets = bucketLengths(lengths, options.maxLength);
  const whole = planEpoch(lengths, {
    batchSize: batchSize * gradientAccumulation,
    buckets,
    seed,
    epoch,
    shuffle: true,
  });
  return whole.map(({ length, indices }) =>
    Array.from({ length: Math.ceil(indices.length / batchSize) }, (_, part) => ({
      length,
      indices: indices.slice(part * batchSize, (part + 1) * batchSize),
    })),
  );
}

/** Batches of several epochs; every epoch has the same number of steps. */
export function epochBatches(examples: readonly Example[], options: EpochOptions): BatchSource {
  const { seed } = options;
  const stepsPerEpoch = planUpdates(examples, options, 0).length;
  let current = { epoch: -1, updates: [] as PlannedBatch[][] };
  return {
    steps: options.steps ?? stepsPerEpoch * options.epochs,
    stepsPerEpoch,
    batchesOf: (step) => {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (current.epoch !== epoch) current = { epoch, updates: planUpdates(examples, options, epoch) };
      const planned = current.updates[step % stepsPerEpoch]!;
      return planned.map((batch) => collate(examples, batch, collation(options, seed, epoch)));
    },
  };
}

/** A batch of each length of the first epoch, the longest first: it takes the most memory. */
export function batchOfEachLength(examples: readonly Example[], options: EpochOptions): Batch[] {
  const planned = planUpdates(examples, options, 0).flat();
  return oneOfEachLength(planned).map((batch) => collate(examples, batch, collation(options, options.seed, 0)));
}

/** The longest first. */
export function oneOfEachLength<T extends { length: number }>(batches: readonly T[]): T[] {
  const one = [...new Map(batches.map((batch) => [batch.length, batch])).values()];
  return one.sort((a, b) => b.length - a.length);
}

/** Every example once, the same batches each time. */
export function evaluationBatches(examples: readonly Example[], options: BatchOptions): Batch[] {
  const lengths = lengthsOf(examples);
  const buckets = bucketLengths(lengths, options.maxLength);
  const planned = planEpoch(lengths, { batchSize: options.batchSize, buckets, seed: 0, epoch: 0, shuffle: false });
  return planned.map((batch) => collate(examples, batch, collation(options, EVALUATION_SEED, 0)));
}

/** One example as a batch of its own, without padding. */
export function singleBatch(
  examples: readonly Example[],
  index: number,
  options: Omit<BatchOptions, 'batchSize'>,
): Batch {
  const planned = { length: examples[index]!.inputIds.length, indices: [index] };
  return collate(examples, planned, collation({ ...options, batchSize: 1 }, EVALUATION_SEED, 0));
}
