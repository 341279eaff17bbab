/**
 * @file GGUF, the files of llama.cpp: a version, metadata by key, the tensors' names, types and places, then their bytes, all little-endian
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Nothing is allocated for a number in the file that the file has no bytes for.
 */

import { constants, type FileHandle, open } from 'node:fs/promises';
import { sizeOf } from '../../engine/array';
import { InputError } from '../../protocol/problem';
import { naming, NONBLOCKING } from './atomic';
import { otherTypes, tensorTypes, type TensorType } from './gguf-types';
import { readInPieces, readRange } from './ranges';

export type GgufScalar = number | boolean | string;
type GgufValue = GgufScalar | readonly GgufScalar[];

/** What a file says of its model, by key. Whole numbers beyond 2^53 are rounded. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

interface Entry {
  type: TensorType;
  /** Row-major, as safetensors has it: the file lists the innermost first. */
  shape: number[];
  /** Bytes from the beginning of the file. */
  start: number;
  end: number;
}

interface Header {
  metadata: Map<string, GgufValue>;
  entries: Map<string, Entry>;
}

/** The largest vocabularies that are published take some 20 MB. */
const LARGEST_HEADER = 256 << 20;
const FIRST_READ = 1 << 20;

const MAGIC = 0x46554747; // "GGUF"
const VERSIONS = [2, 3];
const DEFAULT_ALIGNMENT = 32;
const MOST_DIMENSIONS = 4;

/** An open file: metadata and places are read, the tensors one by one when asked for. */
export class GgufFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    readonly metadata: GgufMetadata,
    private readonly entries: ReadonlyMap<string, Entry>,
  ) {}

  /** @throws InputError where the file is missing, cut off, damaged or not of this format */
  static async open(path: string): Promise<GgufFile> {
    const unreadable = (): never => {
      throw InputError.at(path, 'gguf-unreadable', {});
    };
    const file = await open(path, constants.O_RDONLY | NONBLOCKING).catch(unreadable);
    try {
      if (!(await naming(path, file.stat())).isFile()) unreadable();
      const { metadata, entries } = await readHeader(file, path);
      return new GgufFile(path, file, metadata, entries);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get names(): string[] {
    return [...this.entries.keys()];
  }

  /** Undefined where there is no such tensor. */
  shapeOf(name: string): readonly number[] | undefined {
    return this.entries.get(name)?.shape;
  }

  /** As ggml calls it: `Q4_K`. */
  typeOf(name: string): string | undefined {
    return this.entries.get(name)?.type.name;
  }

  /** The values of a tensor that is there as float32, row-major. Of the file a piece is in memory at once. */
  async read(name: string): Promise<Float32Array> {
    const { type, shape, start, end } = this.entries.get(name)!;
    const values = new Float32Array(sizeOf(shape));
    const decode = (blocks: Uint8Array<ArrayBuffer>, before: number): void => {
      const count = blocks.length / type.bytes;
      type.decode(blocks, values.subarray(before * type.values, (before + count) * type.values));
    };
    await readInPieces(this.file, this.path, [start, end], type.bytes, decode, () => cutOff(this.path, end));
    return values;
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

const cutOff = (path: string, bytes: number): InputError => InputError.at(path, 'gguf-cut-off', { bytes });

/** Reads as much of the file's start as the header turns out to take. */
async function readHeader(file: FileHandle, path: string): Promise<Header> {
  const { size } = await naming(path, file.stat());
  for (let length = FIRST_READ; ; length *= 4) {
    const bytes = await readRange(file, path, [0, Math.min(length, size)], () => cutOff(path, size));
    const header = parseHeader(new HeaderReader(bytes, size, path));
    if (header) return header;
    if (length > LARGEST_HEADER) throw InputError.at(path, 'gguf-long-header', { mebibytes: LARGEST_HEADER >> 20 });
  }
}

/** Thrown where a header goes on after the bytes that were read of it. */
class GoesOn extends Error {}

/** Undefined where the bytes do not reach to its end. */
function parseHeader(reader: HeaderReader): Header | undefined {
  try {
    const { tensors, keys } = readCounts(reader);
    const metadata = readMetadata(reader, keys);
    return { metadata, entries: readEntries(reader, tensors, alignmentOf(metadata, reader)) };
  } catch (error) {
    if (error instanceof GoesOn) return undefined;
    throw error;
  }
}

/** Values one after the other, none of them from beyond the file. */
class HeaderReader {
  private at = 0;
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    /** Of the whole file. */
    readonly size: number,
    readonly path: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get position(): number {
    return this.at;
  }

  /** The place of so many bytes, which are gone over. */
  take(count: number): number {
    const at = this.at;
    const end = at + count;
    if (!(end <= this.size)) throw cutOff(this.path, this.size);
    if (end > this.bytes.length) throw new GoesOn();
    this.at = end;
    return at;
  }

  uint32 = (): number => this.view.getUint32(this.take(4), true);
  uint64 = (): number => Number(this.view.getBigUint64(this.take(8), true));

  /** How many of something follow, each of at least so many bytes: no more than the file has room for. */
  count(what: 'keys' | 'tensors' | 'values', bytes: number): number {
    const count = this.uint64();
    if (count * bytes <= this.size - this.at) return count;
    throw InputError.at(this.path, 'gguf-count-impossible', { count, what, size: this.size });
  }

  text(): string {
    const length = this.uint64();
    const at = this.take(length);
    return decoder.decode(this.bytes.subarray(at, at + length));
  }

  /** A value of one of GGUF's types but a list. */
  scalar(type: number, key: string): GgufScalar {
    const read = scalars[type];
    if (read) return read(this, this.view);
    throw InputError.at(this.path, 'gguf-value-of-unknown-type', { key, type });
  }
}

/** Texts are UTF-8; what is none of it becomes U+FFFD, as a token of a few bytes may be. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A float32 as the shortest decimal number that is rounded to it: 0.00001, which a config.json says, and not 0.0000099999997. */
function shortest(value: number): number {
  for (const digits of [6, 7, 8]) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

const TEXT = 8;
const LIST = 9;

/** By GGUF's numbers of types. */
const scalars: Readonly<Record<number, (reader: HeaderReader, view: DataView) => GgufScalar>> = {
  0: (reader, view) => view.getUint8(reader.take(1)),
  1: (reader, view) => view.getInt8(reader.take(1)),
  2: (reader, view) => view.getUint16(reader.take(2), true),
  3: (reader, view) => view.getInt16(reader.take(2), true),
  4: (reader) => reader.uint32(),
  5: (reader, view) => view.getInt32(reader.take(4), true),
  6: (reader, view) => shortest(view.getFloat32(reader.take(4), true)),
  7: (reader, view) => view.getUint8(reader.take(1)) !== 0,
  [TEXT]: (reader) => reader.text(),
  10: (reader) => reader.uint64(),
  11: (reader, view) => Number(view.getBigInt64(reader.take(8), true)),
  12: (reader, view) => view.getFloat64(reader.take(8), true),
};

const bytesOfScalar: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 8: 8 };

function readCounts(reader: HeaderReader): { tensors: number; keys: number } {
  if (reader.size < 4 || reader.uint32() !== MAGIC) throw InputError.at(reader.path, 'gguf-not-gguf', {});
  const version = reader.uint32();
  if (version !== 0 && (version & 0xffff) === 0) throw InputError.at(reader.path, 'gguf-big-endian', {});
  if (!VERSIONS.includes(version)) throw InputError.at(reader.path, 'gguf-version', { version, known: VERSIONS });
  const tensors = reader.count('tensors', 24);
  return { tensors, keys: reader.count('keys', 13) };
}

function readMetadata(reader: HeaderReader, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = reader.text();
    if (metadata.has(key)) throw InputError.at(reader.path, 'gguf-name-twice', { name: key });
    const type = reader.uint32();
    metadata.set(key, type === LIST ? readList(reader, key) : reader.scalar(type, key));
  }
  return metadata;
}

function readList(reader: HeaderReader, key: string): GgufScalar[] {
  const type = reader.uint32();
  const length = reader.count('values', bytesOfScalar[type] ?? 8);
  const values: GgufScalar[] = [];
  // Lists of lists are allowed, but no key of a model has one: their type is none of a scalar.
  for (let i = 0; i < length; i++) values.push(reader.scalar(type, key));
  return values;
}

function alignmentOf(metadata: GgufMetadata, { path }: HeaderReader): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof alignment === 'number' && alignment > 0 && alignment % 8 === 0) return alignment;
  throw InputError.at(path, 'gguf-alignment', { alignment: String(alignment) });
}

function readEntries(reader: HeaderReader, count: number, alignment: number): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (let i = 0; i < count; i++) {
    const name = reader.text();
    if (entries.has(name)) throw InputError.at(reader.path, 'gguf-name-twice', { name });
    entries.set(name, readEntry(reader, name, alignment));
  }
  const dataStart = Math.ceil(reader.position / alignment) * alignment;
  let last = { name: '', end: dataStart };
  const inOrder = [...entries].sort(([, a], [, b]) => a.start - b.start);
  for (const [name, entry] of inOrder) {
    entry.start += dataStart;
    entry.end += dataStart;
    if (entry.start < last.end) throw InputError.at(reader.path, 'gguf-overlap', { tensor: name, other: last.name });
    if (entry.end > reader.size) throw cutOffIn(reader, name, entry.end);
    last = { name, end: entry.end };
  }
  return entries;
}

const cutOffIn = ({ path, size }: HeaderReader, tensor: string, end: number): InputError =>
  InputError.at(path, 'gguf-tensor-cut-off', { tensor, end, size });

/** Its place counts from the first byte after the header, which is not known yet. */
function readEntry(reader: HeaderReader, name: string, alignment: number): Entry {
  const { path, size } = reader;
  const dimensions = reader.uint32();
  if (dimensions > MOST_DIMENSIONS) throw InputError.at(path, 'gguf-dimensions', { tensor: name, dimensions });
  const shape = Array.from({ length: dimensions }, reader.uint64).reverse();
  const number = reader.uint32();
  const offset = reader.uint64();
  const type = tensorTypes.get(number);
  if (!type) {
    const known = [...tensorTypes.values()].map((one) => one.name);
    const stored = otherTypes.get(number) ?? `type ${number}`;
    throw InputError.at(path, 'gguf-tensor-of-unknown-type', { tensor: name, type: stored, known });
  }
  const elements = sizeOf(shape);
  // A value takes half a byte at least.
  if (!(elements <= 2 * size)) throw cutOffIn(reader, name, elements);
  if ((shape.at(-1) ?? 1) % type.values !== 0) {
    const sizes = { tensor: name, row: shape.at(-1)!, type: type.name, values: type.values };
    throw InputError.at(path, 'gguf-row-not-blocks', sizes);
  }
  if (offset % alignment !== 0) throw InputError.at(path, 'gguf-misaligned', { tensor: name, offset, alignment });
  return { type, shape, start: offset, end: offset + (elements / type.values) * type.bytes };
}
