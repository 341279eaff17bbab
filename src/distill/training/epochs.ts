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
import { lengthsOf, lengthsWhenAsked, sampledLengths, type Examples } from '../../dataset/example-store';
import type { TextReading } from '../../dataset/examples';
import { maskedShare } from '../../dataset/masking';
import { packRows, rowCounts } from '../../dataset/packing';
import { randomStream } from '../../engine/random';
import type { Tokenizer } from '../../tokenizer/tokenizer';
import type { BatchSource } from './trainer';
import { taskFacts } from '../../protocol/tasks';

/** Of the batches that tell into how many rows others are packed. */
const PACKING_SEED = 0x7061636b;

/** Evaluations mask the same tokens each time, whatever the training's seed. */
const EVALUATION_SEED = 0x5eed;

export interface BatchOptions {
  task: Task;
  tokenizer: Tokenizer;
  batchSize: number;
  /** Longest example in tokens. */
  maxLength: number;
  /** How a teacher with another tokenizer reads the examples. */
  teacher?: TextReading | undefined;
}

export interface EpochOptions extends BatchOptions {
  epochs: number;
  /** Optimizer steps of the whole training, where that is not to be as many as `epochs` have. */
  steps?: number;
  /** Batches that make one optimizer step. */
  gradientAccumulation: number;
  groupByLength: GroupByLength;
  /** Whether examples share rows. Then "auto" groups none: there is little padding left to save. */
  pack?: boolean | undefined;
  seed: number;
}

/** Batches that are made when they are asked for. */
export interface Batches extends Iterable<Batch> {
  readonly length: number;
  at(index: number): Batch;
  /** Which examples are in a batch, row by row. */
  examplesOf(index: number): readonly number[];
}

/** How batches are given to a teacher with another tokenizer. @param batches that there will be, where they are computed a few times only */
function forTeacher(
  { teachers }: Examples,
  { teacher }: Pick<BatchOptions, 'teacher'>,
  batches?: number,
): Pick<CollateOptions, 'teacher'> {
  if (!teachers || !teacher) return {};
  const { tokenizer, maxLength } = teacher;
  const longest = teachers.isPaired ? 2 * maxLength : maxLength;
  return { teacher: { padId: tokenizer.padId, lengths: bucketsOf(teachers, longest, batches) } };
}

function collation(options: BatchOptions, seed: number, epoch: number, rowCounts?: number[]): CollateOptions {
  const { task, tokenizer, batchSize } = options;
  const maskId = tokenizer.special.mask;
  return {
    task,
    batchSize,
    padId: tokenizer.padId,
    masking:
      taskFacts[task].isMasked && maskId !== undefined
        ? { seed, epoch, probability: maskedShare, vocabularySize: tokenizer.vocabularySize, maskId }
        : undefined,
    rowCounts,
  };
}

/** How the updates of a training are planned, and into how many rows their batches are packed. */
interface Plan {
  ofEpoch: (epoch: number) => EpochPlan;
  rowCounts: number[] | undefined;
}

/**
 * The updates of an epoch, as large batches. An update has the rows of one batch that is `gradientAccumulation` times as large, in its
 * order and padded to its length, so that how it is divided changes memory and nothing else. Packed ones are all of the greatest length.
 */
function planUpdates(examples: Examples, options: EpochOptions): Plan {
  const { batchSize, gradientAccumulation, pack, seed } = options;
  const lengths = lengthsWhenAsked(examples);
  const all = bucketsOf(examples, options.maxLength);
  const buckets = pack ? all.slice(-1) : all;
  const groupByLength = pack && options.groupByLength === 'auto' ? false : options.groupByLength;
  const large = batchSize * gradientAccumulation;
  return {
    ofEpoch: (epoch) => planEpoch(lengths, { batchSize: large, buckets, seed, epoch, shuffle: true, groupByLength }),
    rowCounts: pack ? rowCounts(rowsNeeded(sampledLengths(examples), batchSize, buckets[0]!)) : undefined,
  };
}

/** Examples that are packed to tell how many rows batches need. */
const TRIED_EXAMPLES = 20_000;

/** How many rows some batches of these lengths need, drawn the same each time. */
function rowsNeeded(lengths: Uint32Array, batchSize: number, length: number): number[] {
  const random = randomStream(PACKING_SEED);
  return Array.from({ length: Math.ceil(TRIED_EXAMPLES / batchSize) }, () => {
    const drawn = Array.from({ length: batchSize }, () => lengths[Math.floor(random() * lengths.length)]!);
    return packRows(drawn, length).length;
  });
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
  const { ofEpoch, rowCounts } = planUpdates(examples, options);
  const asTeacher = forTeacher(examples, options);
  let current: { epoch: number; updates: EpochPlan } | undefined;
  return {
    steps: options.steps ?? stepsPerEpoch * options.epochs,
    stepsPerEpoch,
    batchesOf: (step) => {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (current?.epoch !== epoch) current = { epoch, updates: ofEpoch(epoch) };
      const update = current.updates.at(step % stepsPerEpoch);
      return divided(update, batchSize).map((batch) =>
        collate(examples, batch, { ...collation(options, seed, epoch, rowCounts), ...asTeacher }),
      );
    },
  };
}

/** A batch of each length of the first epoch, or of each number of rows where examples share them, the largest first: it takes the most memory. */
export function batchOfEachLength(examples: Examples, options: EpochOptions): Batch[] {
  if (options.pack) return batchOfEachSize(examples, options);
  const updates = examples.sample ? sampledUpdates(examples, options) : planUpdates(examples, options).ofEpoch(0);
  const planned = oneOfEachLength(updates).flatMap((update) => divided(update, options.batchSize).slice(0, 1));
  const collating = { ...collation(options, options.seed, 0), ...forTeacher(examples, options) };
  return planned.map((batch) => collate(examples, batch, collating));
}

/** What is in it is of no account: the same examples in so many rows. */
function batchOfEachSize(examples: Examples, options: EpochOptions): Batch[] {
  const { ofEpoch, rowCounts } = planUpdates(examples, options);
  const [first] = divided(ofEpoch(0).at(0), options.batchSize) as [PlannedBatch];
  const few = { ...first, indices: first.indices.slice(0, 1) };
  const asTeacher = forTeacher(examples, options);
  return rowCounts!
    .map((rows) => collate(examples, few, { ...collation(options, options.seed, 0, [rows]), ...asTeacher }))
    .reverse();
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
  const buckets = bucketsOf(examples, maxLength, Math.ceil(examples.length / batchSize));
  return planEpoch(lengths, { batchSize, buckets, seed: 0, epoch: 0, shuffle: false, groupByLength: true });
}

/** Every example once, the same batches each time. */
export function evaluationBatches(examples: Examples, options: BatchOptions): Batches {
  const plan = planEvaluation(examples, options);
  const collating = { ...collation(options, EVALUATION_SEED, 0), ...forTeacher(examples, options, plan.length) };
  const at = (index: number): Batch => collate(examples, plan.at(index), collating);
  return {
    length: plan.length,
    at,
    examplesOf: (index) => plan.at(index).indices,
    *[Symbol.iterator]() {
      for (let index = 0; index < plan.length; index++) yield at(index);
    },
  };
}

/** One of those for each length, the longest first. */
export function evaluationBatchOfEachLength(examples: Examples, options: BatchOptions): Batch[] {
  const plan = planEvaluation(examples, options);
  const collating = { ...collation(options, EVALUATION_SEED, 0), ...forTeacher(examples, options, plan.length) };
  return oneOfEachLength(plan).map((batch) => collate(examples, batch, collating));
}

interface PaddedOptions extends Omit<BatchOptions, 'batchSize'> {
  /** Ascending. */
  lengths: readonly number[];
}

/** Some examples as a batch of their own, padded to the first of the lengths that all fit in: a program is made for each length. */
export function batchOf(examples: Examples, indices: readonly number[], { lengths, ...options }: PaddedOptions): Batch {
  const own = Math.max(...indices.map((index) => examples.at(index)!.inputIds.length));
  const planned = { length: lengths.find((length) => length >= own) ?? own, indices: [...indices] };
  const collating = collation({ ...options, batchSize: indices.length }, EVALUATION_SEED, 0);
  return collate(examples, planned, { ...collating, ...forTeacher(examples, options) });
}
