/** @file Tensors of a golden file, by name. */

import { readFileSync } from 'node:fs';

export interface GoldenTensor {
  shape: number[];
  data: Float32Array | Int32Array;
}

/** Reads float32 and int32 tensors, of which the golden files consist. */
export function readSafetensors(path: URL): Record<string, GoldenTensor> {
  const file = readFileSync(path);
  const headerEnd = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors: Record<string, GoldenTensor> = {};
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [start, end] = data_offsets;
    const bytes = new Uint8Array(file.subarray(headerEnd + start, headerEnd + end)).buffer;
    if (dtype !== 'F32' && dtype !== 'I32') throw new Error(`${name}: ${dtype} is not expected in a golden file.`);
    tensors[name] = { shape, data: dtype === 'F32' ? new Float32Array(bytes) : new Int32Array(bytes) };
  }
  return tensors;
}
