/** @file Plain text: paragraphs, or lines where the text has no paragraphs. */

import { readLines, type Line } from './lines';

export interface TextRow {
  /** Line the row starts on, from 1. */
  line: number;
  text: string;
  damaged: boolean;
}

/**
 * Where blank lines separate paragraphs, as in a book with hard line breaks, each paragraph is a row (its lines joined by LF).
 * In a file without a blank line between text, as lists of sentences are kept, each line is a row.
 */
export async function* readTextRows(file: string): AsyncGenerator<TextRow> {
  let paragraph: Line[] = [];
  let separated = false;
  let blank = false;
  for await (const line of readLines(file)) {
    if (line.text.trim() === '') {
      blank = paragraph.length > 0;
      continue;
    }
    if (blank) {
      separated = true;
      blank = false;
      yield rowOf(paragraph);
      paragraph = [];
    }
    paragraph.push(line);
  }
  if (paragraph.length === 0) return;
  if (separated) yield rowOf(paragraph);
  else for (const line of paragraph) yield rowOf([line]);
}

function rowOf(lines: readonly Line[]): TextRow {
  return {
    line: lines[0]!.line,
    text: lines.map(({ text }) => text.replace(/\r?\n$/, '')).join('\n'),
    damaged: lines.some(({ damaged }) => damaged),
  };
}
