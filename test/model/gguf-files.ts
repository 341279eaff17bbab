/** @file GGUF files for tests, byte by byte: whole ones from a description, and what can be wrong with them. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readSafetensors } from '../../src/model/files/safetensors';
import { goldenFolder } from '../golden/compare';

export const ggufData = (file: string): string => path.join(import.meta.dirname, '../golden/data/gguf', file);

type Value = number | boolean | string | readonly (number | boolean | string)[];

/** As gguf-py describes a golden model's file. */
export interface DescribedModel {
  keys: Record<string, Value>;
  tensors: {
    name: string;
    shape?: number[];
    /** Ours, and how it lies in the file. */
    parameter?: string;
    stored?: 'plain' | 'interleaved' | 'plus-one' | 'transposed';
    /** Of a tensor that is no parameter. */
    values?: number[];
  }[];
}

export const describedModels = JSON.parse(readFileSync(ggufData('models.json'), 'utf8')) as Record<
  string,
  DescribedModel
>;

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

const f64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
};

export const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** Type and value; numbers as float64, whole ones as uint64. */
function typed(value: number | boolean | string): [type: number, bytes: Buffer] {
  if (typeof value === 'string') return [8, text(value)];
  if (typeof value === 'boolean') return [7, Buffer.of(Number(value))];
  return Number.isInteger(value) && value >= 0 ? [10, u64(value)] : [12, f64(value)];
}

export function keyBytes(key: string, value: Value): Buffer {
  if (typeof value !== 'object') {
    const [type, bytes] = typed(value);
    return Buffer.concat([text(key), u32(type), bytes]);
  }
  const type = typeof value[0] === 'string' ? 8 : typeof value[0] === 'boolean' ? 7 : 12;
  const items = value.map((one) => (typeof one === 'number' ? f64(one) : typed(one)[1]));
  return Buffer.concat([text(key), u32(9), u32(type), u64(value.length), ...items]);
}

export interface TensorBytes {
  name: string;
  /** Row-major. */
  shape: readonly (number | bigint)[];
  type?: number;
  /** In place of where it is. */
  offset?: number | bigint;
  data: Buffer;
}

/** A file of these keys and tensors; `counts` are claimed in place of the true ones. */
export function ggufBytes(
  keys: readonly Buffer[],
  tensors: readonly TensorBytes[],
  {
    version = 3,
    counts = {},
  }: { version?: number; counts?: { tensors?: number | bigint; keys?: number | bigint } } = {},
): Buffer {
  const pad = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 31)]);
  let offset = 0;
  const entries = tensors.map(({ name, shape, type = 0, offset: claimed, data }) => {
    const entry = [text(name), u32(shape.length), ...shape.toReversed().map(u64), u32(type), u64(claimed ?? offset)];
    offset += pad(data).length;
    return Buffer.concat(entry);
  });
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(counts.tensors ?? tensors.length),
    u64(counts.keys ?? keys.length),
    ...keys,
    ...entries,
  ]);
  return Buffer.concat([pad(header), ...tensors.map(({ data }) => pad(data))]);
}

export const floats = (values: ArrayLike<number>): Buffer => Buffer.from(Float32Array.from(values).buffer);

/** The file of a golden model, F32. */
export async function goldenGguf(folder: string, keys: Record<string, Value> = {}): Promise<Buffer> {
  const model = describedModels[folder]!;
  const parameters = await readSafetensors(path.join(goldenFolder(folder), 'model.safetensors'));
  const tensors = model.tensors.map(({ name, shape, parameter, stored, values }): TensorBytes => {
    if (values) return { name, shape: [values.length], data: floats(values) };
    const { data } = parameters[parameter!]!;
    return { name, shape: shape!, data: floats(storedValues(data as Float32Array, shape!, stored!, model, name)) };
  });
  const all = { ...model.keys, ...keys };
  return ggufBytes(
    Object.entries(all).map(([key, value]) => keyBytes(key, value)),
    tensors,
  );
}

/** What gguf_by_gguf_py.py does to a parameter. */
function storedValues(
  values: Float32Array,
  shape: readonly number[],
  stored: 'plain' | 'interleaved' | 'plus-one' | 'transposed',
  { keys }: DescribedModel,
  name: string,
): Float32Array {
  const [rows, columns = 1] = shape as [number, number?];
  if (stored === 'plus-one') return values.map((value) => value + 1);
  if (stored === 'transposed') return values.map((_, i) => values[(i % columns) * rows + Math.floor(i / columns)]!);
  if (stored === 'plain') return values;
  const prefix = String(keys['general.architecture']);
  const heads = Number(keys[`${prefix}.attention.${name.includes('attn_q') ? 'head_count' : 'head_count_kv'}`]);
  const size = rows / heads;
  return values.map((_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const at = row % size;
    const from = row - at + (at % 2) * (size / 2) + Math.floor(at / 2);
    return values[from * columns + column]!;
  });
}
