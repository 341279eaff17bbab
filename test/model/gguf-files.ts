/** @file GGUF files of the golden models, as gguf-py describes them. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readSafetensors } from '../../src/model/files/safetensors';
import { goldenFolder } from '../golden/compare';
import { floats, ggufBytes, keyBytes, type GgufTestValue, type TensorBytes } from './gguf-bytes';

export const ggufData = (file: string): string => path.join(import.meta.dirname, '../golden/data/gguf', file);

/** As gguf-py describes a golden model's file. */
export interface DescribedModel {
  keys: Record<string, GgufTestValue>;
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

/** The file of a golden model, F32. */
export async function goldenGguf(folder: string, keys: Record<string, GgufTestValue> = {}): Promise<Buffer> {
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
