/** @file JSONL: one JSON object a line. */

import { complaint } from '../protocol/problem';
import type { FileRecord } from './file-record';
import { notUtf8, readLines, tooLong, type Progress } from './lines';
import { isRecord } from '../tokenizer/tokenizer-json';

/** Blank lines are passed over. */
export async function* readJsonRecords(file: string, progress?: Progress): AsyncGenerator<FileRecord> {
  for await (const { line, text, damaged, isTooLong } of readLines(file, progress)) {
    if (isTooLong) yield { line, column: 1, fault: tooLong };
    if (text.trim() === '') continue;
    if (damaged) yield { line, column: 1, fault: notUtf8 };
    yield parse(line, text);
  }
}

function parse(line: number, text: string): FileRecord {
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
