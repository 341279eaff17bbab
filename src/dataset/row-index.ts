/** @file Where the rows of a large JSONL, CSV or TSV file lie, and which label each has: made in one pass, so that rows can be read when they are needed. */

import { createHash } from 'node:crypto';
import type { Problem } from '../protocol/problem';
import type { LabelKind } from '../protocol/records';
import { forEachRowOfFile, type Columns, type Row } from './dataset';
import { namesIn } from './examples';
import { Numbers } from './example-store';
import type { Progress } from './lines';

/** Raised where rows cannot be found again by where they lie: they have to be read before. */
export class NotIndexable extends Error {
  override readonly name = 'NotIndexable';
}

/** A row that has no label; the others have the number of theirs, from 1. */
export const NO_LABEL = 0;

/** Columns of numbers, one entry a row unless it says otherwise. 5 bytes a row where there are 255 labels or fewer, else 8. */
export interface RowIndex {
  file: string;
  bytes: number;
  /** Of the file's content. */
  sha256: string;
  /** Of CSV and TSV: the names of the columns, of the first line. */
  columns?: readonly string[] | undefined;
  /** Bytes from the end of the row before to its own. */
  sizes: Uint32Array;
  /** The rows that do not begin where the row before ends, and the bytes between, which are blank, could not be read or are the first line of CSV; not one a row. */
  gaps: { rows: Uint32Array; bytes: Uint32Array };
  /** `NO_LABEL`, or 1 + the place of its label in `labels`. Labels that are numbers are all 1. */
  classes: Uint8Array | Uint32Array;
  /** The names of each label that occurs, in the order of the rows; none of numbers. */
  labels: (readonly string[])[];
  /** The line of each of those where it is first. */
  labelLines: number[];
  /** Of labels that are numbers: the least and the largest. */
  range?: [number, number] | undefined;
  /** The rows that are not on the line after the row before, and their lines; not one a row. */
  jumps: { rows: Uint32Array; lines: Uint32Array };
  /** What is wrong with rows that are left out. */
  problems: Problem[];
}

/** Reads a JSONL, CSV or TSV file once. Throws as readDataset, but not for one without rows; NotIndexable where it cannot be described so. */
export async function indexRows(file: string, columns: Columns): Promise<RowIndex> {
  const hash = createHash('sha256');
  let bytes = 0;
  let header: readonly string[] | undefined;
  const progress: Progress = {
    bytes: 0,
    onBytes: (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
    },
    onColumns: (names) => (header = names),
  };
  const sizes = new Numbers(Uint32Array);
  let classes: Numbers<Uint8Array> | Numbers = new Numbers(Uint8Array);
  const [jumpRows, jumpLines] = [new Numbers(Uint32Array), new Numbers(Uint32Array)];
  const [gapRows, gapBytes] = [new Numbers(Uint32Array), new Numbers(Uint32Array)];
  const labels = new LabelNumbers();
  let [end, line] = [0, 0];
  const problems = await forEachRowOfFile(
    file,
    columns,
    (row) => {
      const { start } = progress;
      const size = progress.bytes - end;
      if (start === undefined || size >= 2 ** 32) throw new NotIndexable(`${file}:${row.line} cannot be found again`);
      if (start > end) {
        gapRows.add(sizes.length);
        gapBytes.add(start - end);
      }
      if (row.line !== line + 1) {
        jumpRows.add(sizes.length);
        jumpLines.add(row.line);
      }
      [end, line] = [progress.bytes, row.line];
      sizes.add(size);
      const label = labels.numberOf(row);
      if (label > 255 && classes.all() instanceof Uint8Array) classes = wider(classes.all());
      classes.add(label);
    },
    progress,
  );
  return {
    file,
    bytes,
    sha256: hash.digest('hex'),
    columns: header,
    sizes: sizes.all().slice(),
    gaps: { rows: gapRows.all().slice(), bytes: gapBytes.all().slice() },
    classes: classes.all().slice(),
    labels: labels.names,
    labelLines: labels.lines,
    range: labels.range,
    jumps: { rows: jumpRows.all().slice(), lines: jumpLines.all().slice() },
    problems,
  };
}

function wider(classes: Uint8Array | Uint32Array): Numbers {
  const numbers = new Numbers(Uint32Array);
  for (const one of classes) numbers.add(one);
  return numbers;
}

class LabelNumbers {
  readonly names: (readonly string[])[] = [];
  readonly lines: number[] = [];
  range: [number, number] | undefined;
  private readonly numbers = new Map<string, number>();

  numberOf({ label, line }: Row): number {
    if (label === undefined) return NO_LABEL;
    if (typeof label === 'number') {
      const [least, largest] = this.range ?? [label, label];
      this.range = [Math.min(least, label), Math.max(largest, label)];
      return 1;
    }
    const key = typeof label === 'string' ? label : `\0${JSON.stringify(label)}`;
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    this.names.push(namesIn(label));
    this.lines.push(line);
    this.numbers.set(key, this.names.length);
    return this.names.length;
  }
}

/** Raised where the bytes mean something else. */
export const KEPT_FORMAT = 2;

/** What an index is of: little, so that who lists them need not read all. */
export interface IndexHeader {
  format: number;
  /** Absent: where the rows lie. */
  kind?: 'tokens' | 'judgement';
  /** What the index was made for, as its maker says. */
  made: string;
  /** The file whose rows it has, for people. */
  file: string;
  bytes: number;
  sha256: string;
  rows: number;
}

/** Of what there is not one a row. */
interface Details extends Pick<RowIndex, 'columns' | 'labels' | 'labelLines' | 'range' | 'problems'> {
  /** Bytes of a class. */
  classBytes: 1 | 4;
  jumps: number;
  gaps: number;
}

/** The index as bytes to be kept, and a digest of them at their end. @param made what `fromBytes` is to ask for */
export function* indexBytes(index: RowIndex, made: string): Generator<Uint8Array> {
  const { file, bytes, sha256, columns, sizes, classes, labels, labelLines, range, jumps, gaps, problems } = index;
  const header: IndexHeader = { format: KEPT_FORMAT, made, file, bytes, sha256, rows: sizes.length };
  const details: Details = {
    ...{ columns, labels, labelLines, range, problems },
    classBytes: classes instanceof Uint8Array ? 1 : 4,
    jumps: jumps.rows.length,
    gaps: gaps.rows.length,
  };
  const texts = [header, details].map((one) => Buffer.from(JSON.stringify(one)));
  const hash = createHash('sha256');
  const lengths = Uint32Array.from(texts, ({ length }) => length);
  const parts = [lengths, ...texts, sizes, classes, jumps.rows, jumps.lines, gaps.rows, gaps.bytes];
  for (const part of parts) {
    const raw = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    hash.update(raw);
    yield raw;
  }
  yield hash.digest();
}

const DIGEST = 32;

/** Bytes of the lengths of both texts. */
const LENGTHS = 8;

/** Undefined where the bytes are not whole, or were made for something else. */
export function indexFrom(bytes: Uint8Array, file: string, made: string): RowIndex | undefined {
  const body = bytes.subarray(0, Math.max(0, bytes.length - DIGEST));
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(body.length))) return undefined;
  const header = indexHeader(body);
  if (header?.made !== made) return undefined;
  const lengths = new DataView(body.buffer, body.byteOffset);
  let at = LENGTHS + lengths.getUint32(0, true);
  // Copied, as words lie at multiples of four alone.
  const take = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(body.subarray(at, (at += length)));
  const words = (count: number): Uint32Array => new Uint32Array(take(4 * count).buffer);
  const details = objectIn(take(lengths.getUint32(4, true))) as Details | undefined;
  if (!details) return undefined;
  const { classBytes, jumps, gaps, columns, labels, labelLines, range, problems } = details;
  const { bytes: size, sha256, rows } = header;
  return {
    ...{ file, bytes: size, sha256, columns, labels, labelLines, range, problems },
    sizes: words(rows),
    classes: classBytes === 1 ? take(rows) : words(rows),
    jumps: { rows: words(jumps), lines: words(jumps) },
    gaps: { rows: words(gaps), bytes: words(gaps) },
  };
}

/** What an index is of, by its first bytes; undefined where they are not those of one, or too few. */
export function indexHeader(first: Uint8Array): IndexHeader | undefined {
  if (first.length < LENGTHS) return undefined;
  const length = new DataView(first.buffer, first.byteOffset).getUint32(0, true);
  const header = objectIn(first.subarray(LENGTHS, LENGTHS + length)) as IndexHeader | undefined;
  return header?.format === KEPT_FORMAT ? header : undefined;
}

/** Undefined where it is none: a digest is easily made. */
function objectIn(bytes: Uint8Array): object | undefined {
  try {
    return (JSON.parse(Buffer.from(bytes).toString()) as object | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** What decides what an index of a file holds. */
export function columnsKey({ labels = 'single' satisfies LabelKind, ...columns }: Columns): string {
  const isRead = columns.label !== undefined;
  const entries = Object.entries({ ...columns, ...(isRead && { labels }) }).filter(([, value]) => value !== undefined);
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
