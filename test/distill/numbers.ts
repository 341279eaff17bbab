/** @file Small tools for tests of tensor functions: reading values, seeded inputs, differences. */

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, expect } from 'vitest';

/** Runs this file's tests on the plain JavaScript backend; called before its first tensor, those outside of tests too: what an earlier file has used is still in use. */
export function onCpu(): void {
  const use = (): Promise<boolean> => tf.setBackend('cpu');
  // At once, for this backend has nothing to wait for.
  void use();
  beforeAll(use);
}

export const valuesOf = (x: tf.Tensor): number[] => Array.from(x.dataSync());

export const valueOf = (x: tf.Tensor): number => x.dataSync()[0]!;

/** Standard normal values times `scale`. */
export const normal = (shape: [number, number], seed: number, scale = 1): tf.Tensor2D =>
  tf.randomNormal<tf.Rank.R2>(shape, 0, scale, 'float32', seed);

export function expectClose(
  actual: tf.Tensor | ArrayLike<number>,
  expected: tf.Tensor | ArrayLike<number>,
  within: number,
) {
  const [a, b] = [actual, expected].map((x) => (x instanceof tf.Tensor ? valuesOf(x) : Array.from(x)));
  expect(a!.length).toBe(b!.length);
  // `not <=` rather than `>`, so that a NaN is a difference.
  const different = a!.flatMap((value, i) =>
    !(Math.abs(value - b![i]!) <= within) ? [`at ${i}: ${value}, expected ${b![i]!}`] : [],
  );
  expect(different).toEqual([]);
}

export function expectFinite(...tensors: tf.Tensor[]): void {
  for (const x of tensors) expect(valuesOf(x).every(Number.isFinite)).toBe(true);
}
