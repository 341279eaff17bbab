/** @file The student loss: hard predictions (T = 1) against hard labels, for each kind of problem. */

import * as tf from '@tensorflow/tfjs-core';
import type { ProblemType } from '../../model/architecture';
import type { RowLoss } from './row-loss';
import { soften } from './softening';

/** Logits [rows, V]; the labels' shape is each function's. */
export type HardLossFunction = (logits: tf.Tensor2D, labels: tf.Tensor) => RowLoss;

export const hardLosses: Record<ProblemType, HardLossFunction> = {
  'single-label': crossEntropy,
  'multi-label': binaryCrossEntropy,
  regression: squaredError,
};

/** Cross-entropy over a vocabulary: its gradient is softmax(z) − [index = label], of which only the first part is [rows, V]. */
export interface TokenLoss {
  /** −log softmax(z)[label], [rows]. */
  perPosition: tf.Tensor1D;
  /** softmax(z), [rows, V]. */
  probabilities: tf.Tensor2D;
}

/** @param labels int32 [rows], each one of 0 … V − 1 */
export function tokenLoss(logits: tf.Tensor2D, labels: tf.Tensor1D): TokenLoss {
  const { probabilities, logNormalizer } = soften(logits);
  return { perPosition: tf.sub(tf.reshape(logNormalizer, [labels.size]), atLabels(logits, labels)), probabilities };
}

/**
 * The value of each row at its label, [rows].
 * @param values [rows, V]
 * @param labels int32 [rows], each one of 0 … V − 1
 */
export function atLabels(values: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  const [rows, vocabulary] = values.shape;
  // A look-up in each row by itself would be one with a batch axis, which tfjs's wasm backend gets wrong.
  const rowStarts = tf.range(0, rows * vocabulary, vocabulary, 'int32');
  return tf.gather(tf.reshape<tf.Rank.R1>(values, [-1]), tf.add<tf.Tensor1D>(rowStarts, labels));
}

/**
 * −log softmax(z)[label]; gradient softmax(z) − [index = label].
 * @param labels int32 [rows]; a row whose label is none of 0 … V − 1 must be weighted 0
 */
function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor): RowLoss {
  const [rows, classes] = logits.shape;
  const { perPosition, probabilities } = tokenLoss(logits, withinVocabulary(labels as tf.Tensor1D, classes));
  return {
    perPosition,
    gradient: (weight) => {
      // One comparison with the indices rather than a one-hot op, which WebGPU lacks.
      const indices = tf.range(0, classes, 1, 'int32');
      const isLabel = tf.cast(tf.equal(tf.reshape(labels, [rows, 1]), indices), 'float32'); // [rows, V]
      return tf.mul(tf.sub(probabilities, isLabel), weight);
    },
  };
}

/** Labels that can be looked up, for rows that do not count too. */
export function withinVocabulary(labels: tf.Tensor1D, vocabulary: number): tf.Tensor1D {
  return tf.minimum(tf.maximum(labels, tf.scalar(0, 'int32')), tf.scalar(vocabulary - 1, 'int32'));
}

/**
 * Mean over the labels of −(y log σ(z) + (1 − y) log(1 − σ(z))); gradient (σ(z) − y) / C.
 * @param labels float32 [rows, C], 1 where the label applies
 */
function binaryCrossEntropy(logits: tf.Tensor2D, labels: tf.Tensor): RowLoss {
  const logOnePlus = tf.log(tf.add(tf.exp(tf.neg(tf.abs(logits))), 1)); // log(1 + e^−|z|), free of overflow
  const perLabel = tf.add(tf.sub(tf.maximum(logits, 0), tf.mul(logits, labels)), logOnePlus);
  return {
    perPosition: tf.mean(perLabel, -1),
    gradient: (weight) => {
      const probability = tf.div(1, tf.add(tf.exp(tf.neg(logits)), 1));
      return tf.mul(tf.sub(probability, labels), tf.mul(weight, 1 / logits.shape[1]));
    },
  };
}

/**
 * Mean over the outputs of (z − y)²; gradient 2 (z − y) / C.
 * @param labels float32 [rows, C]
 */
function squaredError(logits: tf.Tensor2D, labels: tf.Tensor): RowLoss {
  const difference = tf.sub<tf.Tensor2D>(logits, labels);
  return {
    perPosition: tf.mean(tf.square(difference), -1),
    gradient: (weight) => tf.mul(difference, tf.mul(weight, 2 / logits.shape[1])),
  };
}
