/**
 * @file The divergences between two measures whose sums are not 1, column by column: what a part of the vocabulary has of a distribution, times the
 * probability of what follows.
 */

import * as tf from '@tensorflow/tfjs-core';
import type { Divergence } from '../../protocol/divergences';
import { logSumOfTwo } from './softening';

/** Two measures of the same columns and their logarithms, [rows, columns]. */
export interface Measures {
  /** S */
  student: tf.Tensor2D;
  logStudent: tf.Tensor2D;
  /** Q */
  teacher: tf.Tensor2D;
  logTeacher: tf.Tensor2D;
}

/** Of each column; both [rows, columns]. */
export interface ColumnLosses {
  /** At least 0, and 0 where S = Q. */
  values: tf.Tensor2D;
  /** S · ∂value / ∂S. */
  pulls: tf.Tensor2D;
}

/** A divergence of softened distributions; logits of different vocabularies are on no common scale. */
export type MeasuredDivergence = Exclude<Divergence, 'mse-logits' | 'cosine-logits'>;

/**
 * With Σ S − Σ Q added, or taken away, where the divergence alone would be least elsewhere than at S = Q: KL(S ‖ Q) of measures is least at S = Q / e. That
 * makes the I-divergence of KL (Csiszár, 1975); TRL's GOLD leaves it out, and students learn less so (decision 130). Of distributions it is 0, so that
 * these are the divergences of `divergences.ts`. jsd and tvd need none.
 */
export const measureDivergences: Record<MeasuredDivergence, (measures: Measures, beta: number) => ColumnLosses> = {
  'forward-kl': forwardKl,
  'reverse-kl': reverseKl,
  'skew-kl': skewKl,
  'skew-reverse-kl': skewReverseKl,
  jsd: jensenShannon,
  jeffreys,
  tvd: totalVariation,
};

export const isMeasured = (divergence: Divergence): divergence is MeasuredDivergence =>
  divergence in measureDivergences;

/** Q (log Q − log S) − Q + S; derivative 1 − Q / S. */
function forwardKl({ student, logStudent, teacher, logTeacher }: Measures): ColumnLosses {
  const difference = tf.sub<tf.Tensor2D>(student, teacher);
  return {
    values: tf.add(tf.mul(teacher, tf.sub(logTeacher, logStudent)), difference),
    pulls: difference,
  };
}

/** S (log S − log Q) − S + Q; derivative log S − log Q. */
function reverseKl({ student, logStudent, teacher, logTeacher }: Measures): ColumnLosses {
  const pulls = tf.mul<tf.Tensor2D>(student, tf.sub(logStudent, logTeacher));
  return { values: tf.add(pulls, tf.sub(teacher, student)), pulls };
}

/** KL(Q ‖ M), M = βQ + (1 − β)S: Q (log Q − log M) − Q + M; derivative (1 − β) (1 − Q / M). */
function skewKl(measures: Measures, beta: number): ColumnLosses {
  if (beta === 0) return forwardKl(measures);
  const { student, logStudent, teacher, logTeacher } = measures;
  const logMixture = mixed(logTeacher, logStudent, beta);
  const logRatio = tf.sub<tf.Tensor2D>(logTeacher, logMixture);
  return {
    values: tf.add(tf.mul(teacher, logRatio), tf.mul(tf.sub(student, teacher), 1 - beta)),
    pulls: tf.mul(tf.mul(student, tf.sub(1, tf.exp(logRatio))), 1 - beta),
  };
}

/** KL(S ‖ M), M = βS + (1 − β)Q: S (log S − log M) − S + M; derivative log(S / M) + β (1 − S / M). */
function skewReverseKl(measures: Measures, beta: number): ColumnLosses {
  if (beta === 0) return reverseKl(measures);
  const { student, logStudent, teacher, logTeacher } = measures;
  const logRatio = tf.sub<tf.Tensor2D>(logStudent, mixed(logStudent, logTeacher, beta));
  return {
    values: tf.add(tf.mul(student, logRatio), tf.mul(tf.sub(teacher, student), 1 - beta)),
    pulls: tf.mul(student, tf.add(logRatio, tf.mul(tf.sub(1, tf.exp(logRatio)), beta))),
  };
}

/** β Q log(Q / M) + (1 − β) S log(S / M), M = βQ + (1 − β)S; derivative (1 − β) log(S / M). At 0 and 1 forward and reverse KL. */
function jensenShannon(measures: Measures, beta: number): ColumnLosses {
  if (beta === 0) return forwardKl(measures);
  if (beta === 1) return reverseKl(measures);
  const { student, logStudent, teacher, logTeacher } = measures;
  const logMixture = mixed(logTeacher, logStudent, beta);
  const pulls = tf.mul<tf.Tensor2D>(tf.mul(student, tf.sub(logStudent, logMixture)), 1 - beta);
  return { values: tf.add(tf.mul(tf.mul(teacher, tf.sub(logTeacher, logMixture)), beta), pulls), pulls };
}

/** β times forward and 1 − β times reverse KL. */
function jeffreys(measures: Measures, beta: number): ColumnLosses {
  const [forward, reverse] = [forwardKl(measures), reverseKl(measures)];
  const both = (key: keyof ColumnLosses): tf.Tensor2D =>
    tf.add(tf.mul(forward[key], beta), tf.mul(reverse[key], 1 - beta));
  return { values: both('values'), pulls: both('pulls') };
}

/** ½ |S − Q|; derivative ½ sign(S − Q). */
function totalVariation({ student, teacher }: Measures): ColumnLosses {
  const { values, pulls } = absoluteDifference(student, teacher);
  return { values: tf.mul(values, 0.5), pulls: tf.mul(pulls, 0.5) };
}

/** |S − Q| and S · sign(S − Q), 0 where they are equal. */
export function absoluteDifference(student: tf.Tensor2D, teacher: tf.Tensor2D): ColumnLosses {
  const difference = tf.sub<tf.Tensor2D>(student, teacher);
  const is = (sign: tf.Tensor): tf.Tensor => tf.cast(sign, 'float32');
  const sign = tf.sub(is(tf.greater(difference, 0)), is(tf.less(difference, 0)));
  return { values: tf.abs(difference), pulls: tf.mul(student, sign) };
}

/** log(β a + (1 − β) b), of logarithms. */
const mixed = (logA: tf.Tensor2D, logB: tf.Tensor2D, beta: number): tf.Tensor2D =>
  logSumOfTwo(tf.add(logA, Math.log(beta)), tf.add(logB, Math.log(1 - beta)));
