/** @file The tensor programs of a distillation that are recorded once for each batch shape: teacher, gradients. */

import * as tf from '@tensorflow/tfjs-core';
import type { TensorSpec } from '../engine/array';
import { recordedDropout, type Dropout } from '../engine/graph/dropout';
import type { Program } from '../engine/graph/program';
import { record } from '../engine/graph/trace-backend';
import { type Architecture } from '../model/architecture';
import { parameterShapes } from '../model/config';
import { backbone, classificationLogits, classifiedRows, vocabularyHead } from '../model/transformer';
import { type ChooseRows, type ModelInputs, type ParameterTensors } from '../model/computation';
import { isSoftened } from '../protocol/softened';
import type { Divergence } from './divergences';
import { classLoss, vocabularyLoss, type Distillation, type HeadLoss } from './head-loss';
import { hiddenLoss, type HiddenLossKind } from './hidden-loss';
import { mapValues, prefixed, withPrefix } from './named';

/** Static sizes of a batch; a program is recorded for each. */
export interface BatchShape {
  /** Rows of the batch, filler rows included. */
  rows: number;
  /** Tokens a row, padding included. */
  length: number;
  /** Predictions: rows of a classifier, prediction rows of a language model. */
  predictions: number;
}

/** Which hidden states are compared, and how. Pairs [teacher block, student block] count blocks from 0. */
export interface HiddenObjective {
  loss: HiddenLossKind;
  layers: readonly (readonly [number, number])[];
  weight: number;
}

/** What the student imitates. */
export interface ImitationObjective {
  divergence: Divergence;
  /** Of `jsd` alone. */
  beta: number;
  scaleByTemperatureSquared: boolean;
  hidden?: HiddenObjective;
}

/** A student and, unless it learns from hard labels alone, its teacher. */
export interface Pairing {
  student: Architecture;
  imitation?: { teacher: Architecture; objective: ImitationObjective };
  /** Blocks of the student that are computed whole although nothing imitates them. */
  whole?: readonly number[];
}

/** The same student without a teacher, with the same places and shapes of dropout, so that equal seeds draw equal masks. */
export function controlOf(pairing: Pairing): Pairing {
  return { student: pairing.student, whole: wholeBlocks(pairing) };
}

const wholeBlocks = ({ imitation, whole = [] }: Pairing): readonly number[] =>
  imitation?.objective.hidden?.layers.map(([, block]) => block) ?? whole;

/** Logits that exist at once: [chunk, V] floats are at most this many megabytes. */
const CHUNK_BYTES = 32 * 2 ** 20;

export function chunkRows(vocabularySize: number): number {
  return Math.max(32, Math.floor(CHUNK_BYTES / 4 / vocabularySize));
}

const float = (shape: readonly number[]): TensorSpec => ({ shape, dtype: 'float32' });
const int = (shape: readonly number[]): TensorSpec => ({ shape, dtype: 'int32' });

/** Names under which the scalars of a step are given. */
export const SCALARS = ['temperature', 'alpha', 'inverseCount', 'inverseLabelled', 'inverseTokens'] as const;

export const scalarSpecs = (names: readonly string[]): Record<string, TensorSpec> =>
  Object.fromEntries(names.map((name) => [name, float([])]));

export function parameterSpecs(a: Architecture): Record<string, TensorSpec> {
  return mapValues(parameterShapes(a), float);
}

/** `projection.K`: maps the student's hidden state of pair K to the teacher's width; only where widths differ. */
export function projectionShapes({ student, imitation }: Pairing): Record<string, [number, number]> {
  const hidden = imitation?.objective.hidden;
  if (!hidden || imitation.teacher.hiddenSize === student.hiddenSize) return {};
  const shape: [number, number] = [imitation.teacher.hiddenSize, student.hiddenSize];
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

export function modelInputs(tensors: Record<string, tf.Tensor>): ModelInputs {
  return {
    inputIds: tensors.inputIds as tf.Tensor2D,
    attentionMask: tensors.attentionMask as tf.Tensor2D,
    typeIds: tensors.typeIds as tf.Tensor2D,
  };
}

/**
 * A model as far as the input of its prediction layer: for a language model the transformed hidden states of the
 * positions that predict, [predictions, D], so that logits can be made in row chunks; for a classifier its logits.
 * @param whole blocks whose hidden states are wanted, or their dropout masks, for all rows
 */
export function predict(
  a: Architecture,
  parameters: ParameterTensors,
  tensors: Record<string, tf.Tensor>,
  { dropout, whole = [] }: { dropout?: Dropout; whole?: readonly number[] } = {},
): { prediction: tf.Tensor2D; hiddenStates: tf.Tensor3D[] } {
  const inputs = modelInputs(tensors);
  const options = dropout ? { dropout } : {};
  const choose = predictingRows(a, tensors);
  const early = predictsFew(a, tensors) && !whole.includes(a.layers - 1);
  const { hiddenStates, chosen } = backbone(a, parameters, inputs, { ...options, ...(early && { choose }) });
  const rows = chosen ?? choose(hiddenStates[a.layers]!);
  const prediction = isLanguageModel(a)
    ? vocabularyHead(a, parameters).transform(rows)
    : classificationLogits(a, parameters, rows, options);
  return { prediction, hiddenStates };
}

/** Takes the rows from which a model predicts out of [B, L, D]. */
function predictingRows(a: Architecture, tensors: Record<string, tf.Tensor>): ChooseRows {
  if (!isLanguageModel(a)) return classifiedRows(a, modelInputs(tensors));
  const rows = tensors.predictionRows as tf.Tensor1D;
  return (x) => tf.gather(tf.reshape<tf.Rank.R2>(x, [-1, a.hiddenSize]), rows);
}

/** Whether so few rows predict that taking them out before the last layer's perceptron saves more than it costs. */
function predictsFew(a: Architecture, tensors: Record<string, tf.Tensor>): boolean {
  return !isLanguageModel(a) || 2 * tensors.predictionRows!.size <= tensors.inputIds!.size;
}

/** The teacher's blocks that are imitated, each once. */
const teacherBlocks = ({ imitation }: Pairing): number[] => [
  ...new Set(imitation?.objective.hidden?.layers.map(([block]) => block)),
];

/** Shapes of what the teacher's program gives to the student's: `prediction`, and `hidden.BLOCK` for imitated blocks. */
export function teacherOutputSpecs(pairing: Pairing, shape: BatchShape): Record<string, TensorSpec> {
  if (!pairing.imitation) return {};
  const { teacher } = pairing.imitation;
  const width = isLanguageModel(teacher) ? teacher.hiddenSize : teacher.labels!.length;
  return {
    prediction: float([shape.predictions, width]),
    ...Object.fromEntries(
      teacherBlocks(pairing).map((block) => [`hidden.${block}`, float([shape.rows, shape.length, teacher.hiddenSize])]),
    ),
  };
}

/** Forward pass of the frozen teacher: tokens → what the student imitates. */
export function teacherProgram(pairing: Pairing, shape: BatchShape): Program {
  const { teacher } = pairing.imitation!;
  const wanted = Object.keys(teacherOutputSpecs(pairing, shape));
  const inputs = {
    ...tokenSpecs(shape),
    ...predictionSpecs(teacher, shape),
    ...prefixed('teacher.', parameterSpecs(teacher)),
  };
  return record(`teacher-${shape.rows}x${shape.length}`, inputs, (tensors) => {
    const whole = teacherBlocks(pairing);
    const { prediction, hiddenStates } = predict(teacher, withPrefix('teacher.', tensors), tensors, { whole });
    // hiddenStates[0] is after the embeddings, so block b's output is hiddenStates[b + 1].
    const outputs = Object.fromEntries(
      hiddenStates.slice(1).map((state, block) => [`hidden.${block}`, state as tf.Tensor]),
    );
    return Object.fromEntries(wanted.map((name) => [name, name === 'prediction' ? prediction : outputs[name]!]));
  });
}

interface LossComponents {
  total: tf.Scalar;
  soft?: tf.Scalar;
  hard: tf.Scalar;
  hidden?: tf.Scalar;
}

/**
 * Forward and backward pass of the student on one batch.
 * Inputs: tokens, labels, `student.NAME`, `target.NAME` (the teacher's outputs), `teacher.NAME` (of a language model's
 * prediction layer), the scalars, dropout masks.
 * Outputs: `gradient.NAME` for everything trained, `loss.total`, and each component that the objective has.
 */
export function gradientsProgram(pairing: Pairing, shape: BatchShape): Program {
  const { student, imitation } = pairing;
  const trained = trainedSpecs(pairing);
  const inputs = {
    ...tokenSpecs(shape),
    ...predictionSpecs(student, shape),
    ...labelSpecs(shape),
    ...scalarSpecs(SCALARS),
    ...prefixed('student.', trained),
    ...prefixed('target.', teacherOutputSpecs(pairing, shape)),
    ...(imitation && prefixed('teacher.', parameterSpecs(imitation.teacher))),
  };
  return record(`gradients-${shape.rows}x${shape.length}`, inputs, (tensors, addInput) => {
    const names = Object.keys(trained);
    const dropout = recordedDropout(addInput);
    let components: LossComponents | undefined;
    const objective = (...values: tf.Tensor[]): tf.Scalar => {
      const parameters = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      components = combinedLoss(pairing, parameters, tensors, dropout);
      return components.total;
    };
    const { value, grads } = tf.valueAndGrads(objective)(names.map((name) => tensors[`student.${name}`]!));
    const gradients = Object.fromEntries(names.map((name, i) => [`gradient.${name}`, grads[i]!]));
    return { ...prefixed('loss.', { ...components!, total: value }), ...gradients };
  });
}

/** α · T² · soft + (1 − α) · hard + weight · hidden, and each of them by itself. No T² where T does not enter `soft`. */
function combinedLoss(
  pairing: Pairing,
  parameters: ParameterTensors,
  tensors: Record<string, tf.Tensor>,
  dropout: Dropout,
): LossComponents {
  const objective = pairing.imitation?.objective.hidden;
  const whole = wholeBlocks(pairing);
  const { prediction, hiddenStates } = predict(pairing.student, parameters, tensors, { dropout, whole });
  const head = headLoss(pairing, parameters, prediction, tensors);
  if (!objective) return head;
  const pairs = objective.layers.map(([teacherBlock, studentBlock], pair) => {
    const projection = parameters[`projection.${pair}`];
    return hiddenLoss(objective.loss, {
      student: hiddenStates[studentBlock + 1]!,
      teacher: tensors[`target.hidden.${teacherBlock}`] as tf.Tensor3D,
      ...(projection && { projection: projection as tf.Tensor2D }),
      attentionMask: tensors.attentionMask as tf.Tensor2D,
      inverseCount: tensors.inverseTokens as tf.Scalar,
    });
  });
  const hidden = pairs.reduce((sum, loss) => tf.add(sum, loss));
  return { ...head, total: tf.add(head.total, tf.mul(hidden, objective.weight)), hidden: tf.keep(hidden) };
}

/** Soft and hard loss at the prediction layer. */
function headLoss(
  { student, imitation }: Pairing,
  parameters: ParameterTensors,
  prediction: tf.Tensor2D,
  tensors: Record<string, tf.Tensor>,
): HeadLoss {
  const labels = tensors.labels as tf.Tensor1D;
  const counting = { counted: tensors.counted as tf.Tensor1D, inverseCount: tensors.inverseCount as tf.Scalar };
  const softened = imitation && distillationOf(imitation.objective, tensors);
  const target = tensors['target.prediction'] as tf.Tensor2D;
  if (!isLanguageModel(student)) {
    return classLoss({
      ...counting,
      labelled: { counted: tensors.labelled as tf.Tensor1D, inverseCount: tensors.inverseLabelled as tf.Scalar },
      labels,
      studentLogits: prediction,
      problemType: 'single-label',
      ...(softened && { distillation: { ...softened, teacherLogits: target } }),
    });
  }
  const { weight, bias } = vocabularyHead(student, parameters);
  const teacherHead = imitation && vocabularyHead(imitation.teacher, withPrefix('teacher.', tensors));
  return vocabularyLoss({
    ...counting,
    labels,
    student: { hidden: prediction, weight, bias },
    chunkRows: chunkRows(student.vocabularySize),
    ...(softened &&
      teacherHead && {
        distillation: { ...softened, teacher: { hidden: target, weight: teacherHead.weight, bias: teacherHead.bias } },
      }),
  });
}

function distillationOf(objective: ImitationObjective, tensors: Record<string, tf.Tensor>): Distillation {
  const temperature = tensors.temperature as tf.Scalar;
  const isScaled = objective.scaleByTemperatureSquared && isSoftened(objective.divergence);
  return {
    divergence: objective.divergence,
    beta: objective.beta,
    temperature,
    alpha: tensors.alpha as tf.Scalar,
    temperatureScale: isScaled ? tf.square(temperature) : tf.scalar(1),
  };
}
