/** @file The student loss: hard predictions (T = 1) against hard labels, for each kind of problem. */

import * as tf from '@tensorflow/tfjs-core';
import type { ProblemType } from '../../model/architecture';
import type { RowLoss } from './row-loss';
import { soften } from './softening';

/**
 * Logits [rows, V]; the labels' shape is each function's.
 * @param smoothing ε of label smoothing (Szegedy et al., 2016): the label has 1 − ε, and all classes, its own too, share ε alike. As PyTorch's
 *   `label_smoothing`; of each of several labels, which apply or not, as Keras's. 0 where labels are numbers
 */
export type HardLossFunction = (logits: tf.Tensor2D, labels: tf.Tensor, smoothing?: number) => RowLoss;

export const hardLosses: Record<ProblemType, HardLossFunction> = {
  'single-label': crossEntropy,
  'multi-label': binaryCrossEntropy,
  regression: squaredError,
  embedding: squaredCosineError,
};

/** Cross-entropy over a vocabulary: its gradient is softmax(z) − ε / V − (1 − ε) [index = label], of which only the last part is not [rows, V]. */
export interface TokenLoss {
  /** −(1 − ε) log softmax(z)[label] − ε / V · Σ log softmax(z), [rows]. */
  perPosition: tf.Tensor1D;
  /** softmax(z) − ε / V, [rows, V]. */
  withoutLabel: tf.Tensor2D;
}

/**
 * @param labels int32 [rows], each one of 0 … V − 1
 * @param smoothing ε, see `HardLossFunction`
 */
export function tokenLoss(logits: tf.Tensor2D, labels: tf.Tensor1D, smoothing = 0): TokenLoss {
  const { probabilities, logNormalizer } = soften(logits);
  const ofLabels = atLabels(logits, labels);
  const expected =
    smoothing === 0
      ? ofLabels
      : tf.add<tf.Tensor1D>(tf.mul(ofLabels, 1 - smoothing), tf.mul(tf.mean<tf.Tensor1D>(logits, -1), smoothing));
  return {
    perPosition: tf.sub(tf.reshape(logNormalizer, [labels.size]), expected),
    withoutLabel: smoothing === 0 ? probabilities : tf.sub(probabilities, smoothing / logits.shape[1]),
  };
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
function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor, smoothing = 0): RowLoss {
  const [rows, classes] = logits.shape;
  const { perPosition, withoutLabel } = tokenLoss(logits, withinVocabulary(labels as tf.Tensor1D, classes), smoothing);
  return {
    perPosition,
    gradient: (weight) => {
      // One comparison with the indices rather than a one-hot op, which WebGPU lacks.
      const indices = tf.range(0, classes, 1, 'int32');
      const isLabel = tf.cast(tf.equal(tf.reshape(labels, [rows, 1]), indices), 'float32'); // [rows, V]
      const ofLabel = smoothing === 0 ? isLabel : tf.mul(isLabel, 1 - smoothing);
      return tf.mul(tf.sub(withoutLabel, ofLabel), weight);
    },
  };
}

/** Labels that can be looked up, for rows that do not count too. */
export function withinVocabulary(labels: tf.Tensor1D, vocabulary: number): tf.Tensor1D {
  return tf.minimum(tf.maximum(labels, tf.scalar(0, 'int32')), tf.scalar(vocabulary - 1, 'int32'));
}

/**
 * Mean over the labels of −(y log σ(z) + (1 − y) log(1 − σ(z))); gradient (σ(z) − y) / C.
 * @param hardLabels float32 [rows, C], 1 where the label applies
 */
function binaryCrossEntropy(logits: tf.Tensor2D, hardLabels: tf.Tensor, smoothing = 0): RowLoss {
  const labels = smoothing === 0 ? hardLabels : tf.add(tf.mul(hardLabels, 1 - smoothing), smoothing / 2);
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

/** Least length that is divided by, as in PyTorch's `CosineSimilarity`. */
const LEAST_LENGTH = 1e-8;

/**
 * Of pairs of embeddings u and v, rows 2k and 2k + 1: (cos(u, v) − s)² at both, so that the mean over rows is that over pairs, as
 * sentence-transformers' `CosineSimilarityLoss` has it. Gradient in u: 2 (cos(u, v) − s) (v / ‖v‖ − cos(u, v) u / ‖u‖) / ‖u‖.
 * @param scores float32 [rows, 1], the same of both rows of a pair
 */
function squaredCosineError(embeddings: tf.Tensor2D, scores: tf.Tensor): RowLoss {
  const lengths = tf.sqrt(tf.maximum(tf.sum(tf.square(embeddings), 1, true), LEAST_LENGTH ** 2)); // [rows, 1]
  const directions = tf.div<tf.Tensor2D>(embeddings, lengths);
  const others = ofPartners(directions);
  const cosines = tf.sum(tf.mul(directions, others), 1, true); // [rows, 1]
  const difference = tf.sub<tf.Tensor2D>(cosines, scores);
  return {
    perPosition: tf.reshape(tf.square(difference), [embeddings.shape[0]]),
    gradient: (weight) => {
      const ofBoth = tf.add(weight, ofPartners(weight)); // the loss of either row is that of the pair
      const turned = tf.div<tf.Tensor2D>(tf.sub(others, tf.mul(directions, cosines)), lengths);
      return tf.mul(turned, tf.mul(ofBoth, tf.mul(difference, 2)));
    },
  };
}

/** Rows 2k and 2k + 1 change places. [rows, W] → the same shape */
function ofPartners(x: tf.Tensor2D): tf.Tensor2D {
  const [rows, width] = x.shape;
  const pairs = tf.reshape<tf.Rank.R2>(x, [rows / 2, 2 * width]);
  const [first, second] = [tf.slice2d(pairs, [0, 0], [-1, width]), tf.slice2d(pairs, [0, width], [-1, width])];
  return tf.reshape(tf.concat([second, first], 1), [rows, width]);
}
