/** @file Temperature: logits become soft labels (the teacher's) and soft predictions (the student's). */

import * as tf from '@tensorflow/tfjs-core';

/** A softened distribution a row: soft labels of a teacher's logits, soft predictions of a student's. */
export interface Softened {
  /** z / T, [rows, V]. */
  scaled: tf.Tensor2D;
  /** [rows, V] */
  probabilities: tf.Tensor2D;
  /** log Σ exp(z / T), [rows, 1]: what is subtracted from `scaled` to make log-probabilities. */
  logNormalizer: tf.Tensor2D;
}

/** x / T; x itself where T is absent, which means 1. */
export const over = <T extends tf.Tensor>(x: T, temperature: tf.Scalar | undefined): T =>
  temperature ? tf.div<T>(x, temperature) : x;

/**
 * softmax(z / T) over the last axis (Hinton et al., 2015, equation 1), with few passes over [rows, V]. The largest of a row is
 * p = exp(max − log Σ exp), which gives the normalizer from two maxima without a second exponential; p is at least 1 / V, so its
 * logarithm is as exact as any.
 * @param logits [rows, V]
 * @param temperature scalar > 0; absent means 1
 */
export function soften(logits: tf.Tensor2D, temperature?: tf.Scalar): Softened {
  const scaled = over(logits, temperature);
  const probabilities = tf.softmax(scaled);
  const largest = tf.max<tf.Tensor2D>(probabilities, -1, true);
  return { scaled, probabilities, logNormalizer: tf.sub(tf.max(scaled, -1, true), tf.log(largest)) };
}

/** log softmax(z / T), [rows, V], of what was softened. */
export const logProbabilities = ({ scaled, logNormalizer }: Softened): tf.Tensor2D => tf.sub(scaled, logNormalizer);

/** log(eᵃ + eᵇ); the larger one is taken out, so nothing overflows and no sum underflows to log 0. */
export function logSumOfTwo(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  return tf.add(tf.maximum(a, b), tf.log(tf.add(tf.exp(tf.neg(tf.abs(tf.sub(a, b)))), 1)));
}
