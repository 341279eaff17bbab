/** @file The programs of an evaluation: a forward pass, and what is measured at each prediction of a language model. */

import * as tf from '@tensorflow/tfjs-core';
import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import { embeddingWidth, type Architecture } from '../../model/architecture';
import { vocabularyHead } from '../../model/computations/transformer';
import { prefixed, withPrefix } from '../named';
import { nothingInside, type ModelPair } from '../pairing';
import { evaluatedRows, predict, rowChunks } from '../prediction';
import { atLabels, withinVocabulary } from '../losses/hard-loss';
import { logProbabilities, soften } from '../losses/softening';
import {
  isLanguageModel,
  parameterSpecs,
  predictionSpecs,
  teacherInputSpecs,
  tokenSpecs,
  type BatchShape,
} from '../specs';
import {
  rowsOfProjection,
  teacherLogits,
  teacherProjection,
  truncateVocabulary,
  vocabularyOf,
  type TeacherProjection,
} from '../losses/vocabulary-projection';

/** One value for each prediction, [R]. */
export interface PredictionMeasures {
  /** −log softmax(z)[label], nats. */
  negativeLogLikelihood: tf.Tensor1D;
  /** 1 where the first choice is the label. */
  correct: tf.Tensor1D;
  /** Probability of the first choice. */
  confidence: tf.Tensor1D;
  /** 1 where student and teacher have the same first choice. */
  agreement?: tf.Tensor1D;
  /** KL(teacher ‖ student) at T = 1, nats. */
  teacherKl?: tf.Tensor1D;
}

/** Measures at T = 1. The teacher's surplus vocabulary, if any, is cut off before its softmax. */
export function measurePredictions(
  model: TeacherProjection,
  labels: tf.Tensor1D,
  chunkRows: number,
  teacher?: TeacherProjection,
): PredictionMeasures {
  const rows = rowsOfProjection(model);
  const vocabulary = vocabularyOf(model);
  const own = truncateVocabulary(model, vocabulary);
  const theirs = teacher && truncateVocabulary(teacher, vocabulary);
  const parts: PredictionMeasures[] = [];
  for (const [start, size] of rowChunks(rows, chunkRows)) {
    const ofRows = (one: TeacherProjection): tf.Tensor2D => logProbabilities(soften(teacherLogits(one, start, size)));
    parts.push(measureChunk(ofRows(own), tf.slice1d(labels, start, size), theirs && ofRows(theirs)));
  }
  // A chunk's measures are joined first: an executor that computes one output after the other would hold the logits of all chunks for the others.
  const names = Object.keys(parts[0]!) as (keyof PredictionMeasures)[];
  const together = parts.map((part) => tf.stack(names.map((name) => part[name]!)) as tf.Tensor2D); // [measures, size]
  const joined = tf.concat2d(together, 1); // [measures, R]
  const measures = names.map((name, i) => [name, tf.reshape(tf.slice2d(joined, [i, 0], [1, rows]), [rows])] as const);
  return Object.fromEntries(measures) as Record<keyof PredictionMeasures, tf.Tensor1D>;
}

function measureChunk(
  logProbabilities: tf.Tensor2D,
  labels: tf.Tensor1D,
  teacherLog?: tf.Tensor2D,
): PredictionMeasures {
  const [, vocabulary] = logProbabilities.shape;
  const same = (a: tf.Tensor, b: tf.Tensor): tf.Tensor1D => tf.cast<tf.Tensor1D>(tf.equal(a, b), 'float32');
  const choice = tf.argMax(logProbabilities, 1);
  return {
    // Looked up: comparing and choosing would take four more matrices [size, V] at once, two of them within onnxruntime's Where.
    negativeLogLikelihood: tf.neg(atLabels(logProbabilities, withinVocabulary(labels, vocabulary))),
    correct: same(choice, labels),
    confidence: tf.exp(tf.max(logProbabilities, 1)),
    ...(teacherLog && {
      agreement: same(choice, tf.argMax(teacherLog, 1)),
      teacherKl: klDivergence(teacherLog, logProbabilities),
    }),
  };
}

/**
 * KL of two rows of logarithms, as Σ p · (log p − log q) − p + q. Both distributions sum to 1, so the last two terms change nothing but
 * cancel what rounding leaves of that: divergences as small as a rounded teacher's would drown in it.
 */
function klDivergence(logP: tf.Tensor2D, logQ: tf.Tensor2D): tf.Tensor1D {
  const [p, q] = [tf.exp(logP), tf.exp(logQ)];
  return tf.sum(tf.add(tf.mul(p, tf.sub(logP, logQ)), tf.sub(q, p)), 1);
}

/** Forward pass of a model on one batch: a classifier's `logits`, [B, C]; of a language model `hidden`, [R, D], which `measuringProgram` takes. */
export function evaluationProgram(student: Architecture, shape: BatchShape): Program {
  const inputs = {
    ...tokenSpecs(shape),
    ...predictionSpecs(student, shape),
    ...prefixed('student.', parameterSpecs(student)),
  };
  return record(`evaluation-${shape.rows}x${shape.length}`, inputs, (tensors) => {
    const { prediction } = predict(student, withPrefix('student.', tensors), tensors);
    return isLanguageModel(student) ? { hidden: prediction } : { logits: prediction };
  });
}

/**
 * What is measured at so many predictions of a language model, whatever batches they are of. Takes their `labels` and `hidden`, the weights of its head
 * and, of a teacher that it is held against, what `teacherInputSpecs` names. Without a student it is the teacher that is measured.
 */
export function measuringProgram({ student, ...pair }: Partial<ModelPair>, rows: number): Program {
  const shape = { rows: 1, length: rows, predictions: rows };
  const inputs = {
    labels: { shape: [rows], dtype: 'int32' as const },
    ...(student && {
      hidden: { shape: [rows, embeddingWidth(student)], dtype: 'float32' as const },
      ...prefixed('student.', parameterSpecs(student)),
    }),
    ...teacherInputSpecs(pair, nothingInside, shape),
  };
  return record(student ? 'measures' : 'teacher-measures', inputs, (tensors) => {
    const labels = tensors.labels as tf.Tensor1D;
    const teacher = teacherProjection(pair, tensors);
    const own = student && {
      ...vocabularyHead(student, withPrefix('student.', tensors)),
      hidden: tensors.hidden as tf.Tensor2D,
    };
    const measured = own ?? teacher!;
    const chunk = evaluatedRows(vocabularyOf(measured));
    return { ...measurePredictions(measured, labels, chunk, own && teacher) };
  });
}

/**
 * How many predictions `measuringProgram` is best given at once.
 * @param inHostMemory whether it is computed there; a device is asked less often
 */
export const measuredAtOnce = (vocabularySize: number, inHostMemory: boolean): number =>
  (inHostMemory ? 1 : ON_DEVICE) * evaluatedRows(vocabularySize);

const ON_DEVICE = 8;
