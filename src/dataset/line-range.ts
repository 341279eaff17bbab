/** @file Some lines of a file of any size. */

import { extname } from 'node:path';
import { fileRecords } from './dataset';
import { readLines } from './lines';

/** `count` lines from line `first` on, which counts from 0, without their ends; fewer at the end of the file. Of Parquet its rows, as lines of JSON. */
export async function readLineRange(file: string, first: number, count: number): Promise<string[]> {
  if (extname(file).toLowerCase() === '.parquet') return readRowRange(file, first, count);
  const lines: string[] = [];
  for await (const { line, text } of readLines(file)) {
    if (line <= first) continue;
    if (line > first + count) break;
    lines.push(text.replace(/\r?\n$/, ''));
  }
  return lines;
}

/** A row that cannot be read is an empty line. */
async function readRowRange(file: string, first: number, count: number): Promise<string[]> {
  const rows: string[] = [];
  for await (const record of fileRecords(file)) {
    const { line } = record;
    if (line <= first) continue;
    if (line > first + count) break;
    rows[line - first - 1] = 'fields' in record ? JSON.stringify(record.fields) : '';
  }
  return rows;
}
