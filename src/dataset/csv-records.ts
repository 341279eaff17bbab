/** @file CSV and TSV: a header line with the names of the columns, then one record a row. */

import { Readable } from 'node:stream';
import { parse, type CsvError } from 'csv-parse';
import { complaint } from '../protocol/problem';
import type { FileRecord } from './file-record';
import { LONGEST_LINE, notUtf8, readManyLines, tooLong, type Progress } from './lines';

/** The parser is given lines in pieces of so many characters: one by one they would take as long on their way as in it. */
const PIECE = 2 ** 14;

interface ParsedRecord {
  record: Record<string, string>;
  /** The record as the file has it, to count its lines. */
  raw: string;
  /** Lines and bytes read up to the end of the record. */
  info: { lines: number; bytes: number };
}

/**
 * CSV as RFC 4180: a quoted field may hold delimiters, line ends (read as LF) and doubled quotes; a quote elsewhere in a field
 * stands for itself. TSV as IANA's text/tab-separated-values: quotes mean nothing.
 */
export async function* readCsvRecords(
  file: string,
  delimiter: ',' | '\t',
  progress?: Progress,
): AsyncGenerator<Iterable<FileRecord>> {
  const faults: FileRecord[] = [];
  const parser = parse({
    delimiter,
    quote: delimiter === '\t' ? null : '"',
    columns: true,
    info: true,
    raw: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: LONGEST_LINE,
  });
  let nextLine = 1;
  parser.on('skip', (error: CsvError) => {
    if (parser.destroyed) return;
    faults.push(faultOf(error, nextLine));
    // A quote that nothing closes: the parser would complain of each character that follows.
    if (error.code === 'CSV_MAX_RECORD_SIZE') parser.destroy(error);
  });
  async function* pieces(): AsyncGenerator<string> {
    for await (const lines of readManyLines(file, progress)) {
      let piece = '';
      for (const { line, text, damaged, isTooLong } of lines) {
        if (isTooLong) faults.push({ line, column: 1, fault: tooLong });
        if (damaged) faults.push({ line, column: 1, fault: notUtf8 });
        // The parser counts a CRLF within quotes as two lines.
        piece += text.endsWith('\r\n') ? `${text.slice(0, -2)}\n` : text;
        if (piece.length < PIECE) continue;
        yield piece;
        piece = '';
      }
      if (piece !== '') yield piece;
    }
  }
  const source = Readable.from(pieces(), { highWaterMark: 1 });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const { record, raw, info } of parser as AsyncIterable<ParsedRecord>) {
      const lineEnds = raw.trim().match(/\n/g)?.length ?? 0;
      nextLine = info.lines + 1;
      if (progress) progress.bytes = info.bytes;
      yield [...faults.splice(0), { line: info.lines - lineEnds, fields: record }];
    }
  } catch (error) {
    if ((error as Partial<CsvError>).code !== 'CSV_MAX_RECORD_SIZE') throw error;
  } finally {
    source.destroy();
  }
  yield faults;
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
