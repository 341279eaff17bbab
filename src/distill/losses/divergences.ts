/** @file How far the soft predictions are from the soft labels: every divergence, each with its gradient in closed form. */

import * as tf from '@tensorflow/tfjs-core';
import type { Divergence } from '../../protocol/divergences';
import type { RowLoss } from './row-loss';
import { logProbabilities, logSumOfTwo, over, soften } from './softening';

/**
 * Both logits are [rows, V]. `temperature`, 1 where it is absent, does not enter mse-logits and cosine-logits; `beta` enters those
 * alone whose facts name it. Gradients are with respect to the student's logits; the teacher is frozen and gets none.
 * @param student z_s
 * @param teacher z_t / T for a divergence that the temperature enters: who makes them divides what is smaller than they are; z_t for the others
 */
export type DivergenceFunction = (
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  temperature: tf.Scalar | undefined,
  beta: number,
) => RowLoss;

/** In the formulas S = softmax(z_s / T) is the soft prediction, Q = softmax(z_t / T) the soft label. */
export const divergences: Record<Divergence, DivergenceFunction> = {
  'forward-kl': forwardKl,
  'reverse-kl': reverseKl,
  'skew-kl': skewKl,
  'skew-reverse-kl': skewReverseKl,
  jsd: jensenShannon,
  jeffreys,
  tvd: totalVariation,
  'mse-logits': meanSquare,
  'cosine-logits': cosine,
};

/**
 * A divergence of labels that apply or not, each by itself: the mean over the labels of that of (σ(z / T), 1 − σ(z / T)), which is the softmax of
 * (z / T, 0). The mean, as binary cross-entropy has it, so that soft and hard loss are of one scale however many labels there are.
 */
export function ofEachLabel(divergence: DivergenceFunction): DivergenceFunction {
  return (student, teacher, temperature, beta) => {
    const [rows, labels] = student.shape;
    const pairs = (logits: tf.Tensor2D): tf.Tensor2D => {
      const column = tf.reshape<tf.Rank.R2>(logits, [rows * labels, 1]);
      return tf.concat([column, tf.zerosLike(column)], 1); // [rows · labels, 2]
    };
    const { perPosition, gradient } = divergence(pairs(student), pairs(teacher), temperature, beta);
    return {
      perPosition: tf.mean(tf.reshape(perPosition, [rows, labels]), -1),
      gradient: (weight) => {
        const ofLabels = tf.mul(tf.onesLike(student), tf.mul(weight, 1 / labels)); // [rows, labels]
        const both = gradient(tf.reshape<tf.Rank.R2>(ofLabels, [rows * labels, 1]));
        return tf.reshape<tf.Rank.R2>(tf.slice2d(both, [0, 0], [-1, 1]), [rows, labels]);
      },
    };
  };
}

/** Sum over the vocabulary. [rows, V] → [rows]. */
const sumOverVocabulary = (x: tf.Tensor): tf.Tensor1D => tf.sum(x, -1);

/** A divergence of distributions is none below 0, but its terms nearly cancel at a high T, and T² then enlarges what rounding leaves. */
export const atLeastZero = (x: tf.Tensor1D): tf.Tensor1D => tf.maximum(x, 0);

/** KL(Q ‖ S) = Σ Q (log Q − log S) = Σ Q (z_t − z_s) / T + log Σ exp(z_s / T) − log Σ exp(z_t / T); gradient (S − Q) / T. */
function forwardKl(student: tf.Tensor2D, teacher: tf.Tensor2D, temperature?: tf.Scalar): RowLoss {
  const s = soften(student, temperature);
  const q = soften(teacher);
  return {
    perPosition: atLeastZero(
      tf.add(
        sumOverVocabulary(tf.mul(q.probabilities, tf.sub(q.scaled, s.scaled))),
        tf.reshape(tf.sub(s.logNormalizer, q.logNormalizer), [student.shape[0]]),
      ),
    ),
    gradient: (weight) => tf.mul(tf.sub(s.probabilities, q.probabilities), over(weight, temperature)),
  };
}

/** KL(S ‖ Q) = Σ S (log S − log Q); gradient S · (log S − log Q − KL) / T. */
function reverseKl(student: tf.Tensor2D, teacher: tf.Tensor2D, temperature?: tf.Scalar): RowLoss {
  const s = soften(student, temperature);
  const q = soften(teacher);
  const logRatio = tf.sub<tf.Tensor2D>(logProbabilities(s), logProbabilities(q));
  return {
    perPosition: atLeastZero(sumOverVocabulary(tf.mul(s.probabilities, logRatio))),
    gradient: throughSoftmax(s.probabilities, logRatio, temperature),
  };
}

/**
 * Skew KL (Ko et al., 2024, DistiLLM): KL(Q ‖ M) with M = βQ + (1 − β)S, bounded by −log β where the student gives a label of
 * the teacher's no probability. Its derivative with respect to S is −(1 − β) Q / M.
 */
function skewKl(student: tf.Tensor2D, teacher: tf.Tensor2D, temperature: tf.Scalar | undefined, beta: number): RowLoss {
  if (beta === 0) return forwardKl(student, teacher, temperature);
  const s = soften(student, temperature);
  const q = soften(teacher);
  const [logS, logQ] = [logProbabilities(s), logProbabilities(q)];
  const logMixture = logSumOfTwo(tf.add(logQ, Math.log(beta)), tf.add(logS, Math.log(1 - beta)));
  const logRatio = tf.sub<tf.Tensor2D>(logQ, logMixture);
  return {
    perPosition: atLeastZero(sumOverVocabulary(tf.mul(q.probabilities, logRatio))),
    gradient: throughSoftmax(s.probabilities, tf.mul(tf.exp(logRatio), beta - 1), temperature),
  };
}

/**
 * Skew reverse KL (Ko et al., 2024, DistiLLM): KL(S ‖ M) with M = βS + (1 − β)Q, bounded by −log β where the teacher gives a label of
 * the student's no probability. Its derivative with respect to S is log(S / M) − βS / M, up to what is the same for all labels.
 */
function skewReverseKl(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  temperature: tf.Scalar | undefined,
  beta: number,
): RowLoss {
  if (beta === 0) return reverseKl(student, teacher, temperature);
  const s = soften(student, temperature);
  const [logS, logQ] = [logProbabilities(s), logProbabilities(soften(teacher))];
  const logMixture = logSumOfTwo(tf.add(logS, Math.log(beta)), tf.add(logQ, Math.log(1 - beta)));
  const logRatio = tf.sub<tf.Tensor2D>(logS, logMixture);
  return {
    perPosition: atLeastZero(sumOverVocabulary(tf.mul(s.probabilities, logRatio))),
    gradient: throughSoftmax(s.probabilities, tf.sub(logRatio, tf.mul(tf.exp(logRatio), beta)), temperature),
  };
}

/**
 * Generalized Jensen–Shannon divergence (Agarwal et al., 2024): β KL(Q ‖ M) + (1 − β) KL(S ‖ M) with M = βQ + (1 − β)S.
 * It tends to 0 as β → 0 or 1; exactly 0 and 1 select forward and reverse KL, as TRL does.
 * Its derivative with respect to S is (1 − β) log(S / M): the terms that come from M itself cancel.
 */
function jensenShannon(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  temperature: tf.Scalar | undefined,
  beta: number,
): RowLoss {
  if (beta === 0) return forwardKl(student, teacher, temperature);
  if (beta === 1) return reverseKl(student, teacher, temperature);
  const s = soften(student, temperature);
  const q = soften(teacher);
  const [logS, logQ] = [logProbabilities(s), logProbabilities(q)];
  const logMixture = logSumOfTwo(tf.add(logQ, Math.log(beta)), tf.add(logS, Math.log(1 - beta)));
  const fromStudent = tf.mul<tf.Tensor2D>(tf.sub(logS, logMixture), 1 - beta);
  const fromTeacher = tf.mul(tf.sub(logQ, logMixture), beta);
  return {
    perPosition: atLeastZero(
      sumOverVocabulary(tf.add(tf.mul(q.probabilities, fromTeacher), tf.mul(s.probabilities, fromStudent))),
    ),
    gradient: throughSoftmax(s.probabilities, fromStudent, temperature),
  };
}

/**
 * β KL(Q ‖ S) + (1 − β) KL(S ‖ Q): forward KL draws the student to all that the teacher takes for likely, reverse KL from all that it does not
 * (Wu et al., 2025, who weigh them anew in each step). At β = ½ half of Jeffreys' divergence (1946); 1 and 0 select forward and reverse KL.
 */
function jeffreys(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  temperature: tf.Scalar | undefined,
  beta: number,
): RowLoss {
  if (beta === 1) return forwardKl(student, teacher, temperature);
  if (beta === 0) return reverseKl(student, teacher, temperature);
  const [forward, reverse] = [forwardKl, reverseKl].map((kl) => kl(student, teacher, temperature)) as [
    RowLoss,
    RowLoss,
  ];
  return {
    perPosition: tf.add(tf.mul(forward.perPosition, beta), tf.mul(reverse.perPosition, 1 - beta)),
    gradient: (weight) => tf.add(forward.gradient(tf.mul(weight, beta)), reverse.gradient(tf.mul(weight, 1 - beta))),
  };
}

/** ½ Σ |S − Q|. */
function totalVariation(student: tf.Tensor2D, teacher: tf.Tensor2D, temperature?: tf.Scalar): RowLoss {
  const s = soften(student, temperature);
  const q = soften(teacher);
  const difference = tf.sub(s.probabilities, q.probabilities);
  return {
    perPosition: tf.mul(sumOverVocabulary(tf.abs(difference)), 0.5),
    gradient: (weight) => {
      // sign(S − Q), 0 where they are equal; written so because WebGPU has no kernel for Sign.
      const sign = tf.sub(tf.cast(tf.greater(difference, 0), 'float32'), tf.cast(tf.less(difference, 0), 'float32'));
      return throughSoftmax(s.probabilities, tf.mul(sign, 0.5), temperature)(weight);
    },
  };
}

/** Chain rule through S = softmax(z / T), g being the derivative with respect to S: S · (g − Σ S g) / T. */
function throughSoftmax(
  probabilities: tf.Tensor2D,
  g: tf.Tensor2D,
  temperature: tf.Scalar | undefined,
): RowLoss['gradient'] {
  return (weight) => {
    const mean = tf.sum(tf.mul(probabilities, g), -1, true); // [rows, 1]
    return tf.mul(tf.mul(probabilities, over(weight, temperature)), tf.sub(g, mean));
  };
}

/** Mean over V of (z_s − z_t)²; gradient 2 (z_s − z_t) / V. */
function meanSquare(student: tf.Tensor2D, teacher: tf.Tensor2D): RowLoss {
  const difference = tf.sub<tf.Tensor2D>(student, teacher);
  return {
    perPosition: tf.mean(tf.square(difference), -1),
    gradient: (weight) => tf.mul(difference, tf.mul(weight, 2 / student.shape[1])),
  };
}

/** Norms below this count as this one, as in PyTorch's cosine_similarity. */
const SMALLEST_NORM = 1e-8;

/**
 * 1 − cos(z_s, z_t); gradient −(ẑ_t − cos · ẑ_s) / |z_s| with ẑ of length 1. Logits that are all 0 have no direction:
 * their cosine is 0, and so is their gradient (PyTorch's would be ẑ_t · 1e8).
 */
function cosine(student: tf.Tensor2D, teacher: tf.Tensor2D): RowLoss {
  const norm = (z: tf.Tensor2D): tf.Tensor2D => tf.maximum(tf.sqrt(tf.sum(tf.square(z), -1, true)), SMALLEST_NORM);
  const studentNorm = norm(student); // [rows, 1]
  const studentUnit = tf.div<tf.Tensor2D>(student, studentNorm);
  const teacherUnit = tf.div<tf.Tensor2D>(teacher, norm(teacher));
  const similarity = tf.sum(tf.mul(studentUnit, teacherUnit), -1, true); // [rows, 1]
  return {
    perPosition: tf.sub(1, tf.reshape(similarity, [student.shape[0]])),
    gradient: (weight) => {
      const hasDirection = tf.cast(tf.greater(studentNorm, SMALLEST_NORM), 'float32');
      const rowWeight = tf.div(tf.mul(weight, hasDirection), studentNorm);
      return tf.mul(tf.sub(tf.mul(studentUnit, similarity), teacherUnit), rowWeight);
    },
  };
}
