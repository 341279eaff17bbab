/** @file Which row predicts what: the one place where the causal shift is applied and counted positions are chosen. */

import type { Task } from '../../protocol/records';
import { notCounted } from '../../dataset/examples';
import { maskedShare } from '../../dataset/masking';
import { taskFacts } from '../../protocol/tasks';

/** What is read of a batch. */
export interface LabelledBatch {
  rows: number;
  /** Tokens a row, padding included. */
  length: number;
  /** [rows] for text-classification, or float32 [rows, C] (NaN: no label); [rows · length] and unshifted for language models. */
  labels: Int32Array | Float32Array;
  /** text-classification: [rows], −1 for filler rows. Without them every row without a label is filler. */
  indices?: Int32Array;
  /** Where texts share rows: each one's first token, [texts]. Labels of classes are [texts] too, and indices [examples]. */
  packed?: { readonly starts: Int32Array; readonly texts?: number } | undefined;
}

/** R predictions. R depends only on task, rows and length (see `maskedCapacity`), so that recorded shapes stay the same. */
export interface PredictionRows {
  /** int32 [R]: which row of the hidden states [rows · length, D] predicts; of the logits [rows, C] for classes. */
  rows: Int32Array;
  /** int32 [R], or float32 [R, C] as the batch has them: what it should predict; 0 where nothing counts. */
  labels: Int32Array | Float32Array;
  /** float32 [R]: 1 or 0. */
  counted: Float32Array;
  /** Number of counted rows. */
  count: number;
  /** float32 [R]: 1 for a counted row whose label is known; the others count in the soft loss alone. */
  labelled: Float32Array;
  /** Number of labelled rows. */
  labelledCount: number;
}

/**
 * The predictions of a batch. The same rows are taken from student, teacher and labels, so none can be shifted alone.
 * text-classification: one a row, labelled or not; one an example where these share rows, at its first token. causal-lm: positions 0 … length − 2 of each row, position i predicting token i + 1, so
 * R = rows · (length − 1). masked-lm: the masked positions, then filler up to `maskedCapacity`. token-classification: all positions, R = rows · length, of
 * which the first tokens of words count. sentence-embedding: one a text, of pairs two an example.
 */
export function predictionRows(batch: LabelledBatch, task: Task): PredictionRows {
  switch (task) {
    case 'text-classification':
      return withUnlabelled(ofClasses(batch), batch.indices);
    case 'causal-lm':
      return select(batch.labels as Int32Array, allButLast(batch), 1);
    case 'masked-lm':
      return maskedRows(batch);
    case 'token-classification':
      return select(batch.labels as Int32Array, range(batch.labels.length), 0);
    case 'sentence-embedding':
      return ofTexts(batch);
  }
}

/**
 * Predictions that count of an example by itself, labelled or not: those of `predictionRows`, of tens of thousands of which nothing else is asked.
 * @param labels as of a batch of one row
 * @param texts that it has
 */
export function countedPredictions(labels: Int32Array | Float32Array, task: Task, texts = 1): number {
  const { isPerToken, shift } = taskFacts[task];
  if (!isPerToken) return texts;
  let count = 0;
  for (let i: number = shift; i < labels.length; i++) if (labels[i] !== notCounted) count++;
  return count;
}

/** 1 / count, and 0 for 0: a batch in which nothing counts has loss 0, not NaN. */
export function inverseOf(count: number): number {
  return count === 0 ? 0 : 1 / count;
}

/**
 * Rows reserved for the masked positions of a batch. Each token is masked with probability `maskedShare` and each example has one
 * at least: room for the mean, six standard deviations, and one more for each example, rounded up to a multiple of 8. More
 * than that comes up less than once in a hundred million batches; `predictionRows` then returns as many rows as that batch
 * needs (again a multiple of 8), so a caller must key what it recorded by the number of rows, and nothing is ever dropped.
 */
export function maskedCapacity(rows: number, length: number, examples = rows): number {
  const tokens = rows * length;
  const mean = tokens * maskedShare;
  const deviation = Math.sqrt(mean * (1 - maskedShare));
  return roundUp(Math.min(tokens, Math.ceil(mean + 6 * deviation) + examples));
}

const roundUp = (rows: number): number => Math.ceil(rows / 8) * 8;

function range(size: number): Int32Array {
  const all = new Int32Array(size);
  for (let i = 0; i < size; i++) all[i] = i;
  return all;
}

/** The positions of each row that have one after them. */
function allButLast({ rows, length }: LabelledBatch): Int32Array {
  const positions = new Int32Array(rows * (length - 1));
  for (let row = 0, at = 0; row < rows; row++) {
    for (let i = 0; i < length - 1; i++) positions[at++] = row * length + i;
  }
  return positions;
}

function ofClasses({ labels, rows, packed }: LabelledBatch): PredictionRows {
  const count = packed?.starts.length ?? rows;
  const found = labels instanceof Float32Array ? rowsOfNumbers(labels, count) : select(labels, range(count), 0);
  return packed ? { ...found, rows: packed.starts } : found;
}

/** One a text, whose label is the score of its pair. */
function ofTexts({ labels, rows, indices, packed }: LabelledBatch): PredictionRows {
  const texts = packed?.starts.length ?? rows;
  const found = rowsOfNumbers(labels as Float32Array, texts);
  const each = packed?.texts ?? 1;
  const counted = Float32Array.from({ length: texts }, (_, text) =>
    indices && indices[Math.floor(text / each)]! < 0 ? 0 : 1,
  );
  return { ...found, rows: packed?.starts ?? found.rows, counted, count: counted.reduce((sum, one) => sum + one, 0) };
}

/** Counts the rows that have no label too, but for filler rows. */
function withUnlabelled(predictions: PredictionRows, indices: Int32Array | undefined): PredictionRows {
  if (!indices) return predictions;
  const counted = Float32Array.from(indices, (index) => (index < 0 ? 0 : 1));
  return { ...predictions, counted, count: indices.filter((index) => index >= 0).length };
}

/** Rows `positions`, each predicting the label `offset` places further on. */
function select(labels: Int32Array, positions: Int32Array, offset: number): PredictionRows {
  const targets = new Int32Array(positions.length);
  const counted = new Float32Array(positions.length);
  let count = 0;
  for (let i = 0; i < positions.length; i++) {
    const label = labels[positions[i]! + offset]!;
    if (label === notCounted) continue;
    targets[i] = label;
    counted[i] = 1;
    count++;
  }
  return { rows: positions, labels: targets, counted, count, labelled: counted, labelledCount: count };
}

/** Rows whose labels are numbers, [rows, C]. A row without one must have no NaN in it, which no weight of 0 takes away. */
function rowsOfNumbers(labels: Float32Array, rows: number): PredictionRows {
  const width = labels.length / rows;
  const counted = Float32Array.from({ length: rows }, (_, row) => (Number.isNaN(labels[row * width]) ? 0 : 1));
  const count = counted.reduce((sum, one) => sum + one, 0);
  const numbers = labels.map((value) => (Number.isNaN(value) ? 0 : value));
  return { rows: range(rows), labels: numbers, counted, count, labelled: counted, labelledCount: count };
}

function maskedRows({ rows, length, labels, packed }: LabelledBatch): PredictionRows {
  const masked = range(labels.length).filter((position) => labels[position] !== notCounted);
  const size = Math.max(maskedCapacity(rows, length, packed?.starts.length), roundUp(masked.length));
  const padded = <T extends Int32Array | Float32Array>(target: T, values: ArrayLike<number>): T => {
    target.set(values);
    return target;
  };
  const counted = new Float32Array(size).fill(1, 0, masked.length);
  return {
    rows: padded(new Int32Array(size), masked),
    labels: padded(
      new Int32Array(size),
      masked.map((position) => labels[position]!),
    ),
    counted,
    count: masked.length,
    labelled: counted,
    labelledCount: masked.length,
  };
}
