/** @file Writes GGUF files, version 3, that llama.cpp reads. */

import { sizeOf } from '../../engine/array';
import { writeAtomically } from './atomic';
import { type WrittenType, tensorTypes, writtenTypes } from './gguf-types';

export type WrittenTypeName = keyof typeof writtenTypes;

/** A value under its key, by its type in the file. */
export type KeyToWrite =
  | { uint32: number }
  | { float32: number }
  | { bool: boolean }
  | { text: string }
  | { texts: readonly string[] }
  | { int32s: readonly number[] }
  | { float32s: readonly number[] }
  | { bools: readonly boolean[] };

export interface GgufTensorToWrite {
  /** Row-major; a row is whole blocks of the type. */
  shape: readonly number[];
  type: WrittenTypeName;
  /** Asked for when it is written, so that not all are in memory at once. */
  values: () => Float32Array;
}

const ALIGNMENT = 32;

/** GGUF's numbers of types. */
const TYPES = { uint32: 4, int32: 5, float32: 6, bool: 7, text: 8, list: 9 };

/** Replaces the file atomically. Tensors lie in the order of the record. */
export async function writeGguf(
  path: string,
  keys: Readonly<Record<string, KeyToWrite>>,
  tensors: Readonly<Record<string, GgufTensorToWrite>>,
): Promise<void> {
  await writeAtomically(path, parts(keys, tensors));
}

function* parts(
  keys: Readonly<Record<string, KeyToWrite>>,
  tensors: Readonly<Record<string, GgufTensorToWrite>>,
): Generator<Uint8Array> {
  const header = new HeaderWriter();
  header.text('GGUF', false);
  header.uint32(3);
  header.uint64(Object.keys(tensors).length);
  header.uint64(Object.keys(keys).length);
  for (const [key, value] of Object.entries(keys)) {
    header.text(key);
    header.value(value);
  }
  let offset = 0;
  for (const [name, { shape, type }] of Object.entries(tensors)) {
    header.text(name);
    header.uint32(shape.length);
    for (const extent of shape.toReversed()) header.uint64(extent);
    header.uint32(writtenTypes[type].number);
    header.uint64(offset);
    offset += aligned(bytesOf(shape, type));
  }
  const bytes = header.bytes();
  yield bytes;
  yield new Uint8Array(aligned(bytes.length) - bytes.length);
  for (const { shape, type, values } of Object.values(tensors)) {
    const encode: WrittenType['encode'] = writtenTypes[type].encode;
    yield encode(values());
    const length = bytesOf(shape, type);
    yield new Uint8Array(aligned(length) - length);
  }
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

function bytesOf(shape: readonly number[], type: WrittenTypeName): number {
  const { values, bytes } = tensorTypes.get(writtenTypes[type].number)!;
  return (sizeOf(shape) / values) * bytes;
}

/** Bytes that grow, little-endian. */
class HeaderWriter {
  private buffer = Buffer.alloc(1 << 16);
  private length = 0;

  /** So many bytes more, which are still to be written. */
  private room(bytes: number): Buffer {
    const at = this.length;
    this.length += bytes;
    if (this.length > this.buffer.length) {
      const larger = Buffer.alloc(2 * this.length);
      this.buffer.copy(larger);
      this.buffer = larger;
    }
    return this.buffer.subarray(at, this.length);
  }

  uint32 = (value: number): void => void this.room(4).writeUInt32LE(value);
  uint64 = (value: number): void => void this.room(8).writeBigUInt64LE(BigInt(value));
  private readonly int32 = (value: number): void => void this.room(4).writeInt32LE(value);
  private readonly float32 = (value: number): void => void this.room(4).writeFloatLE(value);
  private readonly bool = (value: boolean): void => void this.room(1).writeUInt8(Number(value));

  /** @param hasLength whether its length stands before it, as of every text but the file's first */
  text = (value: string, hasLength = true): void => {
    const length = Buffer.byteLength(value);
    if (hasLength) this.uint64(length);
    this.room(length).write(value);
  };

  value(value: KeyToWrite): void {
    if ('uint32' in value) this.scalar(TYPES.uint32, this.uint32, value.uint32);
    else if ('float32' in value) this.scalar(TYPES.float32, this.float32, value.float32);
    else if ('bool' in value) this.scalar(TYPES.bool, this.bool, value.bool);
    else if ('text' in value) this.scalar(TYPES.text, this.text, value.text);
    else if ('texts' in value) this.list(TYPES.text, this.text, value.texts);
    else if ('int32s' in value) this.list(TYPES.int32, this.int32, value.int32s);
    else if ('float32s' in value) this.list(TYPES.float32, this.float32, value.float32s);
    else this.list(TYPES.bool, this.bool, value.bools);
  }

  private scalar<T>(type: number, write: (value: T) => void, value: T): void {
    this.uint32(type);
    write(value);
  }

  private list<T>(type: number, write: (value: T) => void, values: readonly T[]): void {
    this.uint32(TYPES.list);
    this.uint32(type);
    this.uint64(values.length);
    for (const value of values) write(value);
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
}
