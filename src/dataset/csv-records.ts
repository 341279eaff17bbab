/** @file CSV and TSV: a header line with the names of the columns, then one record a row. */

import { Readable } from 'node:stream';
import { parse, type CsvError } from 'csv-parse';
import { parse as parseWhole } from 'csv-parse/sync';
import { complaint } from '../protocol/problem';
import type { FileRecord } from './file-record';
import { LONGEST_LINE, notUtf8, readManyLines, tooLong, type Line, type Progress } from './lines';

export type Delimiter = ',' | '\t';

/** The parser is given lines in pieces of so many characters: one by one they would take as long on their way as in it. */
const PIECE = 2 ** 14;

interface ParsedRecord {
  record: Record<string, string>;
  /** The record as the parser was given it, with empty lines before it. */
  raw: string;
  /** Bytes that the parser was given up to the end of the record. */
  info: { bytes: number };
}

const settings = (delimiter: Delimiter) => ({
  delimiter,
  quote: delimiter === '\t' ? null : '"',
  relax_quotes: true,
  skip_empty_lines: true,
  skip_records_with_error: true,
  max_record_size: LONGEST_LINE,
});

/**
 * CSV as RFC 4180: a quoted field may hold delimiters, line ends (read as LF) and doubled quotes; a quote elsewhere in a field
 * stands for itself. TSV as IANA's text/tab-separated-values: quotes mean nothing.
 */
export async function* readCsvRecords(
  file: string,
  delimiter: Delimiter,
  progress?: Progress,
): AsyncGenerator<Iterable<FileRecord>> {
  const faults: FileRecord[] = [];
  const given = new GivenLines();
  const pieces = piecesOf(file, given, faults, progress);
  const { value: first } = await pieces.next();
  // Of an old Mac's file, in which CR ends a line, no row can be found by the lines of the file.
  const hasLines = first?.includes('\n') === true;
  const parser = parse({
    ...settings(delimiter),
    columns: (names: string[]) => {
      progress?.onColumns?.(names);
      return names;
    },
    info: true,
    raw: true,
    ...(hasLines && { record_delimiter: '\n' }),
  });
  let nextLine = 1;
  parser.on('skip', (error: CsvError) => {
    if (parser.destroyed) return;
    faults.push(faultOf(error, nextLine));
    // A quote that nothing closes: the parser would complain of each character that follows.
    if (error.code === 'CSV_MAX_RECORD_SIZE') parser.destroy(error);
  });
  async function* all(): AsyncGenerator<string> {
    if (first === undefined) return;
    yield first;
    yield* pieces;
  }
  const source = Readable.from(all(), { highWaterMark: 1 });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const { record, raw, info } of parser as AsyncIterable<ParsedRecord>) {
      const emptyLines = /^\n*/.exec(raw)![0].length;
      const { line, last, start, end, isWhole } = given.find(
        info.bytes - Buffer.byteLength(raw) + emptyLines,
        info.bytes,
      );
      nextLine = last + 1;
      const found = faults.splice(0);
      // Of a field with a line that is too long, nothing is left to be read.
      if (isWhole) found.push({ line, fields: record, start: hasLines ? start : undefined, end });
      yield found;
    }
  } catch (error) {
    if ((error as Partial<CsvError>).code !== 'CSV_MAX_RECORD_SIZE') throw error;
  } finally {
    source.destroy();
  }
  yield faults;
}

/** The lines of a file in pieces, as the parser is given them; what is wrong with a line is added to `faults`. */
async function* piecesOf(
  file: string,
  given: GivenLines,
  faults: FileRecord[],
  progress: Progress | undefined,
): AsyncGenerator<string, undefined> {
  for await (const lines of readManyLines(file, progress)) {
    let piece = '';
    for (const one of lines) {
      const { line, text, damaged, isTooLong } = one;
      if (isTooLong) faults.push({ line, column: 1, fault: tooLong });
      if (damaged) faults.push({ line, column: 1, fault: notUtf8 });
      const readable = withLineFeed(text);
      given.add(one, readable);
      piece += readable;
      if (piece.length < PIECE) continue;
      yield piece;
      piece = '';
    }
    if (piece !== '') yield piece;
  }
  return undefined;
}

/** The line ends of records are read as LF: the parser takes CR and LF within quotes for two line ends. */
const withLineFeed = (line: string): string => (line.endsWith('\r\n') ? `${line.slice(0, -2)}\n` : line);

/** Lines are let go of that many at a time. */
const LET_GO = 4096;

/**
 * Where the lines are that the parser was given and has not made records of yet. It counts the bytes that it is given, and those of the file are
 * others: line ends, a byte order mark, and what is not UTF-8.
 */
class GivenLines {
  private bytes = 0;
  /** Of each line: what was given up to its end, and the file up to its end, in bytes. */
  private readonly given: number[] = [];
  private readonly ends: number[] = [];
  private readonly tooLong = new Set<number>();
  /** The first of them that is not wholly before the record that was found last, and where it begins in the file. */
  private next = 0;
  private start = 0;
  /** Lines that came before those. */
  private before = 0;

  add({ line, end, isTooLong }: Line, text: string): void {
    this.bytes += Buffer.byteLength(text);
    this.given.push(this.bytes);
    this.ends.push(end);
    if (isTooLong) this.tooLong.add(line);
  }

  /**
   * Where the lines of a record lie, in bytes of the file, and the numbers of the first and last; records are asked for in their order.
   * @param start of the record, and its end, in bytes that the parser was given
   */
  find(start: number, end: number): { line: number; last: number; start: number; end: number; isWhole: boolean } {
    for (; this.given[this.next]! <= start; this.next++) this.start = this.ends[this.next]!;
    let at = this.next;
    while (this.given[at]! < end) at++;
    const [line, last] = [this.before + this.next + 1, this.before + at + 1];
    const found = { line, last, start: this.start, end: this.ends[at]!, isWhole: this.isWhole(line, last) };
    if (this.next >= LET_GO) {
      this.given.splice(0, this.next);
      this.ends.splice(0, this.next);
      this.before += this.next;
      this.next = 0;
    }
    return found;
  }

  private isWhole(first: number, last: number): boolean {
    for (const line of this.tooLong) {
      if (line < first) this.tooLong.delete(line);
      else return line > last;
    }
    return true;
  }
}

/**
 * A row read by itself, as `readCsvRecords` gives it with those before it; undefined where it is none.
 * @param text the row's bytes from `start` to `end`
 * @param names of the columns
 */
export function parseCsvRecord(
  text: string,
  names: readonly string[],
  delimiter: Delimiter,
): Record<string, unknown> | undefined {
  const records = parseWhole<Record<string, unknown>>(text.replaceAll('\r\n', '\n'), {
    ...settings(delimiter),
    columns: [...names],
    record_delimiter: '\n',
  });
  return records.length === 1 ? records[0] : undefined;
}

function faultOf(error: CsvError, nextLine: number): FileRecord {
  if (error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE') {
    return { line: nextLine, column: 1, fault: complaint('csv-quote-open', {}) };
  }
  const line = typeof error.lines === 'number' ? error.lines : nextLine;
  if (/^CSV_RECORD_(INCONSISTENT|DONT_MATCH)/.test(error.code)) {
    return { line, column: 1, fault: complaint('csv-other-fields', {}) };
  }
  return { line, column: 1, fault: complaint('csv-malformed', { reason: error.message }) };
}
