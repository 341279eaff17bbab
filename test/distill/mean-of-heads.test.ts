/** @file An ensemble of language models: the mean of their probabilities by hand, in the loss and in what is measured. */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { measurePredictions } from '../../src/distill/evaluation/evaluation-program';
import { vocabularyLoss } from '../../src/distill/losses/head-loss';
import { teacherLogits, truncateVocabulary, type MeanProjection } from '../../src/distill/losses/vocabulary-projection';
import { expectClose, onCpu, valueOf, valuesOf } from './numbers';

onCpu();

const ROWS = 3;

/** At each row logits (ln 9, 0) of a model of width 1, and (0, ln 4) of one of width 2, whose head is padded by a third token. */
function members(weights = [0.5, 0.5]): MeanProjection {
  return {
    members: [
      { hidden: tf.ones([ROWS, 1]), weight: tf.tensor2d([[Math.log(9)], [0]]), bias: null },
      {
        hidden: tf.tensor2d([1, 0, 1, 0, 1, 0], [ROWS, 2]),
        weight: tf.tensor2d([0, 5, 0, 5, 7, 7], [3, 2]),
        bias: tf.tensor1d([0, Math.log(4), 9]),
      },
    ],
    weights,
  };
}

/** Of a student whose logits are 0 and 0; α = 1. */
function lossOf(teacher: MeanProjection, temperature: number) {
  return tf.tidy(() => {
    let soft: tf.Scalar | undefined;
    const { grads } = tf.valueAndGrads((hidden: tf.Tensor, weight: tf.Tensor) => {
      const loss = vocabularyLoss({
        student: { hidden: hidden as tf.Tensor2D, weight: weight as tf.Tensor2D, bias: null },
        labels: tf.zeros([ROWS], 'int32'),
        counted: tf.ones([ROWS]),
        inverseCount: tf.scalar(1 / ROWS),
        distillation: {
          divergence: 'forward-kl',
          beta: 0.5,
          temperature: tf.scalar(temperature),
          alpha: tf.scalar(1),
          temperatureScale: tf.scalar(temperature ** 2),
          teacher,
        },
        chunkRows: 2,
        stretchRows: 1,
      });
      soft = loss.soft;
      return loss.total;
    })([tf.ones([ROWS, 1]), tf.zeros([2, 1])]);
    return { soft: valueOf(soft!), weightGradient: valuesOf(grads[1]!) };
  });
}

const divergenceFromHalf = (q: number): number => q * Math.log(2 * q) + (1 - q) * Math.log(2 * (1 - q));

describe('the mean of language models', () => {
  it.each([
    // (.9 + .2) / 2; with weights 3 : 1.
    [1, [0.5, 0.5], 0.55],
    [1, [0.75, 0.25], 0.725],
    // At T = 2 the odds are 3 : 1 and 1 : 2.
    [2, [0.5, 0.5], (3 / 4 + 1 / 3) / 2],
  ])('is imitated at T = %d, weights %j, as that of their probabilities', (temperature, weights, q) => {
    const { soft, weightGradient } = lossOf(members(weights), temperature);
    expect(soft).toBeCloseTo(divergenceFromHalf(q), 5);
    // T² · (S − Q) / T
    expectClose(weightGradient, [temperature * (0.5 - q), temperature * (q - 0.5)], 1e-5);
  });

  it('has logits where exponentials would overflow', () => {
    const far: MeanProjection = {
      members: [900, -900].map((logit) => ({
        hidden: tf.ones([1, 1]),
        weight: tf.tensor2d([[logit], [0], [-logit]]),
        bias: null,
      })),
      weights: [0.5, 0.5],
    };
    const softened = tf.softmax(teacherLogits(far, 0, 1, tf.scalar(2)));
    expectClose(softened, [0.5, 0, 0.5], 1e-6);
  });

  it('is measured, and measured against, without what pads a head', () => {
    const labels = tf.tensor1d([0, 1, 0], 'int32');
    const { negativeLogLikelihood, correct, confidence } = measurePredictions(members(), labels, 2);
    expectClose(negativeLogLikelihood, [-Math.log(0.55), -Math.log(0.45), -Math.log(0.55)], 1e-5);
    expect(valuesOf(correct)).toEqual([1, 0, 1]);
    expectClose(confidence, [0.55, 0.55, 0.55], 1e-5);
    const student = { hidden: tf.ones<tf.Rank.R2>([ROWS, 1]), weight: tf.zeros<tf.Rank.R2>([2, 1]), bias: null };
    const { teacherKl } = measurePredictions(student, labels, 2, members());
    expectClose(
      teacherKl!,
      Array.from({ length: ROWS }, () => divergenceFromHalf(0.55)),
      1e-5,
    );
  });

  it('refuses a member with fewer tokens than the student', () => {
    expect(() => truncateVocabulary(members(), 3)).toThrow(
      "The teacher's head has 2 tokens, fewer than the student's 3",
    );
  });
});
