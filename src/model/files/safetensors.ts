/**
 * @file Files of named tensors: 8 bytes of header length, a JSON header, then the tensors' bytes, all little-endian
 * (https://github.com/huggingface/safetensors#format). Node runs on little-endian processors, so bytes are viewed as they lie.
 */

import { type FileHandle, open } from 'node:fs/promises';
import { sizeOf } from '../../engine/array';
import { InputError } from '../../protocol/problem';
import { naming, writeAtomically } from './atomic';
import { decodeBfloat16, decodeBfloat16Into, decodeFloat16, decodeFloat16Into } from '../../protocol/float16';
import { readInPieces, readRange } from './ranges';

/** Views of a tensor's bytes by stored type; half-precision floats are bit patterns. */
const VIEWS = {
  F32: Float32Array,
  F64: Float64Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

export type StoredDType = keyof typeof VIEWS;

/** Types of half the bits, to float32. */
const widening: Partial<Record<StoredDType, (bits: Uint16Array, into: Float32Array) => unknown>> = {
  F16: decodeFloat16Into,
  BF16: decodeBfloat16Into,
};

export interface StoredTensor {
  dtype: StoredDType;
  shape: number[];
  data: InstanceType<(typeof VIEWS)[StoredDType]>;
}

/** Where a tensor lies in its file; `start` and `end` are bytes from the beginning of the file. */
interface Entry {
  dtype: StoredDType;
  shape: number[];
  start: number;
  end: number;
}

/** The reference implementation refuses longer headers too. */
const LARGEST_HEADER = 100_000_000;

/** An open file: the header is read, the tensors are read one by one when asked for. */
export class SafetensorsFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly entries: ReadonlyMap<string, Entry>,
    readonly metadata: Readonly<Record<string, string>>,
  ) {}

  /** @throws InputError where the file is missing, cut off or not of this format */
  static async open(path: string): Promise<SafetensorsFile> {
    const file = await open(path, 'r').catch(() => {
      throw InputError.at(path, 'safetensors-unreadable', {});
    });
    try {
      const { entries, metadata } = await readHeader(file, path);
      return new SafetensorsFile(path, file, entries, metadata);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get names(): string[] {
    return [...this.entries.keys()];
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  shapeOf(name: string): readonly number[] {
    return this.entry(name).shape;
  }

  typeOf(name: string): StoredDType {
    return this.entry(name).dtype;
  }

  async read(name: string): Promise<StoredTensor> {
    const { dtype, shape, start, end } = this.entry(name);
    const bytes = await readRange(this.file, this.path, [start, end], () => cutOff(this.path));
    return { dtype, shape, data: new VIEWS[dtype](bytes.buffer) };
  }

  /**
   * The values as float32; undefined for stored types that are no floats. What is stored otherwise is widened piece by piece, so that no
   * tensor lies in memory twice.
   */
  async readFloats(name: string): Promise<Float32Array | undefined> {
    const { dtype, shape, start, end } = this.entry(name);
    const widen = widening[dtype];
    if (!widen) return toFloat32(await this.read(name));
    const values = new Float32Array(sizeOf(shape));
    const decode = ({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>, before: number): void =>
      void widen(new Uint16Array(buffer, byteOffset, byteLength / 2), values.subarray(before));
    await readInPieces(this.file, this.path, [start, end], 2, decode, () => cutOff(this.path));
    return values;
  }

  /** Bit patterns of a tensor that is stored as bfloat16; undefined for other types. */
  async readBfloat16(name: string): Promise<Uint16Array | undefined> {
    if (this.typeOf(name) !== 'BF16') return undefined;
    return (await this.read(name)).data as Uint16Array;
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  private entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (!entry) throw InputError.at(this.path, 'tensor-missing', { tensor: name });
    return entry;
  }
}

/** Every tensor of a file by name. */
export async function readSafetensors(path: string): Promise<Record<string, StoredTensor>> {
  const file = await SafetensorsFile.open(path);
  try {
    const tensors: Record<string, StoredTensor> = {};
    for (const name of file.names) tensors[name] = await file.read(name);
    return tensors;
  } finally {
    await file.close();
  }
}

/** The values as float32; undefined for stored types that are no floats. Float64 values are rounded. */
export function toFloat32(tensor: StoredTensor): Float32Array | undefined {
  switch (tensor.dtype) {
    case 'F32':
      return tensor.data as Float32Array;
    case 'F64':
      return Float32Array.from(tensor.data as Float64Array);
    case 'F16':
      return decodeFloat16(tensor.data as Uint16Array);
    case 'BF16':
      return decodeBfloat16(tensor.data as Uint16Array);
    default:
      return undefined;
  }
}

/** A tensor to be written: float32, int32, or the bit patterns of float16, by its array. */
export interface TensorToWrite {
  shape: readonly number[];
  data: Float32Array | Int32Array | Uint16Array;
  /** What bit patterns are; F16 where absent. */
  bits?: 'F16' | 'BF16';
}

function dtypeOf({ data, bits = 'F16' }: TensorToWrite): StoredDType {
  if (data instanceof Uint16Array) return bits;
  return data instanceof Int32Array ? 'I32' : 'F32';
}

/** Writes a file that the reference implementation reads, atomically. Tensors lie in the order of the record. */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorToWrite>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    const { shape, data } = tensor;
    if (sizeOf(shape) !== data.length)
      throw new Error(`${name}: ${data.length} values do not fill [${shape.join(', ')}].`);
    const end = offset + data.byteLength;
    header[name] = { dtype: dtypeOf(tensor), shape, data_offsets: [offset, end] };
    offset = end;
  }
  await writeAtomically(path, chunks(header, Object.values(tensors)));
}

function* chunks(header: object, tensors: readonly TensorToWrite[]): Generator<Uint8Array> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padding = new Uint8Array(-json.length & 7).fill(0x20); // spaces, so that the tensors begin at a multiple of 8
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(json.length + padding.length), true);
  yield new Uint8Array(length.buffer);
  yield json;
  yield padding;
  for (const { data } of tensors) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

async function readHeader(
  file: FileHandle,
  path: string,
): Promise<{ entries: Map<string, Entry>; metadata: Record<string, string> }> {
  const { size } = await naming(path, file.stat());
  if (size < 8) throw cutOff(path);
  const prefix = await readRange(file, path, [0, 8], () => cutOff(path));
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(LARGEST_HEADER)) throw InputError.at(path, 'safetensors-long-header', { bytes: String(length) });
  const dataStart = 8 + Number(length);
  if (dataStart > size) throw cutOff(path);
  const header = parseHeader(await readRange(file, path, [8, dataStart], () => cutOff(path)), path);
  const entries = new Map<string, Entry>();
  for (const [name, value] of Object.entries(header)) {
    if (name !== '__metadata__') entries.set(name, readEntry(name, value, dataStart, path));
  }
  if ([...entries.values()].some((entry) => entry.end > size)) throw cutOff(path);
  return { entries, metadata: (header.__metadata__ ?? {}) as Record<string, string> };
}

function parseHeader(bytes: Uint8Array, path: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw InputError.at(path, 'safetensors-header-not-json', {});
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw InputError.at(path, 'safetensors-header-not-object', {});
  }
  return header as Record<string, unknown>;
}

function readEntry(name: string, value: unknown, dataStart: number, path: string): Entry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string' || !isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
    throw InputError.at(path, 'safetensors-entry-incomplete', { tensor: name });
  }
  if (!Object.hasOwn(VIEWS, dtype)) {
    throw InputError.at(path, 'tensor-of-unknown-type', { tensor: name, type: dtype });
  }
  const stored = dtype as StoredDType;
  const [start, end] = offsets as [number, number];
  if (end - start !== sizeOf(shape) * VIEWS[stored].BYTES_PER_ELEMENT) {
    throw InputError.at(path, 'safetensors-entry-of-other-size', { tensor: name });
  }
  return { dtype: stored, shape, start: dataStart + start, end: dataStart + end };
}

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((entry) => Number.isSafeInteger(entry) && entry >= 0);

const cutOff = (path: string): InputError => InputError.at(path, 'safetensors-cut-off', {});
