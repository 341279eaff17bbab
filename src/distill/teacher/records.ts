/** @file What is kept of the teacher's answers: one record an example, which fits into any batch that the example is in. */

import type { HostArray } from '../../engine/array';
import { decodeFloat16Into, encodeFloat16 } from '../../protocol/float16';
import type { Task } from '../../protocol/records';
import type { TokenExample } from '../../dataset/examples';
import type { BatchInputs } from '../batch-inputs';
import { isOpaque } from '../../model/architecture';
import { isLanguageModel, keptSpecs } from '../specs';
import { decodeTop, encodeTop, idBytes, topBytes } from './top-logits';
import type { ChosenTokens, Imitated, Kept } from '../pairing';
import { countedPredictions } from '../losses/shift';
import { isPerToken, taskFacts } from '../../protocol/tasks';

/** Rows of an example that a part is made of: those that predict and count, its real tokens, or pairs of these (query, key). */
type RowKind = 'predictions' | 'tokens' | 'pairs';

/** How answers are kept: as they are, rounded to half the size, or ("auto") only what is imitated inside the teacher rounded. */
export type StoredValues = 'auto' | 'float32' | 'float16';

/** One of the teacher's outputs in a record: [rows, width]; of pairs [width, queries, keys], a head's after the other's. */
export interface RecordPart {
  /** As in `keptSpecs`: `prediction` or `ids`, `logs` and `rest`, `entropy`, `hidden.BLOCK`, `attention.BLOCK`, or `queries.BLOCK` and its like. */
  readonly name: string;
  readonly rows: RowKind;
  readonly width: number;
  /** Bytes of a value: 4 as float32, 2 as float16; of a token's id. */
  readonly bytes: 2 | 4;
  /** Which tokens are chosen, of how many; absent: a part that none are chosen for. */
  readonly tokens?: ChosenTokens | undefined;
  /** So many of a row's logits are kept, and what the others have together; absent: all. */
  readonly top?: number | undefined;
}

/**
 * The parts of a record, in their order in it: those of 4 bytes first, so that each lies at a multiple of its size.
 * @param top of each row of logits, the most probable so many are kept; hidden states, and fewer logits, are kept whole
 */
export function recordParts(imitated: Kept, values: StoredValues, top?: number): RecordPart[] {
  const outputs = Object.entries(keptSpecs(imitated, { rows: 1, length: 1, predictions: 1 }));
  const { tokens } = imitated;
  const parts = outputs.map(([name, { shape }]): RecordPart => {
    if (tokens && isOfChosen(name)) {
      const bytes = { ids: idBytes(tokens.vocabulary), logs: 2, rest: 4 } as const;
      return { name, rows: 'predictions', width: shape.at(-1)!, bytes: bytes[name], tokens };
    }
    const isPrediction = name === 'prediction';
    const isEntropy = name === 'entropy';
    const isRounded = !isEntropy && (values === 'float16' || (values === 'auto' && !isPrediction));
    const isOfPairs = name.startsWith('attention.');
    const rows = isPrediction || isEntropy ? 'predictions' : isOfPairs ? 'pairs' : 'tokens';
    const width = isOfPairs ? shape[1]! : shape.at(-1)!; // one value a head
    const isCut = top !== undefined && isPrediction && hasLogitsOfTokens(imitated) && top < width;
    return { name, rows, width, bytes: isRounded ? 2 : 4, top: isCut ? top : undefined };
  });
  return parts.sort((a, b) => b.bytes - a.bytes);
}

const isOfChosen = (name: string): name is 'ids' | 'logs' | 'rest' => ['ids', 'logs', 'rest'].includes(name);

/** Where an example lies in a batch: rows of [predictions, width] and of [rows · length, width] tensors. */
export interface ExampleRows extends Record<Exclude<RowKind, 'pairs'>, readonly number[]> {
  readonly example: number;
  /** Tokens a row of the batch. */
  readonly length: number;
}

/** Where each stretch of values that lie together begins in a part's tensor, in the order of the record, and how long all of them are. */
function stretchesOf({ rows, width }: RecordPart, example: ExampleRows): { size: number; starts: number[] } {
  if (rows !== 'pairs') return { size: width, starts: example[rows].map((row) => row * width) };
  const { length, tokens } = example;
  const first = tokens[0] ?? 0; // a text's tokens lie one after the other
  const [row, key] = [Math.floor(first / length), first % length];
  const heads = Array.from({ length: width }, (_, head) => row * width + head);
  return {
    size: tokens.length,
    starts: heads.flatMap((head) => tokens.map((token) => (head * length + (token % length)) * length + key)),
  };
}

/** Whether the teacher's answer to an example is the same in every epoch; masked-lm hides other tokens in each. */
export function canBeKept(task: Task): boolean {
  return !taskFacts[task].isMasked;
}

/** The rows of a batch's examples; filler rows are of none. */
export function exampleRowsOf({ examples, shape, tensors }: BatchInputs, task: Task): ExampleRows[] {
  const counted = tensors.counted!.data;
  const mask = tensors.attentionMask!.data;
  const segments = tensors.segments?.data;
  const texts = shape.isPaired ? 2 : 1;
  const exampleAt = (position: number): number =>
    segments ? Math.floor((segments[position]! - 1) / texts) : Math.floor(position / shape.length);
  const predictions = Array.from(examples, (): number[] => []);
  for (let p = 0; p < counted.length; p++) {
    if (counted[p] === 0) continue;
    predictions[isPerToken(task) ? exampleAt(tensors.predictionRows!.data[p]!) : Math.floor(p / texts)]!.push(p);
  }
  const tokens = Array.from(examples, (): number[] => []);
  for (let position = 0; position < mask.length; position++) {
    if (mask[position] !== 0) tokens[exampleAt(position)]!.push(position);
  }
  return Array.from(examples, (example, i) => ({
    example,
    predictions: predictions[i]!,
    tokens: tokens[i]!,
    length: shape.length,
  })).filter(({ example }) => example >= 0);
}

/** Whether a teacher's prediction is its logits over a vocabulary: our own language models give the hidden states that they are made of. */
const hasLogitsOfTokens = ({ teacher }: Imitated): boolean => isOpaque(teacher) && isLanguageModel(teacher);

const rowBytes = ({ width, bytes, top }: RecordPart): number =>
  top === undefined ? width * bytes : topBytes(width, top);

/** Bytes of the record of an example. */
export function recordSize(parts: readonly RecordPart[], rows: Readonly<Record<RowKind, number>>): number {
  return parts.reduce((sum, part) => sum + rows[part.rows] * rowBytes(part), 0);
}

/** How many rows of each kind an example has, from its labels and length alone. @param texts that it has */
export function rowsOfExample(
  { inputIds, labels }: Pick<TokenExample, 'inputIds' | 'labels'>,
  task: Task,
  texts = 1,
): Record<RowKind, number> {
  const length = inputIds.length;
  return {
    predictions: typeof labels === 'number' ? 1 : countedPredictions(labels, task, texts),
    tokens: length,
    pairs: length ** 2,
  };
}

const LARGEST_FLOAT16 = 65504;

function toFloat16(values: Float32Array): Uint16Array {
  if (values.some((value) => Math.abs(value) > LARGEST_FLOAT16)) {
    throw new RangeError(`they are larger than float16 can hold (${LARGEST_FLOAT16})`);
  }
  return encodeFloat16(values);
}

/**
 * Copies the teacher's outputs for one example of a batch into its record.
 * @param check is given each row before it is rounded
 * @throws RangeError where a value is too large for float16
 */
export function gatherRecord(
  parts: readonly RecordPart[],
  example: ExampleRows,
  outputs: Readonly<Record<string, HostArray>>,
  record: Uint8Array,
  check: (values: Float32Array) => void,
): void {
  let at = 0;
  for (const part of parts) {
    const { name, bytes, top } = part;
    const { size, starts } = stretchesOf(part, example);
    for (const start of starts) {
      if (name === 'ids') {
        const ids = bytes === 2 ? Uint16Array : Int32Array;
        const kept = ids.from(outputs[name]!.subarray(start, start + size));
        record.set(new Uint8Array(kept.buffer), at);
        at += size * bytes;
        continue;
      }
      const values = outputs[name]!.subarray(start, start + size) as Float32Array;
      check(values);
      if (top !== undefined) {
        const kept = encodeTop(values, top);
        record.set(kept, at);
        at += kept.length;
        continue;
      }
      const { buffer, byteOffset, byteLength } = bytes === 2 ? toFloat16(values) : values;
      record.set(new Uint8Array(buffer, byteOffset, byteLength), at);
      at += byteLength;
    }
  }
}

/** The reverse: copies a record, which begins its buffer, to where its example lies in a batch. */
export function scatterRecord(
  parts: readonly RecordPart[],
  example: ExampleRows,
  { buffer }: Uint8Array,
  targets: Readonly<Record<string, HostArray>>,
): void {
  let at = 0;
  for (const part of parts) {
    const { name, bytes, top } = part;
    const { size, starts } = stretchesOf(part, example);
    for (const start of starts) {
      if (name === 'ids') {
        targets[name]!.set(bytes === 2 ? new Uint16Array(buffer, at, size) : new Int32Array(buffer, at, size), start);
        at += size * bytes;
        continue;
      }
      const into = targets[name]!.subarray(start, start + size) as Float32Array;
      if (top !== undefined) {
        const kept = topBytes(size, top);
        decodeTop(new Uint8Array(buffer, at, kept), top, into);
        at += kept;
        continue;
      }
      if (bytes === 2) decodeFloat16Into(new Uint16Array(buffer, at, size), into);
      else into.set(new Float32Array(buffer, at, size));
      at += size * bytes;
    }
  }
}
