/** @file Temperature: logits become soft labels (the teacher's) and soft predictions (the student's). */

import * as tf from '@tensorflow/tfjs-core';

/** A softened distribution a row, [rows, V] each: soft labels of a teacher's logits, soft predictions of a student's. */
export interface Softened {
  logProbabilities: tf.Tensor2D;
  probabilities: tf.Tensor2D;
}

/**
 * log softmax(z / T) and softmax(z / T) over the last axis (Hinton et al., 2015, equation 1). The row's largest logit is
 * subtracted before the division, so the exponentials cannot overflow and every log-probability of finite logits is finite.
 * @param logits [rows, V]
 * @param temperature scalar > 0; absent means 1
 */
export function soften(logits: tf.Tensor2D, temperature?: tf.Scalar): Softened {
  const centred: tf.Tensor2D = tf.sub(logits, tf.max(logits, -1, true));
  const scaled = temperature ? tf.div<tf.Tensor2D>(centred, temperature) : centred;
  const exponentials = tf.exp(scaled);
  const normalizer = tf.sum(exponentials, -1, true); // [rows, 1]
  return {
    logProbabilities: tf.sub(scaled, tf.log(normalizer)),
    probabilities: tf.mul(exponentials, tf.div(1, normalizer)),
  };
}

/** log softmax(z / T) over the last axis. [rows, V] → [rows, V]. */
export function logSoftmax(logits: tf.Tensor2D, temperature?: tf.Scalar): tf.Tensor2D {
  return soften(logits, temperature).logProbabilities;
}
