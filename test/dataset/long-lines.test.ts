/** @file Lines that no string can hold: a sentence, in little memory, and the rows beside them. */

import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readDataset, type Columns } from '../../src/dataset/dataset';
import { LONGEST_LINE } from '../../src/dataset/lines';
import { torture } from '../torture';

let folder: string;
beforeAll(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-long-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** More than a string of Node's can have, in full; a line is left out from far less on. */
const LONG = torture ? 600 * 2 ** 20 : LONGEST_LINE + 2 ** 20;

/** A file with a hole of `LONG` zero bytes between two texts. */
function fileWithHole(name: string, before: string, after: string): string {
  const file = path.join(folder, name);
  const handle = openSync(file, 'w');
  writeSync(handle, before);
  ftruncateSync(handle, before.length + LONG);
  writeSync(handle, after, before.length + LONG);
  closeSync(handle);
  return file;
}

const jsonRow = '{"text":"a row"}\n';
const cases: [name: string, before: string, after: string, columns: Columns, rows: number][] = [
  ['long.jsonl', `${jsonRow}{"text":"`, `"}\n${jsonRow}`, { text: 'text' }, 2],
  ['unended.jsonl', `${jsonRow}{"text":"`, '', { text: 'text' }, 1],
  ['long.csv', 'text\na row\n', '\na row\n', { text: 'text' }, 2],
  ['quoted.csv', 'text\na row\n"not closed\n', '\na row\n', { text: 'text' }, 1],
  ['within.csv', 'text\na row\n"not\n', '\nread"\na row\n', { text: 'text' }, 2],
  ['long.tsv', 'text\na row\n', '\na row\n', { text: 'text' }, 2],
  ['long.txt', 'a row\n', '\na row\n', {}, 2],
];

it.each(cases)('leaves one out of %s, says where, and reads the others', async (name, before, after, columns, rows) => {
  const held = process.memoryUsage.rss();
  const read = await readDataset([fileWithHole(name, before, after)], columns);
  expect(read.rows.map(({ text }) => text)).toEqual(Array.from({ length: rows }, () => 'a row'));
  const said = read.problems.map(({ code, line }) => [code, line]);
  expect(said[0]).toEqual(['row-too-long', name.startsWith('quoted') ? 4 : before.split('\n').length]);
  if (torture) expect(process.memoryUsage.rss() - held).toBeLessThan(200 * 2 ** 20);
});
