/** @file A step that is compared with PyTorch's: of a training in which nothing but the loss and its gradients counts. */

import type { TrainingOptions } from '../../src/distill/training/trainer';
import type { HostTensor } from '../../src/engine/array';
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
