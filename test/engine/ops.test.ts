import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { gelu, layerNorm, linear, rmsNorm, silu } from '../../src/engine/graph/ops';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** Central differences of sum(f(x) · w) in float32. */
function numericGradient(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor, weights: tf.Tensor): number[] {
  const values = x.dataSync();
  const step = 1e-2;
  const at = (i: number, delta: number): number => {
    const moved = Float32Array.from(values);
    moved[i]! += delta;
    return tf.sum(tf.mul(f(tf.tensor(moved, x.shape)), weights)).dataSync()[0]!;
  };
  return Array.from(values, (_, i) => (at(i, step) - at(i, -step)) / (2 * step));
}

describe('fused pieces', () => {
  const x = (): tf.Tensor => tf.tensor([0.3, -1.2, 2.1, 0.7, -0.4, 1.5, -2.2, 0.1], [2, 4]);
  const gamma = (): tf.Tensor => tf.tensor([1.1, 0.9, 1.3, 0.7]);
  const beta = (): tf.Tensor => tf.tensor([0.1, -0.2, 0, 0.3]);
  const weight = (): tf.Tensor => tf.tensor([0.2, -0.5, 0.3, 0.8, -0.1, 0.4, 0.9, -0.7, 0.6, 0.05, -0.3, 0.2], [3, 4]);

  const cases: [string, (t: tf.Tensor) => tf.Tensor][] = [
    ['layerNorm', (t) => layerNorm(t, gamma(), beta(), 1e-5)],
    ['rmsNorm', (t) => rmsNorm(t, gamma(), 1e-5)],
    ['silu', silu],
    ['gelu by erf', (t) => gelu(t, 'erf')],
    ['gelu by tanh', (t) => gelu(t, 'tanh')],
    ['linear [out, in]', (t) => linear(t, weight(), tf.tensor([0.1, 0.2, 0.3]), 'out-in')],
    ['linear [in, out]', (t) => linear(t, tf.transpose(weight()), tf.tensor([0.1, 0.2, 0.3]), 'in-out')],
  ];

  it.each(cases)('%s has the gradient that central differences show', async (_, f) => {
    const weights = tf.randomUniform(f(x()).shape, -1, 1, 'float32', 7);
    const gradient = tf.grad((t) => tf.sum(tf.mul(f(t), weights)))(x());
    const expected = numericGradient(f, x(), weights);
    (await gradient.data()).forEach((g, i) => expect(g).toBeCloseTo(expected[i]!, 2));
  });

  it('gelu by erf and by tanh differ by less than a thousandth, but differ', () => {
    const difference = tf.max(tf.abs(tf.sub(gelu(x(), 'erf'), gelu(x(), 'tanh')))).dataSync()[0]!;
    expect(difference).toBeGreaterThan(1e-5);
    expect(difference).toBeLessThan(1e-3);
  });
});
