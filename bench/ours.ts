/** @file Our distillation of a case, ready to take steps. */

import type { Architecture } from '../src/model/architecture';
import { join } from 'node:path';
import { FrozenTeacher, type TargetSource } from '../src/distill/teacher/teacher';
import type { DistilledPair, Objective } from '../src/distill/pairing';
import { Trainer } from '../src/distill/training/trainer';
import type { Executor } from '../src/engine/executor';
import { loadCheckpoint } from '../src/model/files/checkpoint';
import type { Parameters } from '../src/model/parameters';
import { readSafetensors } from '../src/model/files/safetensors';
import type { Batch } from '../src/dataset/batches';
import { readSetup, type Setup } from './setup';

/** Steps of the longest benchmark; the rate is constant, so it only has to be large enough. */
const STEPS = 1_000_000;

/** A case's folder in memory. */
export interface Distillation {
  setup: Setup;
  pairing: DistilledPair<Architecture>;
  teacher: Parameters;
  student: Parameters;
  batches: Batch[];
}

export function objectiveOf({ temperature, alpha }: Setup): Objective {
  return { divergence: 'forward-kl', beta: 0.5, scaleByTemperatureSquared: true, temperature, alpha };
}

export async function readDistillation(folder: string): Promise<Distillation> {
  const teacher = await loadCheckpoint(join(folder, 'teacher'));
  const student = await loadCheckpoint(join(folder, 'student'));
  const setup = await readSetup(folder);
  return {
    setup,
    pairing: {
      student: student.architecture,
      teacher: teacher.architecture,
      objective: objectiveOf(setup),
    },
    teacher: teacher.parameters,
    student: student.parameters,
    batches: await readBatches(folder),
  };
}

/** The trainer of a run, on the batches of the case. Without `targets` the teacher is asked in every step. */
export function createTrainer(
  { setup, pairing, teacher, student, batches }: Distillation,
  executor: Executor,
  targets?: TargetSource,
): Trainer {
  const { task, learningRate, weightDecay, clipNorm } = setup;
  return new Trainer({
    executor,
    task,
    pairing,
    teacher: new FrozenTeacher(executor, pairing.teacher, teacher),
    targets,
    source: {
      steps: STEPS,
      stepsPerEpoch: batches.length,
      batchesOf: (step) => [batches[step % batches.length]!],
    },
    options: {
      learningRate,
      schedule: 'constant',
      warmup: 0,
      weightDecay,
      decayBiasAndNorm: false,
      clipNorm,
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
