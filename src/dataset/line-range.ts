/** @file Some lines of a file of any size. */

import { readLines } from './lines';

/** `count` lines from line `first` on, which counts from 0, without their ends; fewer at the end of the file. */
export async function readLineRange(file: string, first: number, count: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const { line, text } of readLines(file)) {
    if (line <= first) continue;
    if (line > first + count) break;
    lines.push(text.replace(/\r?\n$/, ''));
  }
  return lines;
}
