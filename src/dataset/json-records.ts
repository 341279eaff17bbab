/** @file JSONL: one JSON object a line. */

import type { FileRecord } from './file-record';
import { notUtf8, readLines } from './lines';
import { isRecord } from '../tokenizer/tokenizer-json';

/** Blank lines are passed over. */
export async function* readJsonRecords(file: string): AsyncGenerator<FileRecord> {
  for await (const { line, text, damaged } of readLines(file)) {
    if (text.trim() === '') continue;
    if (damaged) yield { line, column: 1, ...notUtf8 };
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
    return { line, column, message: 'This row is not valid JSON.', remedy: 'Write one JSON object on each line.' };
  }
  if (!isRecord(value)) {
    return {
      line,
      column: 1,
      message: 'This row is not a JSON object.',
      remedy: 'Write one JSON object on each line.',
    };
  }
  return { line, fields: value };
}
