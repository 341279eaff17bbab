/** @file The last linear layer of a language model, or of several whose probabilities are averaged: logits of some rows at a time. */

import * as tf from '@tensorflow/tfjs-core';
import { vocabularyHead, vocabularyLogits } from '../../model/computations/transformer';
import { isOpaque } from '../../model/architecture';
import { withPrefix } from '../named';
import type { ChosenTokens, ModelPair } from '../pairing';
import { chosenLogits, rowsOfLabels, type ChosenLabels } from './chosen-labels';
import { logProbabilities, logSumOfTwo, over, soften } from './softening';
import { ofMember } from '../specs';

/** The last linear layer of a model and what goes into it. */
export interface VocabularyProjection {
  /** [R, D]: a row for each prediction. */
  hidden: tf.Tensor2D;
  /** [V, D] */
  weight: tf.Tensor2D;
  /** [V] */
  bias: tf.Tensor1D | null;
  /** As of `VocabularyHead`. */
  cap?: number | undefined;
}

/** Of an ensemble: those of its members, whose widths and paddings of the head may differ. */
export interface MeanProjection {
  members: readonly VocabularyProjection[];
  /** Above 0, their sum 1. */
  weights: readonly number[];
}

/** Of an opaque teacher: its logits themselves. */
interface GivenLogits {
  /** [R, V] */
  logits: tf.Tensor2D;
}

export type TeacherProjection = VocabularyProjection | MeanProjection | GivenLogits | ChosenLabels;

/** The teacher's, of a pair of language models, from the inputs that `teacherInputSpecs` names. */
export function teacherProjection(
  { teacher, ensemble }: Omit<ModelPair, 'student'>,
  tensors: Record<string, tf.Tensor>,
): TeacherProjection | undefined {
  if (!teacher) return undefined;
  if (isOpaque(teacher)) return { logits: tensors['target.prediction'] as tf.Tensor2D };
  const members = (ensemble?.members ?? [teacher]).map((member, i): VocabularyProjection => {
    const head = vocabularyHead(member, withPrefix(`${ofMember('teacher', i)}.`, tensors));
    return { ...head, hidden: tensors[`target.${ofMember('prediction', i)}`] as tf.Tensor2D };
  });
  return ensemble ? { members, weights: ensemble.weights } : members[0];
}

/** The chosen tokens of its soft labels, from the inputs that `chosenSpecs` names. */
export const chosenLabels = ({ by, vocabulary }: ChosenTokens, tensors: Record<string, tf.Tensor>): ChosenLabels => ({
  by,
  vocabulary,
  ids: tensors['target.ids'] as tf.Tensor2D,
  logs: tensors['target.logs'] as tf.Tensor2D,
  rest: tensors['target.rest'] as tf.Tensor2D,
});

const membersOf = (projection: VocabularyProjection | MeanProjection): readonly VocabularyProjection[] =>
  'members' in projection ? projection.members : [projection];

/** Tokens that all of them have. */
export const vocabularyOf = (projection: TeacherProjection): number => {
  if ('ids' in projection) return projection.vocabulary;
  if ('logits' in projection) return projection.logits.shape[1];
  return Math.min(...membersOf(projection).map(({ weight }) => weight.shape[0]));
};

/** R */
export const rowsOfProjection = (projection: TeacherProjection): number => {
  if ('ids' in projection) return projection.ids.shape[0];
  return 'logits' in projection ? projection.logits.shape[0] : membersOf(projection)[0]!.hidden.shape[0];
};

/** [size, V] */
export function logitsOfRows(projection: VocabularyProjection, start: number, size: number): tf.Tensor2D {
  return vocabularyLogits(projection, tf.slice2d(projection.hidden, [start, 0], [size, -1]));
}

/**
 * Logits of some rows over T, [size, V], whose softmax is the teacher's soft label: of a mean log Q, Q = Σ wᵢ softmax(zᵢ / T), by
 * logsumexp.
 * @param temperature absent means 1
 */
export function teacherLogits(
  projection: TeacherProjection,
  start: number,
  size: number,
  temperature?: tf.Scalar,
): tf.Tensor2D {
  if ('ids' in projection) return over(chosenLogits(rowsOfLabels(projection, start, size)), temperature);
  if ('logits' in projection) return over(tf.slice2d(projection.logits, [start, 0], [size, -1]), temperature);
  if (!('members' in projection)) {
    if (projection.cap !== undefined) return over(logitsOfRows(projection, start, size), temperature);
    // What is divided is far smaller than the logits.
    const { hidden, bias } = projection;
    const rows = over(tf.slice2d(hidden, [start, 0], [size, -1]), temperature);
    return vocabularyLogits({ ...projection, bias: bias && over(bias, temperature) }, rows);
  }
  const terms = projection.members.map((member, i) => {
    const softened = soften(logitsOfRows(member, start, size), temperature);
    return tf.add<tf.Tensor2D>(logProbabilities(softened), Math.log(projection.weights[i]!));
  });
  return terms.reduce(logSumOfTwo);
}

/**
 * A head padded beyond the tokenizer's size (152,064 rows for 151,936 tokens) loses the surplus; it never gains any.
 * @throws Error where a teacher's vocabulary is smaller
 */
export function truncateVocabulary(projection: TeacherProjection, vocabulary: number): TeacherProjection {
  if ('ids' in projection) return projection;
  if ('logits' in projection) return truncateLogits(projection, vocabulary);
  if (!('members' in projection)) return truncateHead(projection, vocabulary);
  return { ...projection, members: projection.members.map((member) => truncateHead(member, vocabulary)) };
}

function truncateHead(projection: VocabularyProjection, vocabulary: number): VocabularyProjection {
  const { weight, bias } = projection;
  if (weight.shape[0] === vocabulary) return projection;
  requireVocabulary(weight.shape[0], vocabulary);
  return {
    ...projection,
    weight: tf.slice(weight, [0, 0], [vocabulary, -1]),
    bias: bias && tf.slice(bias, [0], [vocabulary]),
  };
}

function truncateLogits({ logits }: GivenLogits, vocabulary: number): GivenLogits {
  requireVocabulary(logits.shape[1], vocabulary);
  return { logits: logits.shape[1] === vocabulary ? logits : tf.slice2d(logits, [0, 0], [-1, vocabulary]) };
}

function requireVocabulary(tokens: number, vocabulary: number): void {
  if (tokens >= vocabulary) return;
  throw new Error(
    `The teacher's head has ${tokens} tokens, fewer than the student's ${vocabulary}: they must share the tokenizer.`,
  );
}
