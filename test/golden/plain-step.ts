/** @file A step that is compared with PyTorch's: of a training in which nothing but the loss and its gradients counts. */

import type { Batch } from '../../src/dataset/batches';
import type { Pairing } from '../../src/distill/pairing';
import { FrozenTeacher } from '../../src/distill/teacher/teacher';
import { Trainer, type TrainingOptions } from '../../src/distill/training/trainer';
import type { HostTensor } from '../../src/engine/array';
import type { Executor } from '../../src/engine/executor';
import type { Model } from '../../src/model/parameters';
import type { MetricsRecord, Task } from '../../src/protocol/records';
import { readSafetensors, toFloat32 } from '../../src/model/files/safetensors';
import { expectClose } from './compare';

/** Nothing is decayed, and no gradient is cut. */
export const plainStep: TrainingOptions = {
  learningRate: 1e-3,
  schedule: 'constant',
  warmup: 0,
  weightDecay: 0,
  decayBiasAndNorm: false,
  clipNorm: 0,
  seed: 1,
};

/** One step on one batch, with the teacher asked. @returns what is recorded of it */
export async function stepOn(
  executor: Executor,
  task: Task,
  pairing: Pairing,
  { teacher, student }: { teacher: Model; student: Model },
  batch: Batch,
): Promise<MetricsRecord> {
  const trainer = new Trainer({
    executor,
    task,
    pairing,
    teacher: new FrozenTeacher(executor, teacher.architecture, teacher.parameters),
    source: { steps: 1, stepsPerEpoch: 1, batchesOf: () => [batch] },
    options: plainStep,
    initial: student.parameters,
  });
  const record = await trainer.step();
  await trainer.release();
  return record;
}

/**
 * Each gradient of a file, to 1e-4.
 * @param outputs of the gradients' program
 * @returns how many they are
 */
export async function expectGradients(file: string, outputs: Readonly<Record<string, HostTensor>>): Promise<number> {
  const stored = Object.entries(await readSafetensors(file));
  for (const [parameter, expected] of stored) {
    expectClose(parameter, outputs[`gradient.${parameter}`]!.data, toFloat32(expected)!, 1e-4);
  }
  return stored.length;
}
