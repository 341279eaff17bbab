/** @file Our distillation of a case, ready to take steps. */

import type { Architecture } from '../src/model/architecture';
import { join } from 'node:path';
import { FrozenTeacher, type TargetSource } from '../src/distill/teacher/teacher';
import type { DistilledPair, Objective } from '../src/distill/pairing';
import { epochBatches } from '../src/distill/training/epochs';
import { Trainer, type BatchSource } from '../src/distill/training/trainer';
import type { Executor } from '../src/engine/executor';
import { loadCheckpoint } from '../src/model/files/checkpoint';
import type { FrozenParameters, Parameters } from '../src/model/parameters';
import { loadModel } from '../src/runner/run/models';
import { readSafetensors } from '../src/model/files/safetensors';
import { bucketsOf, collate, type Batch } from '../src/dataset/batches';
import type { Example } from '../src/dataset/examples';
import type { Tokenizer } from '../src/tokenizer/tokenizer';
import { COMPARED_STEPS } from './compare';
import { readSetup, type Setup } from './setup';

/** Steps of the longest benchmark; the rate is constant, so it only has to be large enough. */
const STEPS = 1_000_000;

/** A case's folder in memory. */
export interface Distillation {
  setup: Setup;
  pairing: DistilledPair<Architecture>;
  teacher: FrozenParameters;
  student: Parameters;
  batches: Batch[];
  /** Other batches than those again and again. */
  source?: BatchSource;
}

export function objectiveOf({ temperature, alpha }: Setup): Objective {
  return { divergence: 'forward-kl', beta: 0.5, scaleByTemperatureSquared: true, temperature, alpha };
}

/**
 * @param packs whether rows share one; of a case whose rows have lengths of their own
 * @param executor for which the teacher is read as a run reads it
 */
export async function readDistillation(
  folder: string,
  packs = false,
  executor: Pick<Executor, 'placeBfloat16'> = {},
): Promise<Distillation> {
  const teacher = await loadModel(executor, join(folder, 'teacher'), undefined, true);
  const student = await loadCheckpoint(join(folder, 'student'));
  const setup = await readSetup(folder);
  const batches = await readBatches(folder);
  return {
    setup,
    pairing: {
      student: student.architecture,
      teacher: teacher.architecture,
      objective: objectiveOf(setup),
    },
    teacher: teacher.parameters,
    student: student.parameters,
    batches,
    ...(setup.ownLengths && { source: ownEpochs(batches, setup, packs) }),
  };
}

/** The same batches again and again. */
const again = (batches: readonly Batch[]): BatchSource => ({
  steps: STEPS,
  stepsPerEpoch: batches.length,
  batchesOf: (step) => [batches[step % batches.length]!],
});

/** The compared steps' batches as they are, and then epochs of all rows as a run has them. */
function ownEpochs(batches: readonly Batch[], { task }: Setup, pack: boolean): BatchSource {
  const [{ rows, length }] = batches as [Batch];
  const examples = batches.flatMap(examplesOf);
  const tokenizer = { padId: 0, special: {} } as unknown as Tokenizer;
  const lengths = { task, tokenizer, batchSize: rows, maxLength: length } as const;
  const order = { epochs: STEPS, gradientAccumulation: 1, groupByLength: 'auto', seed: 1 } as const;
  const epochs = epochBatches(examples, { ...lengths, ...order, pack });
  const buckets = bucketsOf(examples, length);
  const compared = (step: number): Batch => {
    const indices = Array.from({ length: rows }, (_, row) => step * rows + row);
    const longest = Math.max(...indices.map((index) => examples[index]!.inputIds.length));
    const shared = { length: buckets.at(-1)!, indices };
    const own = { length: buckets.find((bucket) => bucket >= longest)!, indices };
    return collate(examples, pack ? shared : own, {
      task,
      batchSize: rows,
      padId: 0,
      rowCounts: pack ? [] : undefined,
    });
  };
  return {
    ...epochs,
    batchesOf: (step) => (step < COMPARED_STEPS ? [compared(step)] : epochs.batchesOf(step - COMPARED_STEPS)),
  };
}

/** The rows of a batch without their padding. */
export function examplesOf({ rows, length, inputIds, attentionMask, labels }: Batch): Example[] {
  return Array.from({ length: rows }, (_, row) => {
    const tokens = attentionMask.subarray(row * length, (row + 1) * length).reduce((a, b) => a + b, 0);
    const part = (data: Int32Array): Int32Array => data.slice(row * length, row * length + tokens);
    const label = labels.length === rows ? labels[row]! : part(labels as Int32Array);
    return { inputIds: part(inputIds), typeIds: new Int32Array(tokens), labels: label } as Example;
  });
}

/** The trainer of a run, on the batches of the case. Without `targets` the teacher is asked in every step. */
export function createTrainer(
  { setup, pairing, teacher, student, batches, source = again(batches) }: Distillation,
  executor: Executor,
  targets?: TargetSource,
): Trainer {
  const { task, learningRate, weightDecay, clipNorm, moments } = setup;
  return new Trainer({
    executor,
    task,
    pairing,
    teacher: new FrozenTeacher(executor, pairing.teacher, teacher),
    targets,
    source,
    options: {
      learningRate,
      schedule: 'constant',
      warmup: 0,
      weightDecay,
      decayBiasAndNorm: false,
      clipNorm,
      moments,
      seed: 1,
    },
    initial: student,
  });
}

async function readBatches(folder: string): Promise<Batch[]> {
  const stored = await readSafetensors(join(folder, 'batches.safetensors'));
  const [count, rows, length] = stored.input_ids!.shape as [number, number, number];
  const part = (name: string, index: number): Int32Array => {
    const data = stored[name]!.data as Int32Array;
    return data.subarray((data.length / count) * index, (data.length / count) * (index + 1));
  };
  return Array.from({ length: count }, (_, index) => {
    const attentionMask = Float32Array.from(part('attention_mask', index));
    return {
      rows,
      length,
      inputIds: part('input_ids', index),
      typeIds: new Int32Array(rows * length),
      attentionMask,
      labels: part('labels', index),
      indices: Int32Array.from({ length: rows }, (_, row) => index * rows + row),
      tokens: attentionMask.reduce((a, b) => a + b, 0),
    };
  });
}
