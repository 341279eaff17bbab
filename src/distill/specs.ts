/** @file Names, shapes and types of what goes into the recorded programs and comes out of them. */

import type { TensorSpec } from '../engine/array';
import type { Architecture } from '../model/architecture';
import { parameterShapes } from '../model/config';
import { mapValues } from './named';
import type { Imitated, Pairing } from './pairing';

/** Static sizes of a batch; a program is recorded for each. */
export interface BatchShape {
  /** Rows of the batch, filler rows included. */
  rows: number;
  /** Tokens a row, padding included. */
  length: number;
  /** Predictions: rows of a classifier, prediction rows of a language model. */
  predictions: number;
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
  if (!hidden || !teacher || teacher.hiddenSize === student.hiddenSize) return {};
  const shape: [number, number] = [teacher.hiddenSize, student.hiddenSize];
  return Object.fromEntries(hidden.layers.map((_, pair) => [`projection.${pair}`, shape]));
}

/** Everything that is trained: the student's parameters and the projections. */
export function trainedSpecs(pairing: Pairing): Record<string, TensorSpec> {
  return { ...parameterSpecs(pairing.student), ...mapValues(projectionShapes(pairing), float) };
}

/** The tokens of a batch, which teacher and student are both run on. */
export function tokenSpecs({ rows, length }: BatchShape): Record<string, TensorSpec> {
  return { inputIds: int([rows, length]), typeIds: int([rows, length]), attentionMask: float([rows, length]) };
}

export const isLanguageModel = (a: Architecture): boolean => a.head !== 'sequence-classification';

/** Which positions predict; a classifier has one prediction a row. */
export function predictionSpecs(a: Architecture, shape: BatchShape): Record<string, TensorSpec> {
  return isLanguageModel(a) ? { predictionRows: int([shape.predictions]) } : {};
}

export function labelSpecs(shape: BatchShape): Record<string, TensorSpec> {
  const counted = float([shape.predictions]);
  return { labels: int([shape.predictions]), counted, labelled: counted };
}

/** Shapes of what the teacher's program gives to the student's: `prediction`, and `hidden.BLOCK` for imitated blocks. */
export function teacherOutputSpecs({ teacher, blocks }: Imitated, shape: BatchShape): Record<string, TensorSpec> {
  const width = isLanguageModel(teacher) ? teacher.hiddenSize : teacher.labels!.length;
  const states = float([shape.rows, shape.length, teacher.hiddenSize]);
  return {
    prediction: float([shape.predictions, width]),
    ...Object.fromEntries(blocks.map((block) => [`hidden.${block}`, states])),
  };
}
