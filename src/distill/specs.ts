/** @file Names, shapes and types of what goes into the recorded programs and comes out of them. */

import type { TensorSpec } from '../engine/array';
import {
  type Architecture,
  embeddingWidth,
  isOpaque,
  sentenceWidth,
  type TeacherModel,
  vectorWidth,
} from '../model/architecture';
import { parameterShapes } from '../model/layouts/config';
import { mapValues, prefixed } from './named';
import {
  nothingInside,
  nameOfReading,
  type BlockReading,
  type ChosenTokens,
  type Imitated,
  type Inside,
  type Kept,
  type ModelPair,
  type Pairing,
} from './pairing';

/** Static sizes of a batch; a program is recorded for each. */
export interface BatchShape {
  /** Rows of the batch, filler rows included. */
  rows: number;
  /** Tokens a row, padding included. */
  length: number;
  /** Predictions: rows of a classifier, prediction rows of a language model. */
  predictions: number;
  /** Of so many those are chosen; absent: they are all. */
  of?: number | undefined;
  /** Whether several texts may share a row. */
  isPacked?: boolean | undefined;
  /** Whether predictions are of pairs of texts, one after the other. */
  isPaired?: boolean | undefined;
}

const float = (shape: readonly number[]): TensorSpec => ({ shape, dtype: 'float32' });
const int = (shape: readonly number[]): TensorSpec => ({ shape, dtype: 'int32' });

export const scalarSpecs = (names: readonly string[]): Record<string, TensorSpec> =>
  Object.fromEntries(names.map((name) => [name, float([])]));

export function parameterSpecs(a: Architecture): Record<string, TensorSpec> {
  return mapValues(parameterShapes(a), float);
}

/** `projection.K`: maps the student's hidden state of pair K to the teacher's width; only where widths differ. */
export function projectionShapes({ student, teacher, objective }: Pairing): Record<string, [number, number]> {
  const hidden = objective?.hidden;
  if (!hidden || !teacher || isOpaque(teacher) || teacher.hiddenSize === student.hiddenSize) return {};
  const shape: [number, number] = [teacher.hiddenSize, student.hiddenSize];
  return Object.fromEntries(hidden.layers.map((_, pair) => [`projection.${pair}`, shape]));
}

/** Everything that is trained: the student's parameters and the projections. */
export function trainedSpecs(pairing: Pairing): Record<string, TensorSpec> {
  return { ...parameterSpecs(pairing.student), ...mapValues(projectionShapes(pairing), float) };
}

/** The tokens of a batch, which teacher and student are both run on. */
export function tokenSpecs({ rows, length, isPacked }: BatchShape): Record<string, TensorSpec> {
  const shape = [rows, length];
  const tokens = { inputIds: int(shape), typeIds: int(shape), attentionMask: float(shape) };
  return isPacked ? { ...tokens, positionIds: int(shape), segments: int(shape) } : tokens;
}

/** Whether its predictions are of tokens, rather than one of each text. */
export const predictsTokens = (a: Pick<Architecture, 'head'>): boolean =>
  a.head !== 'sequence-classification' && a.head !== 'sentence-embedding';

/** Whether they are tokens of the vocabulary, rather than labels. */
export const isLanguageModel = (a: Pick<Architecture, 'head'>): boolean =>
  a.head === 'causal-lm' || a.head === 'masked-lm';

/** Which positions predict; a classifier has one prediction a row, at the row's own place, unless texts share rows. */
export function predictionSpecs(a: TeacherModel, shape: BatchShape): Record<string, TensorSpec> {
  return predictsTokens(a) || shape.isPacked ? { predictionRows: int([shape.predictions]) } : {};
}

export function labelSpecs(
  a: Pick<Architecture, 'head' | 'labels' | 'problemType'>,
  shape: BatchShape,
): Record<string, TensorSpec> {
  const counted = float([shape.predictions]);
  const isClass = isLanguageModel(a) || (a.problemType ?? 'single-label') === 'single-label';
  // A pair's score is that of both of its texts.
  const numbers = a.problemType === 'embedding' ? 1 : (a.labels?.length ?? 0);
  const labels = isClass ? int([shape.predictions]) : float([shape.predictions, numbers]);
  return { labels, counted, labelled: counted };
}

/** The name of what an ensemble's member gives to a student's program, counted from 0: `teacher`, `teacher2`, `teacher3`. */
export const ofMember = (name: string, index: number): string => (index === 0 ? name : `${name}${index + 1}`);

/**
 * What a student's program takes of its teacher: `target.NAME`, its outputs, and `teacher.NAME`, its weights. Of an ensemble of
 * language models each member's, whose probabilities exist in the program alone; one of classifiers has been averaged before it.
 * An opaque teacher has no weights here, and of one whose tokens are chosen none are needed.
 */
export function teacherInputSpecs(
  pair: Omit<ModelPair, 'student'>,
  inside: Inside & Pick<Kept, 'tokens'>,
  shape: BatchShape,
): Record<string, TensorSpec> {
  const { teacher, ensemble } = pair;
  if (!teacher) return {};
  if (inside.tokens) return prefixed('target.', keptSpecs({ teacher, ...inside }, shape));
  const others = ensemble && isLanguageModel(teacher) ? ensemble.members.slice(1) : [];
  const ofOthers = others.map((member, i) => ({
    [`target.${ofMember('prediction', i + 1)}`]: teacherOutputSpecs({ teacher: member, ...nothingInside }, shape)
      .prediction!,
    ...prefixed(`${ofMember('teacher', i + 1)}.`, parameterSpecs(member)),
  }));
  return Object.assign(
    {
      ...prefixed('target.', teacherOutputSpecs({ teacher, ...inside }, shape)),
      ...(!isOpaque(teacher) && prefixed('teacher.', parameterSpecs(teacher))),
    },
    ...ofOthers,
  ) as Record<string, TensorSpec>;
}

/** Logits of a prediction, or elements of the embedding that stands in their place. */
export function logitsWidth(a: TeacherModel): number {
  if (isLanguageModel(a)) return a.vocabularySize;
  return a.head === 'sentence-embedding' && !isOpaque(a) ? sentenceWidth(a) : a.labels!.length;
}

/** Shapes of what the teacher's program gives to the student's: `prediction`, and what is read of imitated blocks by its name, `hidden.3`. */
export function teacherOutputSpecs({ teacher, blocks }: Imitated, shape: BatchShape): Record<string, TensorSpec> {
  if (isOpaque(teacher)) return { prediction: float([shape.predictions, logitsWidth(teacher)]) };
  const width = isLanguageModel(teacher) ? embeddingWidth(teacher) : logitsWidth(teacher);
  return {
    prediction: float([shape.predictions, width]),
    ...insideSpecs({ teacher, blocks }, shape),
  };
}

/** Those of them that are read of blocks. */
export function insideSpecs({ teacher, blocks }: Imitated, { rows, length }: BatchShape): Record<string, TensorSpec> {
  if (isOpaque(teacher)) return {};
  const { heads, hiddenSize } = teacher;
  const specOf = ({ reading }: BlockReading): TensorSpec => {
    if (reading === 'attention') return float([rows, heads, length, length]);
    return float([rows, length, reading === 'hidden' ? hiddenSize : vectorWidth(teacher, reading)]);
  };
  return Object.fromEntries(blocks.map((one) => [nameOfReading(one), specOf(one)]));
}

/** Of each prediction the chosen tokens, in place of `prediction`: `ids`, `logs` and `rest`, as `ChosenRow` has them. */
export const chosenSpecs = ({ count }: ChosenTokens, { predictions }: BatchShape): Record<string, TensorSpec> => ({
  ids: int([predictions, count]),
  logs: float([predictions, count]),
  rest: float([predictions, 1]),
});

/** What is kept of a teacher's outputs, and before it the `entropy` of each prediction where that is kept too. */
export function keptSpecs(kept: Kept, shape: BatchShape): Record<string, TensorSpec> {
  const entropy = kept.entropyOver === undefined ? {} : { entropy: float([shape.predictions, 1]) };
  const { prediction, ...inside } = teacherOutputSpecs(kept, shape);
  return { ...entropy, ...(kept.tokens ? chosenSpecs(kept.tokens, shape) : { prediction: prediction! }), ...inside };
}
