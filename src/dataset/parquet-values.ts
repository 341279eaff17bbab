/**
 * @file The values of a page of Parquet. hyparquet decodes them; it believes what a page says of itself, so that is looked at before: a run that
 * goes on for longer than the page would be written on for just as long.
 */

import { isUtf8 } from 'node:buffer';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { decompress as decompressZstd } from 'fzstd';
import { snappyUncompress, type Compressors, type DataReader, type SchemaTree } from 'hyparquet';
import { convert } from 'hyparquet/src/convert.js';
import { deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray } from 'hyparquet/src/delta.js';
import { byteStreamSplit, readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';
import { readPlain } from 'hyparquet/src/plain.js';
import { readVarInt } from 'hyparquet/src/thrift.js';
import type { ColumnDecoder, DecodedArray, ParquetParsers } from 'hyparquet/src/types.js';
import { complaint, type Complaint } from '../protocol/problem';
import { LONGEST_LINE, notUtf8, tooLong } from './lines';
import { damaged, NumberView, ParquetFault } from './parquet-damage';

/** A page is unpacked as a whole: in bytes. Most writers make pages of a megabyte. */
export const LARGEST_PAGE = 256 * 2 ** 20;

/** A text that cannot be read as it stands. */
export class MarkedText {
  constructor(
    readonly fault: Complaint,
    /** What can be read of it; nothing is left of one without. */
    readonly text?: string,
  ) {}
}

/** What is no text, no number and no list. */
export const bytesValue: object = Object.freeze({});

function textOf(bytes: Uint8Array): string | MarkedText {
  if (bytes.length > LONGEST_LINE) return new MarkedText(tooLong);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.includes('\ufffd') && !isUtf8(bytes) ? new MarkedText(notUtf8, text) : text;
}

/** As `Date` writes it; a time that it cannot hold is none. */
function timeOf(milliseconds: number): string | null {
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : null;
}

/** Texts, times as texts, and JSON as it stands. */
export const textParsers: ParquetParsers = {
  stringFromBytes: textOf,
  jsonFromBytes: textOf,
  timestampFromMilliseconds: (time) => timeOf(Number(time)),
  timestampFromMicroseconds: (time) => timeOf(Number(time) / 1e3),
  timestampFromNanoseconds: (time) => timeOf(Number(time) / 1e6),
  dateFromDays: (days) => timeOf(days * 864e5)?.slice(0, 10) ?? null,
  uuidFromBytes: (bytes) =>
    Buffer.from(bytes)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
  geometryFromBytes: () => bytesValue,
  geographyFromBytes: () => bytesValue,
};

/** Of a column whose bytes are said to be nothing, texts are texts, as older writers leave that out. */
const unnamedParsers: ParquetParsers = {
  ...textParsers,
  stringFromBytes: (bytes) => (isUtf8(bytes) ? textOf(bytes) : bytesValue),
};

/** A length of 31 bits and more is negative to the package: it would go back, and then through all that lies before its input. */
function checkLiterals(bytes: Uint8Array): void {
  let at = 0;
  while (bytes[at++]! >= 0x80);
  while (at < bytes.length) {
    const tag = bytes[at++]!;
    const kind = tag & 3;
    if (kind !== 0) {
      at += kind === 3 ? 4 : kind;
      continue;
    }
    const width = Math.max(0, (tag >> 2) - 59);
    let length = width === 0 ? tag >> 2 : 0;
    for (let i = 0; i < width; i++) length += (bytes[at + i] ?? 0) * 256 ** i;
    at += width + length + 1;
  }
  if (at !== bytes.length) throw damaged('what is packed has no end');
}

const compressors: Compressors = {
  SNAPPY: (bytes, length) => {
    checkLiterals(bytes);
    const unpacked = new Uint8Array(length);
    snappyUncompress(bytes, unpacked);
    return unpacked;
  },
  GZIP: (bytes, maxOutputLength) => new Uint8Array(gunzipSync(bytes, { maxOutputLength: maxOutputLength + 1 })),
  BROTLI: (bytes, maxOutputLength) =>
    new Uint8Array(brotliDecompressSync(bytes, { maxOutputLength: maxOutputLength + 1 })),
  ZSTD: (bytes, length) => decompressZstd(bytes, new Uint8Array(length)),
};

const codecs = ['UNCOMPRESSED', ...Object.keys(compressors)];

/** What decodes the values of a leaf of the schema. Throws a ParquetFault for a compression that is not read. */
export function decoderOf(
  schemaPath: SchemaTree[],
  chunk: Pick<ColumnDecoder, 'type' | 'codec'>,
): ColumnDecoder & { name: string } {
  const { element, path } = schemaPath.at(-1)!;
  const name = path.join('.');
  const { type, codec } = chunk;
  if (!codecs.includes(codec)) throw unsupported(name, codec);
  if (element.type !== type) throw damaged(`${name} has two types`);
  const isNamed = element.converted_type !== undefined || element.logical_type !== undefined;
  const parsers = isNamed ? textParsers : unnamedParsers;
  return { name, pathInSchema: path, type, element, schemaPath, codec, parsers, compressors };
}

function unsupported(column: string, kind: string | undefined): ParquetFault {
  return new ParquetFault(complaint('parquet-not-read', { column, kind: kind ?? 'something unknown' }));
}

/** Values may be padded up to so many: some writers fill the last run. */
const MOST_PADDING = 2 ** 16;

/**
 * Numbers of `width` bits, as runs of the same one and as packed ones, alternating.
 * @param length of them in bytes
 */
export function readRuns(reader: DataReader, width: number, count: number, length: number): Int32Array {
  const { view, offset } = reader;
  if (length > view.byteLength - offset) throw damaged('a page is shorter than it says');
  // What is written after the end of such an array goes nowhere.
  const values = new Int32Array(count);
  if (count === 0) {
    reader.offset += length;
    return values;
  }
  const ahead = { view, offset };
  for (let seen = 0; seen < count;) {
    const header = readVarInt(ahead) >>> 0;
    const isPacked = header % 2 === 1;
    const run = (header >>> 1) * (isPacked ? 8 : 1);
    if (run > count - seen + (isPacked ? MOST_PADDING : 0)) throw damaged('a run is longer than its page');
    // Of one that is packed the package reads a byte all the same.
    if (run === 0) throw damaged('a run has no values');
    ahead.offset += isPacked ? (header >>> 1) * width : Math.ceil(width / 8);
    seen += run;
  }
  readRleBitPackedHybrid(reader, width, values, length);
  return values;
}

/** Values that hyparquet unpacks from differences: what it believes of their head. */
function checkDifferences({ view, offset }: DataReader): void {
  const ahead = { view, offset };
  const [block, parts] = [readVarInt(ahead), readVarInt(ahead)];
  if (block <= 0 || block > 2 ** 20 || parts <= 0 || block % (8 * parts) !== 0) throw damaged('a page has no blocks');
}

/** Each text has the beginning of the one before: a few bytes may become many. */
function checkPrefixes(reader: DataReader, count: number): void {
  const ahead = { ...reader };
  let bytes = 0;
  for (let half = 0; half < 2; half++) {
    checkDifferences(ahead);
    const lengths = new Int32Array(count);
    deltaBinaryUnpack(ahead, count, lengths);
    for (const length of lengths) bytes += length < 0 ? Infinity : length;
  }
  if (bytes > LARGEST_PAGE) throw damaged('a page would be longer than it says');
}

/** Values of a page, as they are before nulls and lists are made of them. @param dictionary that of the column, with values in it */
export function readValues(
  bytes: Uint8Array,
  encoding: string | undefined,
  count: number,
  dictionary: DecodedArray | undefined,
  decoder: ColumnDecoder & { name: string },
): DecodedArray {
  if (count === 0) return [];
  const { type, element, name } = decoder;
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  switch (encoding) {
    case 'PLAIN':
      return converted(readPlainValues(reader, count, decoder), decoder);
    case 'PLAIN_DICTIONARY':
    case 'RLE_DICTIONARY':
      return lookedUp(reader, count, dictionary);
    case 'RLE': {
      if (type !== 'BOOLEAN') throw unsupported(name, encoding);
      const length = reader.view.getUint32(0, true);
      reader.offset = 4;
      return Array.from(readRuns(reader, 1, count, length), (bit) => bit === 1);
    }
    case 'DELTA_BINARY_PACKED': {
      if (type !== 'INT32' && type !== 'INT64') throw unsupported(name, encoding);
      checkDifferences(reader);
      if (type === 'INT32') {
        const values = new Int32Array(count);
        deltaBinaryUnpack(reader, count, values);
        return converted(values, decoder);
      }
      const values = new BigInt64Array(count);
      deltaBinaryUnpack(
        { ...reader, view: new NumberView(bytes.buffer, bytes.byteOffset, bytes.byteLength) },
        count,
        values,
      );
      return converted(values, decoder);
    }
    case 'DELTA_LENGTH_BYTE_ARRAY': {
      checkDifferences(reader);
      const values = new Array<Uint8Array>(count);
      deltaLengthByteArray(reader, count, values);
      checkEnd(reader);
      return converted(values, decoder);
    }
    case 'DELTA_BYTE_ARRAY': {
      checkPrefixes(reader, count);
      const values = new Array<Uint8Array>(count);
      deltaByteArray(reader, count, values);
      checkEnd(reader);
      return converted(values, decoder);
    }
    case 'BYTE_STREAM_SPLIT':
      if (count > bytes.length) throw damaged('a page is shorter than it says');
      return converted(byteStreamSplit(reader, count, type, element.type_length), decoder);
    default:
      throw unsupported(name, encoding);
  }
}

/** @param count of the values, of which each takes a bit at least */
export function readPlainValues(reader: DataReader, count: number, { type, element }: ColumnDecoder): DecodedArray {
  const least = type === 'BOOLEAN' ? count / 8 : type === 'BYTE_ARRAY' ? 4 * count : count;
  if (least > reader.view.byteLength - reader.offset) throw damaged('a page is shorter than it says');
  const values = readPlain(reader, type, count, element.type_length);
  checkEnd(reader);
  return values;
}

function checkEnd({ view, offset }: DataReader): void {
  if (offset > view.byteLength) throw damaged('a page is shorter than it says');
}

/** As rows have them. */
export function converted(values: DecodedArray, decoder: ColumnDecoder): DecodedArray {
  // Of many digits it would take the square of their number.
  const isLong = (value: unknown): boolean => value instanceof Uint8Array && value.length > 32;
  if (decoder.element.converted_type === 'DECIMAL' && Array.from<unknown>(values).some(isLong)) {
    throw damaged('a number has too many digits');
  }
  return convert(values, decoder);
}

function lookedUp(reader: DataReader, count: number, dictionary: DecodedArray | undefined): unknown[] {
  if (!dictionary) throw damaged('a dictionary is missing');
  const width = reader.view.getUint8(reader.offset++);
  if (width > 31) throw damaged(`a number would have ${width} bits`);
  const numbers =
    width === 0 ? new Int32Array(count) : readRuns(reader, width, count, reader.view.byteLength - reader.offset);
  return Array.from(numbers, (number) => {
    if (number < 0 || number >= dictionary.length) throw damaged('a value is not in the dictionary');
    return dictionary[number] as unknown;
  });
}
