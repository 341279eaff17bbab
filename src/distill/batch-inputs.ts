/** @file A batch of token ids becomes the named inputs of the recorded programs. */

import type { HostTensor } from '../engine/array';
import type { Task } from '../protocol/records';
import type { Batch } from '../dataset/batches';
import { spanMarks } from '../dataset/spans';
import type { BatchShape } from './specs';
import { predictionRows } from './losses/shift';

export interface BatchInputs {
  shape: BatchShape;
  /** inputIds, typeIds, attentionMask, predictionRows, labels, counted, labelled; where examples share rows, positionIds and segments too */
  tensors: Record<string, HostTensor>;
  /** [rows], or [examples] where these share rows: index of each one, −1 for fillers. */
  examples: Int32Array;
  /** N of this batch: predictions that count. */
  count: number;
  /** Those of them whose label is known. */
  labelledCount: number;
  /** M of this batch: real tokens. */
  tokens: number;
  /** The same examples as a teacher with another tokenizer reads them: of labels, as many predictions of each count, in the same order. */
  teacher?: BatchInputs | undefined;
  /** causal-lm beside such a teacher: which predictions are of the same spans in both. */
  spans?: Spans | undefined;
}

/** Where spans of text lie among the predictions of a batch. */
export interface Spans {
  /** [spans]: the prediction of the first token of each, in their order; those of the teacher's batch are of the same spans. */
  begins: Int32Array;
  /** [R]: of a prediction of a later token of a span that of its first, of all others themselves. */
  firsts: Int32Array;
  /** float32 [R]: 1 for a prediction of a token of a span. */
  within: Float32Array;
}

/** @param rows int32 [R], as of `PredictionRows`: a position predicts the token after it */
function spansAt(marks: Uint8Array, rows: Int32Array): Spans {
  const firsts = Int32Array.from(rows.keys());
  const within = new Float32Array(rows.length);
  const begins: number[] = [];
  for (const [prediction, row] of rows.entries()) {
    const mark = marks[row + 1];
    if (mark === spanMarks.none) continue;
    if (mark === spanMarks.first) begins.push(prediction);
    within[prediction] = 1;
    firsts[prediction] = begins.at(-1)!;
  }
  return { begins: Int32Array.from(begins), firsts, within };
}

export function batchInputs(batch: Batch, task: Task): BatchInputs {
  const { rows, length, packed } = batch;
  const predictions = predictionRows(batch, task);
  const int = (data: Int32Array, shape: number[]): HostTensor => ({ shape, dtype: 'int32', data });
  const float = (data: Float32Array, shape: number[]): HostTensor => ({ shape, dtype: 'float32', data });
  const size = predictions.rows.length;
  const { labels } = predictions;
  const isPaired = packed?.texts === 2;
  return {
    shape: { rows, length, predictions: size, isPacked: packed ? true : undefined, ...(isPaired && { isPaired }) },
    tensors: {
      inputIds: int(batch.inputIds, [rows, length]),
      typeIds: int(batch.typeIds, [rows, length]),
      attentionMask: float(batch.attentionMask, [rows, length]),
      predictionRows: int(predictions.rows, [size]),
      labels: labels instanceof Float32Array ? float(labels, [size, labels.length / size]) : int(labels, [size]),
      counted: float(predictions.counted, [size]),
      labelled: float(predictions.labelled, [size]),
      ...(packed && {
        positionIds: int(packed.positionIds, [rows, length]),
        segments: int(packed.segments, [rows, length]),
      }),
    },
    examples: batch.indices,
    count: predictions.count,
    labelledCount: predictions.labelledCount,
    tokens: batch.tokens,
    ...(batch.teacher && { teacher: batchInputs(batch.teacher, task) }),
    ...(batch.spans && { spans: spansAt(batch.spans, predictions.rows) }),
  };
}

/** What the program of a step takes of a batch's spans beside its predictions. */
export function spanTensors({ spans }: BatchInputs): Record<string, HostTensor> {
  if (!spans) return {};
  const shape = [spans.firsts.length];
  return {
    spanFirsts: { shape, dtype: 'int32', data: spans.firsts },
    withinSpan: { shape, dtype: 'float32', data: spans.within },
  };
}

/** The same predictions, of which no label is known: they count in the soft loss alone. */
export function withoutLabels(inputs: BatchInputs): BatchInputs {
  const labelled = inputs.tensors.labelled!;
  const none = { ...labelled, data: new Float32Array(labelled.data.length) };
  return { ...inputs, tensors: { ...inputs.tensors, labelled: none }, labelledCount: 0 };
}

export function scalar(value: number): HostTensor {
  return { shape: [], dtype: 'float32', data: Float32Array.of(value) };
}

/** Keeps one value for each batch shape, made when it is first needed. */
export class ByShape<T> {
  private readonly values = new Map<string, T>();

  constructor(private readonly create: (shape: BatchShape) => T) {}

  get(shape: BatchShape): T {
    const key = `${shape.rows}x${shape.length}x${shape.predictions}of${shape.of ?? 'all'}${shape.isPacked ? ' packed' : ''}${shape.isPaired ? ' pairs' : ''}`;
    const known = this.values.get(key);
    if (known !== undefined) return known;
    const value = this.create(shape);
    this.values.set(key, value);
    return value;
  }

  all(): T[] {
    return [...this.values.values()];
  }
}
