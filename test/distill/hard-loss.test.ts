import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { hardLosses } from '../../src/distill/losses/hard-loss';
import type { ProblemType } from '../../src/model/architecture';
import { expectClose, expectFinite, normal, onCpu, valueOf } from './numbers';

onCpu();

const weight = tf.tensor2d([[0.5], [1], [0], [2]]);
const classes = tf.tensor1d([2, 0, 4, 1], 'int32');
const marks = tf.tensor2d([1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0], [4, 5]);
const targets = (): tf.Tensor2D => normal([4, 5], 22);

/** As textbooks write them, for autodiff. */
const definitions: Record<ProblemType, [labels: () => tf.Tensor, (z: tf.Tensor) => tf.Tensor]> = {
  'single-label': [() => classes, (z) => tf.neg(tf.sum(tf.mul(tf.oneHot(classes, 5), tf.logSoftmax(z)), -1))],
  'multi-label': [
    () => marks,
    (z) => {
      const likelihood = tf.add(
        tf.mul(marks, tf.log(tf.sigmoid(z))),
        tf.mul(tf.sub(1, marks), tf.log(tf.sub(1, tf.sigmoid(z)))),
      );
      return tf.neg(tf.mean(likelihood, -1));
    },
  ],
  regression: [targets, (z) => tf.mean(tf.squaredDifference(z, targets()), -1)],
  embedding: [
    () => tf.tensor2d([[0.7], [0.7], [-0.2], [-0.2]]),
    (z) => {
      const [u, v] = tf.unstack(tf.reshape(z, [2, 2, 5]), 1) as [tf.Tensor, tf.Tensor];
      const cosines = tf.div(tf.sum(tf.mul(u, v), 1), tf.mul(tf.norm(u, 2, 1), tf.norm(v, 2, 1)));
      const ofPairs = tf.squaredDifference(cosines, tf.tensor1d([0.7, -0.2]));
      return tf.reshape(tf.stack([ofPairs, ofPairs], 1), [4]);
    },
  ],
};

describe.each(Object.keys(hardLosses) as ProblemType[])('%s', (problemType) => {
  const [labels, definition] = definitions[problemType];
  const logits = (): tf.Tensor2D => normal([4, 5], 21, 2);
  const evaluate = () => hardLosses[problemType](logits(), labels());

  it('has the value and the gradient of its definition', () => {
    expectClose(evaluate().perPosition, definition(logits()), 2e-6);
    const expected = tf.grad((z: tf.Tensor) => tf.sum(tf.mul(definition(z), tf.reshape(weight, [4]))))(logits());
    expectClose(evaluate().gradient(weight), expected, 2e-6);
  });

  it('stays finite for logits of ±1e4', () => {
    const extreme = tf.mul<tf.Tensor2D>(tf.sign(logits()), 1e4);
    const { perPosition, gradient } = hardLosses[problemType](extreme, labels());
    expectFinite(perPosition, gradient(weight));
  });
});

describe('single-label', () => {
  it('takes any label in a row of weight 0', () => {
    const { perPosition, gradient } = hardLosses['single-label'](tf.ones([1, 3]), tf.tensor1d([-100], 'int32'));
    expectFinite(perPosition);
    expectClose(gradient(tf.tensor2d([[0]])), [0, 0, 0], 0);
  });

  it('is log V for a uniform prediction', () => {
    const { perPosition } = hardLosses['single-label'](tf.zeros([1, 50]), tf.tensor1d([7], 'int32'));
    expect(valueOf(perPosition)).toBeCloseTo(Math.log(50), 5);
  });
});
