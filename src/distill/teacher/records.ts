/** @file What is kept of the teacher's answers: one record an example, which fits into any batch that the example is in. */

import type { HostArray } from '../../engine/array';
import type { Task } from '../../protocol/records';
import type { BatchInputs } from '../batch-inputs';
import { teacherOutputSpecs } from '../specs';
import type { Imitated } from '../pairing';
import { predictionRows } from '../shift';

/** Rows of an example that a part is made of: those that predict and count, or its real tokens. */
type RowKind = 'predictions' | 'tokens';

/** One of the teacher's outputs in a record: [rows, width]. */
export interface RecordPart {
  /** As in `teacherOutputSpecs`: `prediction`, or `hidden.BLOCK`. */
  readonly name: string;
  readonly rows: RowKind;
  readonly width: number;
}

/** The parts of a record, in their order in it. */
export function recordParts(imitated: Imitated): RecordPart[] {
  const outputs = Object.entries(teacherOutputSpecs(imitated, { rows: 1, length: 1, predictions: 1 }));
  return outputs.map(([name, { shape }]) => ({
    name,
    rows: name === 'prediction' ? 'predictions' : 'tokens',
    width: shape.at(-1)!,
  }));
}

/** Where an example lies in a batch: rows of [predictions, width] and of [rows · length, width] tensors. */
export interface BatchPlace extends Record<RowKind, readonly number[]> {
  readonly example: number;
}

/** Whether the teacher's answer to an example is the same in every epoch; masked-lm hides other tokens in each. */
export function canBeKept(task: Task): boolean {
  return task !== 'masked-lm';
}

/** The places of a batch's examples; filler rows have none. */
export function placesIn({ examples, shape, tensors }: BatchInputs, task: Task): BatchPlace[] {
  const counted = tensors.counted!.data;
  const mask = tensors.attentionMask!.data;
  const predictions = Array.from(examples, (): number[] => []);
  for (let p = 0; p < counted.length; p++) {
    if (counted[p] === 0) continue;
    const row = task === 'text-classification' ? p : Math.floor(tensors.predictionRows!.data[p]! / shape.length);
    predictions[row]!.push(p);
  }
  const tokensOf = (row: number): number[] => {
    const positions = Array.from({ length: shape.length }, (_, i) => row * shape.length + i);
    return positions.filter((position) => mask[position] !== 0);
  };
  return Array.from(examples, (example, row) => ({
    example,
    predictions: predictions[row]!,
    tokens: tokensOf(row),
  })).filter(({ example }) => example >= 0);
}

/** Floats of the record of an example. */
export function recordSize(parts: readonly RecordPart[], rows: Readonly<Record<RowKind, number>>): number {
  return parts.reduce((sum, part) => sum + rows[part.rows] * part.width, 0);
}

/** How many rows of each kind an example has, from its labels and length alone. */
export function rowsOfExample(
  { inputIds, labels }: { inputIds: Int32Array; labels: Int32Array | number },
  task: Task,
): Record<RowKind, number> {
  const length = inputIds.length;
  const perRow = typeof labels === 'number' ? Int32Array.of(labels) : labels;
  return {
    predictions: predictionRows({ rows: 1, length, labels: perRow, indices: Int32Array.of(0) }, task).count,
    tokens: length,
  };
}

/** Copies the teacher's outputs for one example of a batch into its record. */
export function gatherRecord(
  parts: readonly RecordPart[],
  place: BatchPlace,
  outputs: Readonly<Record<string, HostArray>>,
  record: Float32Array,
): void {
  let at = 0;
  for (const { name, rows, width } of parts) {
    for (const row of place[rows]) {
      record.set(outputs[name]!.subarray(row * width, (row + 1) * width), at);
      at += width;
    }
  }
}

/** The reverse: copies a record to where its example lies in a batch. */
export function scatterRecord(
  parts: readonly RecordPart[],
  place: BatchPlace,
  record: Float32Array,
  targets: Readonly<Record<string, HostArray>>,
): void {
  let at = 0;
  for (const { name, rows, width } of parts) {
    for (const row of place[rows]) {
      targets[name]!.set(record.subarray(at, at + width), row * width);
      at += width;
    }
  }
}
