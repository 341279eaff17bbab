/** @file Soft labels of which a few tokens a position are known (`teacher/chosen-tokens.ts`): their forward KL, and their logits for any other divergence. */

import * as tf from '@tensorflow/tfjs-core';
import type { ChosenTokens } from '../pairing';
import type { RowLoss } from './row-loss';
import { atLeastZero } from './divergences';
import { over, soften } from './softening';

/** Of R positions K tokens each. */
export interface ChosenLabels extends Pick<ChosenTokens, 'by' | 'vocabulary'> {
  /** int32 [R, K] */
  ids: tf.Tensor2D;
  /** [R, K]: log p at T = 1; of drawn tokens the logarithm of their share. */
  logs: tf.Tensor2D;
  /** [R, 1]: log p of each of the others; of drawn tokens Σ p log p over the vocabulary. */
  rest: tf.Tensor2D;
}

export function rowsOfLabels(labels: ChosenLabels, start: number, size: number): ChosenLabels {
  const rows = (x: tf.Tensor2D): tf.Tensor2D => tf.slice2d(x, [start, 0], [size, -1]);
  return { ...labels, ids: rows(labels.ids), logs: rows(labels.logs), rest: rows(labels.rest) };
}

/** Where each chosen token stands in a matrix [R, V] that is written as one row, [R · K]. */
function flatIndices({ ids, vocabulary }: ChosenLabels): tf.Tensor1D {
  const [rows] = ids.shape;
  const starts = tf.tensor2d(
    Int32Array.from({ length: rows }, (_, row) => row * vocabulary),
    [rows, 1],
    'int32',
  );
  return tf.reshape<tf.Rank.R1>(tf.add(ids, starts), [-1]);
}

/** A matrix [R, V] with values at the chosen tokens, 0 elsewhere; where a token stands twice their sum. */
function scattered(values: tf.Tensor2D, indices: tf.Tensor1D, { vocabulary }: ChosenLabels): tf.Tensor2D {
  const [rows] = values.shape;
  const flat = tf.unsortedSegmentSum(tf.reshape<tf.Rank.R1>(values, [-1]), indices, rows * vocabulary);
  return tf.reshape(flat, [rows, vocabulary]);
}

/** Log-probabilities [R, V] at T = 1, of the most probable tokens and of the others, which are alike. */
export function chosenLogits(labels: ChosenLabels): tf.Tensor2D {
  return tf.add(scattered(tf.sub(labels.logs, labels.rest), flatIndices(labels), labels), labels.rest);
}

/**
 * KL(Q ‖ S), Q being what is known of softmax(z_t / T), with its gradient (S − Q) / T. Nothing of the teacher is [R, V] but what is subtracted from S.
 * Drawn tokens are for T = 1: both loss and gradient are, over many draws, those of all tokens in the mean, and a single loss may be below 0.
 * @param student z_s, [R, V]
 * @param temperature absent means 1
 */
export function chosenForwardKl(student: tf.Tensor2D, labels: ChosenLabels, temperature?: tf.Scalar): RowLoss {
  const [rows] = student.shape;
  const s = soften(student, temperature);
  const indices = flatIndices(labels);
  const known = tf.reshape<tf.Rank.R2>(tf.gather(tf.reshape(s.scaled, [-1]), indices), labels.ids.shape); // z_s / T, [R, K]
  const sum = (x: tf.Tensor2D): tf.Tensor2D => tf.sum(x, 1, true);
  const ofRows = (x: tf.Tensor2D): tf.Tensor1D => tf.reshape(x, [rows]);
  if (labels.by === 'sample') {
    const shares = tf.exp(labels.logs);
    const expected = sum(tf.mul(shares, known));
    return {
      perPosition: ofRows(tf.add(labels.rest, tf.sub(s.logNormalizer, expected))),
      gradient: (weight) =>
        tf.mul(tf.sub(s.probabilities, scattered(shares, indices, labels)), over(weight, temperature)),
    };
  }
  const q = softenedLabels(labels, temperature);
  // Each token has q of the others, a chosen one so much more.
  const more = tf.sub<tf.Tensor2D>(q.chosen, q.other);
  const negativeEntropy = tf.add<tf.Tensor2D>(
    sum(tf.mul(q.chosen, q.logChosen)),
    tf.mul(tf.mul(q.other, q.logOther), q.others),
  );
  const expected = tf.add<tf.Tensor2D>(sum(tf.mul(more, known)), tf.mul(q.other, sum(s.scaled)));
  return {
    perPosition: atLeastZero(ofRows(tf.add(negativeEntropy, tf.sub(s.logNormalizer, expected)))),
    gradient: (weight) =>
      tf.mul(tf.sub(tf.sub(s.probabilities, q.other), scattered(more, indices, labels)), over(weight, temperature)),
  };
}

/** Chosen and others at T, over what all have together. */
function softenedLabels({ logs, rest, vocabulary }: ChosenLabels, temperature: tf.Scalar | undefined) {
  const others = vocabulary - logs.shape[1];
  const [known, unknown] = [over(logs, temperature), over(rest, temperature)];
  const largest = tf.maximum(tf.max<tf.Tensor2D>(known, 1, true), unknown);
  const exp = (x: tf.Tensor2D): tf.Tensor2D => tf.exp(tf.sub(x, largest));
  const total = tf.add<tf.Tensor2D>(tf.sum(exp(known), 1, true), tf.mul(exp(unknown), others));
  const logTotal = tf.add<tf.Tensor2D>(tf.log(total), largest);
  const [logChosen, logOther] = [tf.sub<tf.Tensor2D>(known, logTotal), tf.sub<tf.Tensor2D>(unknown, logTotal)];
  return { others, logChosen, logOther, chosen: tf.exp(logChosen), other: tf.exp(logOther) };
}
