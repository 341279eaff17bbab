/** @file What stands at the end of a Parquet file: its columns, where their pages lie, and the names of classes. */

import type { FileHandle } from 'node:fs/promises';
import { parquetMetadata, parquetSchema, type ColumnMetaData, type FileMetaData, type SchemaTree } from 'hyparquet';
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js';
import { isRecord } from '../tokenizer/tokenizer-json';
import { complaint } from '../protocol/problem';
import { damaged, decoded, NumberView, ParquetFault } from './parquet-damage';
import { textParsers } from './parquet-values';

/** In bytes. That of ten million rows in groups of a thousand takes less; what is made of it takes some sixty times as much. */
const LONGEST_FOOTER = 16 * 2 ** 20;

/** Of all levels. */
const MOST_COLUMNS = 4096;

/** Lists and objects within each other. */
const DEEPEST = 16;

/** A file says itself how many rows it has. Where each has something to be learnt, it takes more than an eighth of a bit. */
const ROWS_A_BYTE = 64;

/** Bytes of the length of the footer and of the mark behind it. */
const TAIL = 8;

export interface ParquetGroup {
  rows: number;
  /** Those of the leaves, by their path as JSON. */
  chunks: ReadonlyMap<string, ColumnMetaData>;
}

export interface ParquetFooter {
  schema: SchemaTree;
  groups: ParquetGroup[];
  /** By the column: the names of the classes that its numbers stand for, as Hugging Face's `datasets` writes them. */
  classNames: ReadonlyMap<string, readonly string[]>;
}

/** Bytes of a file from `start` to `end`; fewer throw. */
export async function readBytes(handle: FileHandle, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start);
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw damaged('it ends early');
    done += bytesRead;
  }
  return bytes;
}

/** Throws a ParquetFault where the file is none, or is not whole, and what the file system throws. */
export async function readFooter(handle: FileHandle, size: number): Promise<ParquetFooter> {
  // Of a folder, the system says what it is.
  const tail = await readBytes(handle, Math.max(0, size - TAIL), Math.max(1, size));
  const mark = Buffer.from(tail.subarray(-4)).toString('latin1');
  if (mark === 'PARE') throw new ParquetFault(complaint('parquet-encrypted', {}));
  if (size < TAIL || mark !== 'PAR1') throw damaged('it does not end as one');
  const length = new DataView(tail.buffer).getUint32(0, true);
  if (length > size - TAIL) throw damaged(`its footer would be ${length} bytes long`);
  if (length > LONGEST_FOOTER) {
    throw new ParquetFault(complaint('parquet-footer-long', { megabytes: LONGEST_FOOTER / 2 ** 20 }));
  }
  const bytes = await readBytes(handle, size - TAIL - length, size);
  return decoded(() => {
    deserializeTCompactProtocol({ view: new NumberView(bytes.buffer, 0, length), offset: 0 });
    return footerOf(parquetMetadata(bytes, { geoparquet: false, parsers: textParsers }), size);
  });
}

function footerOf(metadata: FileMetaData, size: number): ParquetFooter {
  if (metadata.schema.length > MOST_COLUMNS) throw damaged(`it would have ${metadata.schema.length} columns`);
  for (const element of metadata.schema) {
    // A field may be of any kind.
    if (typeof element.name !== 'string') throw damaged('a column has no name');
    for (const count of ['num_children', 'type_length', 'scale'] as const) {
      if (element[count] !== undefined) element[count] = countIn(element[count], 2 ** 24);
    }
    // What hyparquet makes other things of than rows hold.
    if (['VARIANT', 'GEOMETRY', 'GEOGRAPHY', 'FILE'].includes(element.logical_type?.type ?? ''))
      delete element.logical_type;
    if (element.converted_type === 'BSON' || element.converted_type === 'INTERVAL') delete element.converted_type;
  }
  const schema = parquetSchema(metadata);
  if (depthOf(schema) > DEEPEST) throw damaged(`its columns would lie more than ${DEEPEST} deep within each other`);
  const groups = metadata.row_groups.map(({ num_rows: rows, columns }) => ({
    rows: countIn(rows, Number.MAX_SAFE_INTEGER),
    chunks: new Map(
      columns.map(({ file_path: elsewhere, meta_data: chunk }) => {
        if (elsewhere || !chunk) throw damaged('its columns would lie in other files');
        return [JSON.stringify(chunk.path_in_schema), chunk];
      }),
    ),
  }));
  const rows = groups.reduce((sum, group) => sum + group.rows, 0);
  if (rows > ROWS_A_BYTE * size) throw new ParquetFault(complaint('parquet-claims-rows', { rows, bytes: size }));
  return { schema, groups, classNames: classNamesIn(metadata) };
}

function depthOf({ children }: SchemaTree): number {
  return 1 + Math.max(0, ...children.map(depthOf));
}

/** A number of the file that counts something. */
export function countIn(value: unknown, most: number): number {
  const count = typeof value === 'bigint' ? Number(value) : value;
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0 || count > most)
    throw damaged(`a number is ${String(value)}`);
  return count;
}

function classNamesIn({ key_value_metadata: entries = [] }: FileMetaData): Map<string, readonly string[]> {
  const names = new Map<string, readonly string[]>();
  const features = featuresIn(entries.find(({ key }) => key === 'huggingface')?.value);
  for (const [column, feature] of Object.entries(features)) {
    const found =
      namesOf(feature) ?? namesOf(isRecord(feature) ? feature.feature : Array.isArray(feature) && feature[0]);
    if (found) names.set(column, found);
  }
  return names;
}

/** What is no JSON says nothing. */
function featuresIn(text: string | undefined): Record<string, unknown> {
  try {
    const { info } = JSON.parse(text ?? '{}') as { info?: { features?: unknown } };
    return isRecord(info?.features) ? info.features : {};
  } catch {
    return {};
  }
}

function namesOf(feature: unknown): readonly string[] | undefined {
  if (!isRecord(feature) || feature._type !== 'ClassLabel' || !Array.isArray(feature.names)) return undefined;
  const names: unknown[] = feature.names;
  return names.every((name) => typeof name === 'string') ? names : undefined;
}
