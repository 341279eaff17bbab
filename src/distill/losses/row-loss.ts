/** @file The common shape of every loss over logits: a value a row, and its gradient in closed form. */

import type * as tf from '@tensorflow/tfjs-core';

export interface RowLoss {
  /** [rows], not yet weighted: masks and means are the caller's. */
  perPosition: tf.Tensor1D;
  /**
   * Gradient of Σ weight · perPosition with respect to the student's logits, from what the value already computed.
   * The weight goes in here rather than being multiplied on afterwards, which would cost one more pass over [rows, V].
   * @param weight [rows, 1]
   * @returns [rows, V]
   */
  gradient: (weight: tf.Tensor2D) => tf.Tensor2D;
}
