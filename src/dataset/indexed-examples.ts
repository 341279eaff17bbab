/** @file Examples of files that are too large to be read before a training begins: each row is read and tokenized when it is asked for. */

import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { extname } from 'node:path';
import { InputError, type Problem } from '../protocol/problem';
import { parseCsvRecord } from './csv-records';
import { rowIn, type Columns, type Row } from './dataset';
import type { ExamplesWithRows } from './example-store';
import type { Example, TokenExample } from './examples';
import type { FileRecord } from './file-record';
import { parseJsonRecord } from './json-records';
import type { RowIndex } from './row-index';

/** The offset of every so many-th row is held; those between follow from their sizes. */
const OFFSETS_EVERY = 64;

/** Whether a file is still the one that was indexed is looked at once in so many rows. */
const LOOKED_AT_EVERY = 1024;

/** Tokens of examples that are held: those of a window of batches are asked for twice, for their lengths and for themselves. */
const HELD_TOKENS = 2 ** 21;

/** Rows whose lengths stand for those of all. */
const SAMPLE_ROWS = 4096;

interface OpenFile {
  index: RowIndex;
  columns: Columns;
  descriptor: number;
  /** As it was when it was opened. */
  stats: Stats;
  /** Where every `OFFSETS_EVERY`-th row begins. */
  offsets: Float64Array;
  /** The number of its first row. */
  first: number;
}

/** Rows of several indexed files by their number: those of the first file, then those of the next. */
export class RowReader {
  readonly length: number;
  private readonly files: OpenFile[] = [];
  private reads = 0;

  /** Throws what the file system throws, and an InputError for a file that has another size than its index. */
  constructor(indexed: readonly { index: RowIndex; columns: Columns }[]) {
    let first = 0;
    try {
      for (const { index, columns } of indexed) {
        const descriptor = openSync(index.file, 'r');
        const stats = fstatSync(descriptor);
        this.files.push({ index, columns, descriptor, stats, offsets: offsetsOf(index.sizes), first });
        if (stats.size !== index.bytes) throw changed(index.file);
        first += index.sizes.length;
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.length = first;
  }

  /** @throws InputError where the file is not what it was when it was indexed */
  rowAt(number: number): Row {
    const file = this.files.findLast(({ first }) => first <= number)!;
    const { index, columns, first } = file;
    if (this.reads++ % LOOKED_AT_EVERY === 0) this.requireUnchanged();
    const row = number - first;
    const record = recordIn(index, row, this.textOf(file, row));
    const made = record && 'fields' in record ? rowIn(record, columns, index.file) : record;
    if (!made || !('text' in made)) throw changed(index.file);
    return made;
  }

  private textOf({ index, descriptor, offsets }: OpenFile, row: number): string {
    let start = offsets[Math.floor(row / OFFSETS_EVERY)]!;
    for (let i = row - (row % OFFSETS_EVERY); i < row; i++) start += index.sizes[i]!;
    const gap = gapBefore(index, row);
    const bytes = Buffer.allocUnsafe(index.sizes[row]! - gap);
    for (let done = 0; done < bytes.length;) {
      const read = readSync(descriptor, bytes, done, bytes.length - done, start + gap + done);
      if (read === 0) throw changed(index.file);
      done += read;
    }
    return bytes.toString('utf8');
  }

  private requireUnchanged(): void {
    for (const { index, descriptor, stats } of this.files) {
      const now = fstatSync(descriptor);
      if (now.size !== stats.size || now.mtimeMs !== stats.mtimeMs) throw changed(index.file);
    }
  }

  close(): void {
    for (const { descriptor } of this.files.splice(0)) closeSync(descriptor);
  }
}

const changed = (file: string): InputError => InputError.at(file, 'input-changed', {});

function offsetsOf(sizes: Uint32Array): Float64Array {
  const offsets = new Float64Array(Math.ceil(sizes.length / OFFSETS_EVERY));
  let start = 0;
  for (let row = 0; row < sizes.length; row++) {
    if (row % OFFSETS_EVERY === 0) offsets[row / OFFSETS_EVERY] = start;
    start += sizes[row]!;
  }
  return offsets;
}

/** Undefined where there is none. */
function recordIn(index: RowIndex, row: number, text: string): FileRecord | undefined {
  const line = lineOf(index, row);
  // Only the first row can follow a byte order mark, as that of CSV is in the first line.
  if (!index.columns) return parseJsonRecord(line, text.replace(/^\ufeff/, ''));
  const fields = parseCsvRecord(text, index.columns, extname(index.file).toLowerCase() === '.tsv' ? '\t' : ',');
  return fields && { line, fields };
}

/** From 1. */
function lineOf({ jumps: { rows, lines } }: RowIndex, row: number): number {
  const jumps = countUpTo(rows, row);
  return jumps === 0 ? row + 1 : lines[jumps - 1]! + row - rows[jumps - 1]!;
}

/** Bytes between the end of the row before and this one. */
function gapBefore({ gaps: { rows, bytes } }: RowIndex, row: number): number {
  const gaps = countUpTo(rows, row);
  return rows[gaps - 1] === row ? bytes[gaps - 1]! : 0;
}

/** How many of the rows, which ascend, are not above a row. */
function countUpTo(rows: Uint32Array, row: number): number {
  let [below, above] = [0, rows.length];
  while (below < above) {
    const middle = (below + above) >> 1;
    if (rows[middle]! <= row) below = middle + 1;
    else above = middle;
  }
  return below;
}

export interface IndexedOptions {
  reader: RowReader;
  encode: (row: Row) => Example | Problem;
  /** The labels of a row of which nothing can be learnt. */
  noLabels: () => TokenExample['labels'];
  /** Told once of each such row. */
  onProblem: (problem: Problem) => void;
  /** As of `Examples`. */
  isPaired?: boolean | undefined;
}

/** What is held of an example. */
type HeldExample = TokenExample & Pick<Example, 'teacher'>;

/** Makes examples of rows by their number, and holds the latest. */
export class ExampleMaker {
  /** By the row's number, in the order in which they were made. */
  private readonly held = new Map<number, HeldExample>();
  private tokens = 0;
  private readonly refused = new Set<number>();

  constructor(private readonly options: IndexedOptions) {}

  /** One of which nothing can be learnt has no tokens. */
  at(number: number): HeldExample {
    const known = this.held.get(number);
    if (known) return known;
    const { reader, encode, noLabels, onProblem } = this.options;
    const made = encode(reader.rowAt(number));
    if ('code' in made && !this.refused.has(number)) {
      this.refused.add(number);
      onProblem(made);
    }
    const none = { inputIds: new Int32Array(), typeIds: new Int32Array(), labels: noLabels() };
    const example: HeldExample =
      'code' in made
        ? { ...none, teacher: none }
        : {
            inputIds: made.inputIds,
            typeIds: made.typeIds,
            labels: made.labels,
            ...(made.spans && { spans: made.spans }),
            ...(made.teacher && { teacher: made.teacher }),
          };
    this.held.set(number, example);
    this.tokens += tokensIn(example);
    for (const [oldest, other] of this.held) {
      if (this.tokens <= HELD_TOKENS || oldest === number) break;
      this.held.delete(oldest);
      this.tokens -= tokensIn(other);
    }
    return example;
  }

  rowAt(number: number): Row {
    return this.options.reader.rowAt(number);
  }

  get isPaired(): boolean {
    return this.options.isPaired ?? false;
  }
}

const tokensIn = ({ inputIds, teacher }: HeldExample): number => inputIds.length + (teacher?.inputIds.length ?? 0);

/** Some rows as examples. How long they are is known of a sample alone, before they are asked for. */
export class IndexedExamples implements ExamplesWithRows {
  readonly sample: Uint32Array;
  readonly teachers: ExamplesWithRows | undefined;

  /**
   * @param numbers of the rows
   * @param isForBoth whether they are made as a teacher with another tokenizer reads them too
   */
  constructor(
    private readonly maker: ExampleMaker,
    private readonly numbers: Uint32Array,
    isForBoth = false,
  ) {
    const { length } = numbers;
    const count = Math.min(SAMPLE_ROWS, length);
    this.sample = Uint32Array.from({ length: count }, (_, i) => Math.floor((i * length) / count));
    if (!isForBoth) return;
    this.teachers = {
      length,
      sample: this.sample,
      isPaired: maker.isPaired,
      at: (index) => maker.at(numbers[index]!).teacher,
      rowAt: (index) => this.rowAt(index),
    };
  }

  get length(): number {
    return this.numbers.length;
  }

  get isPaired(): boolean {
    return this.maker.isPaired;
  }

  at(index: number): TokenExample {
    return this.maker.at(this.numbers[index]!);
  }

  rowAt(index: number): Row {
    return this.maker.rowAt(this.numbers[index]!);
  }
}
