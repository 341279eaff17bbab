import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { largestValue, peakBytes } from '../../src/engine/graph/graph-memory';
import { record } from '../../src/engine/graph/trace-backend';
import { expectProgramFits, expectTensorFits } from '../../src/engine/webgpu/limits';
import type { DeviceDescription } from '../../src/engine/executor';

const KIB = 1024;
const vector = { shape: [256], dtype: 'float32' } as const; // 1 KiB

/** Outer product [256, 256] (256 KiB), its exponential, and their sum's total. */
const { graph } = record('outer', { x: vector, y: vector }, ({ x, y }) => {
  const product = tf.matMul(tf.reshape(x!, [256, 1]), tf.reshape(y!, [1, 256]));
  return { total: tf.sum(tf.add(tf.exp(product), product)) };
});

const gpu = (limits: Partial<DeviceDescription>): DeviceDescription => ({
  name: 'Test GPU',
  float16: false,
  software: false,
  ...limits,
});

describe('the memory of a graph', () => {
  it('is at its peak where most values live together', () => {
    // The product, its exponential and their sum, while the sum is computed; both reshaped vectors are gone.
    expect(peakBytes(graph)).toBe(3 * 256 * KIB);
  });

  it('knows the largest tensor', () => {
    expect(largestValue(graph).bytes).toBe(256 * KIB);
  });
});

describe('a GPU refuses before anything is tried', () => {
  it('a program that needs more memory than it has, with what is placed already', () => {
    const device = gpu({ memoryBytes: 800 * KIB });
    expect(() => expectProgramFits(graph, device, 32 * KIB)).not.toThrow();
    expect(() => expectProgramFits(graph, device, 33 * KIB)).toThrow(/outer needs at least 1 MiB of GPU memory/);
  });

  it('a tensor larger than it can bind', () => {
    expect(() => expectProgramFits(graph, gpu({ largestTensorBytes: 255 * KIB }), 0)).toThrow(/Test GPU/);
    const head = { shape: [50257, 768], dtype: 'float32' } as const;
    expect(() => expectTensorFits(head, gpu({ largestTensorBytes: 128 * 2 ** 20 }))).toThrow(
      'A tensor [50257, 768] has 148 MiB; the largest tensor on Test GPU has 128 MiB.',
    );
    expect(() => expectTensorFits(head, gpu({ largestTensorBytes: 2 ** 30 }))).not.toThrow();
  });

  it('nothing where the limits are not known', () => {
    expect(() => expectProgramFits(graph, gpu({}), 2 ** 50)).not.toThrow();
  });
});
