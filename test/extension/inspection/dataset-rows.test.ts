/** @file Rows in documents: the same rows as the runner reads, and the place of each character. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { datasetRows } from '../../../src/extension/inspection/rows/dataset-rows';
import { jsonRow } from '../../../src/extension/inspection/rows/row-fields';
import type { Lines } from '../../../src/extension/inspection/rows/row';
import { readDataset } from '../../../src/dataset/dataset';

const linesOf = (text: string): Lines => {
  const lines = text.split(/\r?\n/);
  return { lineCount: lines.length, lineAt: (line) => lines[line]! };
};

const samples: Record<string, string> = {
  'a.jsonl': [
    '{"text": "plain", "label": "ham"}',
    '',
    String.raw`{"label": "spam", "text": "a \"quoted\" tab\t, \u00fc and \ud83d\ude00 end"}`,
    '{"text": "not closed',
    '{"label": true, "text": "ends here"}',
  ].join('\n'),
  'a.csv': [
    'label,text',
    'ham,plain text',
    'spam,"two',
    'lines, and ""quotes"""',
    '',
    'ham,5" disk is not quoted',
    'ham,"last"',
  ].join('\n'),
  'crlf.csv': 'label,text\r\nham,"two\r\nlines"\r\nspam,x\r\n',
  'a.tsv': 'label\ttext\nham\t"quotes" mean nothing\nspam\tb, c\n',
  'paragraphs.txt': '\n\nCall me Ishmael.\nSome years ago\n\n\nnever mind how long\n',
  'lines.txt': 'one\ntwo\nthree\n\n',
};

describe('rows of a document', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'rows-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each(Object.keys(samples))('of %s are those that the runner reads', async (name) => {
    const file = path.join(folder, name);
    await writeFile(file, samples[name]!);
    const columns = name.endsWith('.txt') ? {} : { text: 'text', label: 'label' };
    const { rows: expected } = await readDataset([file], columns);
    const lines = linesOf(samples[name]!);
    const rows = await datasetRows(name, lines).between(0, lines.lineCount - 1);
    const found = rows.map(({ firstLine, fields }) => ({
      line: firstLine + 1,
      text: fields.get('text')!.value,
      ...(fields.has('label') && { label: fields.get('label')!.value }),
    }));
    expect(found).toEqual(expected.map(({ file: _file, ...row }) => row));
  });

  it.each(Object.keys(samples))('of %s have each character where the document has it', async (name) => {
    const lines = linesOf(samples[name]!);
    for (const row of await datasetRows(name, lines).between(0, lines.lineCount - 1)) {
      const source = Array.from({ length: row.lastLine - row.firstLine + 1 }, (_, i) =>
        lines.lineAt(row.firstLine + i),
      );
      const text = source.join('\n');
      const field = row.fields.get('text')!;
      for (let i = 0; i < field.value.length; i++) {
        const shown = text[field.offsetAt(i)]!;
        // An escape begins where its character stands.
        if (shown !== '\\') expect(shown).toBe(field.value[i]);
      }
      expect(field.offsetAt(field.value.length)).toBeGreaterThan(field.offsetAt(field.value.length - 1));
    }
  });

  it.each(Object.keys(samples))('of %s are the same from any line on', async (name) => {
    const lines = linesOf(samples[name]!);
    const all = await datasetRows(name, lines).between(0, lines.lineCount - 1);
    for (let line = 0; line < lines.lineCount; line++) {
      const found = await datasetRows(name, lines).between(line, line);
      const expected = all.filter(({ firstLine, lastLine }) => firstLine <= line && line <= lastLine);
      expect(found.map(({ firstLine, lastLine }) => [firstLine, lastLine])).toEqual(
        expected.map(({ firstLine, lastLine }) => [firstLine, lastLine]),
      );
    }
  });

  it('of objects have their fields by dotted names too, each character where the document has it', async () => {
    const line = '{"id": 1, "review": {"text": "a \\"b\\"", "meta": {"label": "ham"}}}';
    const [row] = await datasetRows('a.jsonl', linesOf(line)).between(0, 0);
    expect(row!.fields.get('review.text')!.value).toBe('a "b"');
    expect(line.slice(row!.fields.get('review.meta.label')!.offsetAt(0)).startsWith('ham"')).toBe(true);
  });
});

it('has the place of each word of a list, whatever escapes it is written with', () => {
  const line = String.raw`{"tokens": ["EU", "\u00fcber", "a\"b"], "n": [1, 2]}`;
  const { fields } = jsonRow(line, 0)!;
  const words = fields.get('tokens')!.words!;
  const { value, data } = words;
  expect(value).toBe('EU über a"b');
  expect(data).toEqual(['EU', 'über', 'a"b']);
  const written = (word: string): string => {
    const start = value.indexOf(word);
    return line.slice(words.offsetAt(start), words.offsetAt(start + word.length));
  };
  expect(['EU', 'über', 'a"b'].map(written)).toEqual(['EU', String.raw`\u00fcber`, String.raw`a\"b`]);
  expect(fields.get('n')!.words).toBeUndefined();
});
