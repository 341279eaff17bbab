/** @file A batch of token ids becomes the named inputs of the recorded programs. */

import type { HostTensor } from '../engine/array';
import type { Task } from '../protocol/records';
import type { Batch } from '../dataset/batches';
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
  /** The same examples as a teacher with another tokenizer reads them: as many predictions of each count, in the same order. */
  teacher?: BatchInputs | undefined;
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
