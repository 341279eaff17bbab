/** @file Where the rows of a large JSONL file lie, and which label each has: made in one pass, so that rows can be read when they are needed. */

import { createHash } from 'node:crypto';
import type { Problem } from '../protocol/problem';
import type { LabelKind } from '../protocol/records';
import { forEachRowOfFile, type Columns, type Row } from './dataset';
import { namesIn } from './examples';
import { Numbers } from './example-store';
import type { Progress } from './lines';

/** A row that has no label; the others have the number of theirs, from 1. */
export const NO_LABEL = 0;

/** Columns of numbers, one entry a row unless it says otherwise. 5 bytes a row where there are 255 labels or fewer, else 8. */
export interface RowIndex {
  file: string;
  bytes: number;
  /** Of the file's content. */
  sha256: string;
  /** Bytes from the end of the row before to its own: lines between them are blank, or could not be read. */
  sizes: Uint32Array;
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

/** Reads a JSONL file once. Throws as readDataset, but not for one without rows; RangeError where it cannot be described so. */
export async function indexRows(file: string, columns: Columns): Promise<RowIndex> {
  const hash = createHash('sha256');
  let bytes = 0;
  const progress: Progress = {
    bytes: 0,
    onBytes: (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
    },
  };
  const sizes = new Numbers(Uint32Array);
  let classes: Numbers<Uint8Array> | Numbers = new Numbers(Uint8Array);
  const [jumpRows, jumpLines] = [new Numbers(Uint32Array), new Numbers(Uint32Array)];
  const labels = new LabelNumbers();
  let [end, line] = [0, 0];
  const problems = await forEachRowOfFile(
    file,
    columns,
    (row) => {
      const size = progress.bytes - end;
      if (size >= 2 ** 32) throw new RangeError(`${file} has a row of ${size} bytes, with what is before it`);
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
    sizes: sizes.all().slice(),
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
const FORMAT = 1;

interface Header extends Omit<RowIndex, 'file' | 'sizes' | 'classes' | 'jumps'> {
  format: number;
  /** What the index was made for, as its maker says. */
  made: string;
  rows: number;
  /** Bytes of a class. */
  classBytes: 1 | 4;
  jumps: number;
}

/** The index as bytes to be kept, and a digest of them at their end. @param made what `fromBytes` is to ask for */
export function* indexBytes(index: RowIndex, made: string): Generator<Uint8Array> {
  const { bytes, sha256, sizes, classes, labels, labelLines, range, jumps, problems } = index;
  const header: Header = {
    ...{ format: FORMAT, made, bytes, sha256, labels, labelLines, range, problems },
    rows: sizes.length,
    classBytes: classes instanceof Uint8Array ? 1 : 4,
    jumps: jumps.rows.length,
  };
  const text = Buffer.from(JSON.stringify(header));
  const hash = createHash('sha256');
  const parts = [Uint32Array.of(text.length), text, sizes, classes, jumps.rows, jumps.lines];
  for (const part of parts) {
    const raw = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    hash.update(raw);
    yield raw;
  }
  yield hash.digest();
}

const DIGEST = 32;

/** Undefined where the bytes are not whole, or were made for something else. */
export function indexFrom(bytes: Uint8Array, file: string, made: string): RowIndex | undefined {
  const body = bytes.subarray(0, Math.max(0, bytes.length - DIGEST));
  if (body.length < 4 || !createHash('sha256').update(body).digest().equals(bytes.subarray(body.length)))
    return undefined;
  let at = 4 + new DataView(body.buffer, body.byteOffset).getUint32(0, true);
  const header = headerIn(body.subarray(4, at));
  if (header?.format !== FORMAT || header.made !== made) return undefined;
  // Copied, as words lie at multiples of four alone.
  const take = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(body.subarray(at, (at += length)));
  const words = (count: number): Uint32Array => new Uint32Array(take(4 * count).buffer);
  const { rows, classBytes, jumps, bytes: size, sha256, labels, labelLines, range, problems } = header;
  return {
    ...{ file, bytes: size, sha256, labels, labelLines, range, problems },
    sizes: words(rows),
    classes: classBytes === 1 ? take(rows) : words(rows),
    jumps: { rows: words(jumps), lines: words(jumps) },
  };
}

/** Undefined where it is none: a digest is easily made. */
function headerIn(bytes: Uint8Array): Header | undefined {
  try {
    return (JSON.parse(Buffer.from(bytes).toString()) as Header | null) ?? undefined;
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
