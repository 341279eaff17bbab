/** @file JSONL: one JSON object a line. */

import { complaint } from '../protocol/problem';
import type { FileRecord } from './file-record';
import { notUtf8, readManyLines, tooLong, type Line, type Progress } from './lines';
import { isRecord } from '../tokenizer/tokenizer-json';

/** Blank lines are passed over. Those that were read together come together, and are made as they are gone through, once. */
export async function* readJsonRecords(file: string, progress?: Progress): AsyncGenerator<Iterable<FileRecord>> {
  for await (const lines of readManyLines(file, progress)) yield recordsOf(lines);
}

function* recordsOf(lines: Iterable<Line>): Generator<FileRecord> {
  for (const { line, text, damaged, isTooLong, start, end } of lines) {
    if (isTooLong) yield { line, column: 1, fault: tooLong, end };
    if (text.trim() === '') continue;
    if (damaged) yield { line, column: 1, fault: notUtf8, end };
    const record = parseJsonRecord(line, text);
    record.start = start;
    record.end = end;
    yield record;
  }
}

/** The record of a line of JSONL, or what is wrong with it. */
export function parseJsonRecord(line: number, text: string): FileRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const position = /at position (\d+)/.exec(reason)?.[1];
    const column = position === undefined ? 1 : Number(position) + 1;
    return { line, column, fault: complaint('row-not-json', {}) };
  }
  if (!isRecord(value)) {
    return { line, column: 1, fault: complaint('row-not-object', {}) };
  }
  return { line, fields: value };
}
