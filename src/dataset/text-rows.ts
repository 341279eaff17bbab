/** @file Plain text: paragraphs, or lines where the text has no paragraphs. */

import { LONGEST_LINE, readLines, type Line, type Progress } from './lines';

export interface TextRow {
  /** Line the row starts on, from 1. */
  line: number;
  text: string;
  damaged: boolean;
  /** It is longer than `LONGEST_LINE`, and `text` is empty. */
  isTooLong: boolean;
}

/**
 * Where blank lines separate paragraphs, as in a book with hard line breaks, each paragraph is a row (its lines joined by LF).
 * In a file without a blank line between text, as lists of sentences are kept, each line is a row.
 */
export async function* readTextRows(
  file: string,
  progress: Progress = { bytes: 0 },
  mostBytes = Infinity,
): AsyncGenerator<TextRow> {
  const rowsAreLines = !(await hasParagraphs(file, mostBytes));
  let paragraph: Line[] = [];
  let size = 0;
  for await (const line of readLines(file, progress)) {
    const isBlank = line.text.trim() === '' && !line.isTooLong;
    if ((isBlank || rowsAreLines) && paragraph.length > 0) {
      yield rowOf(paragraph, size);
      [paragraph, size] = [[], 0];
    }
    if (isBlank) continue;
    size += line.text.length;
    // Of one that is too long, no more than where it begins.
    if (size <= LONGEST_LINE || paragraph.length === 0) paragraph.push(line);
  }
  if (paragraph.length > 0) yield rowOf(paragraph, size);
}

/** Whether there is a blank line between text, as far as it is looked for. */
async function hasParagraphs(file: string, mostBytes: number): Promise<boolean> {
  const progress = { bytes: 0 };
  let [text, blank] = [false, false];
  for await (const line of readLines(file, progress)) {
    if (progress.bytes > mostBytes) break;
    const isBlank = line.text.trim() === '' && !line.isTooLong;
    if (!isBlank && blank) return true;
    text ||= !isBlank;
    blank = isBlank && text;
  }
  return false;
}

function rowOf(lines: readonly Line[], size: number): TextRow {
  const isTooLong = size > LONGEST_LINE || lines.some((line) => line.isTooLong);
  return {
    line: lines[0]!.line,
    text: isTooLong ? '' : lines.map(({ text }) => text.replace(/\r?\n$/, '')).join('\n'),
    damaged: lines.some(({ damaged }) => damaged),
    isTooLong,
  };
}
