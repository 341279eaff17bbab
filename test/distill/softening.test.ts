import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { entropy, softmax } from '../../src/protocol/distribution';
import { logProbabilities, soften } from '../../src/distill/losses/softening';
import { expectClose, expectFinite, normal, onCpu, valuesOf } from './numbers';

const softLabels = (logits: tf.Tensor2D, temperature?: tf.Scalar): tf.Tensor2D =>
  soften(logits, temperature).probabilities;

onCpu();

describe('softening', () => {
  it.each([0.25, 1, 4, 20])('agrees with the plain-number twin at T = %d', (temperature) => {
    const logits = normal([4, 7], 1, 3);
    const expected = valuesOf(logits);
    const rows = Array.from({ length: 4 }, (_, i) =>
      Array.from(softmax(expected.slice(7 * i, 7 * i + 7), temperature)),
    );
    const softened = soften(logits, tf.scalar(temperature));
    expectClose(softened.probabilities, rows.flat(), 1e-6);
    expectClose(tf.exp(logProbabilities(softened)), softened.probabilities, 1e-6);
  });

  it('is at temperature 1 where none is given', () => {
    const logits = normal([3, 5], 2);
    expect(valuesOf(softLabels(logits))).toEqual(valuesOf(softLabels(logits, tf.scalar(1))));
    expectClose(logProbabilities(soften(logits)), tf.logSoftmax(logits), 1e-6);
  });

  it('widens the distribution as the temperature rises', () => {
    const logits = tf.tensor2d([[8, 2, 1, 0]]);
    const entropies = [0.5, 1, 2, 4, 8].map((t) => entropy(valuesOf(softLabels(logits, tf.scalar(t)))));
    expect(entropies).toEqual([...entropies].sort((a, b) => a - b));
    expect(entropies[0]).toBeLessThan(0.01);
    expect(entropies.at(-1)).toBeGreaterThan(1.2);
  });

  it('stays finite for logits of ±1e4', () => {
    const softened = soften(tf.tensor2d([[1e4, -1e4, 0]]), tf.scalar(0.25));
    expectFinite(logProbabilities(softened), softened.probabilities);
    expect(valuesOf(softened.probabilities)).toEqual([1, 0, 0]);
    expect(valuesOf(logProbabilities(softened))).toEqual([0, -8e4, -4e4]);
  });
});
