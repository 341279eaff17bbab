/** @file Datasets as people have them: good rows are read with their place, bad ones are reported with theirs. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/protocol/problem';
import { readDataset, type Columns } from '../../src/dataset/dataset';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'distillery-dataset-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(name: string, content: string | Buffer, columns: Columns = {}) {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return readDataset([file], columns);
}

async function refusal(work: Promise<unknown>): Promise<InputError> {
  const error = await work.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(InputError);
  return error as InputError;
}

const textsOf = ({ rows }: Awaited<ReturnType<typeof read>>) => rows.map(({ text }) => text);
const linesOf = ({ rows }: Awaited<ReturnType<typeof read>>) => rows.map(({ line }) => line);

describe('JSONL', () => {
  it('reads the named columns, with labels as text and the line of each row', async () => {
    const content = '{"text":"a","label":1}\n\n{"text":"b","label":true,"more":[]}\r\n{"label":"x","text":""}';
    const dataset = await read('rows.jsonl', content, { label: 'label' });
    expect(dataset.rows.map(({ text, label, line }) => ({ text, label, line }))).toEqual([
      { text: 'a', label: '1', line: 1 },
      { text: 'b', label: 'true', line: 3 },
      { text: '', label: 'x', line: 4 },
    ]);
    expect(dataset.problems).toEqual([]);
  });

  it('reads prompts with completions, and pairs', async () => {
    const prompts = await read('prompts.jsonl', '{"p":"2+2=","c":"4"}', { prompt: 'p', completion: 'c' });
    expect(prompts.rows[0]).toMatchObject({ prompt: '2+2=', text: '4' });
    const pairs = await read('pairs.jsonl', '{"premise":"a","hypothesis":"b"}', {
      text: 'premise',
      pair: 'hypothesis',
    });
    expect(pairs.rows[0]).toMatchObject({ text: 'a', pair: 'b' });
  });

  it('reports each row that is malformed, and reads the others', async () => {
    const content = [
      '{"text":"good"}',
      '{"text":"cut o',
      '["text"]',
      '{"text":7}',
      '{"text":null}',
      '{"other":"x"}',
      '{"text":{"deep":1}}',
      '['.repeat(100_000),
      '{"text":"good too"}',
    ].join('\n');
    const dataset = await read('broken.jsonl', content);
    expect(textsOf(dataset)).toEqual(['good', 'good too']);
    expect(dataset.problems.map(({ line, severity }) => [line, severity])).toEqual(
      [2, 3, 4, 5, 6, 7, 8].map((line) => [line, 'warning']),
    );
    expect(dataset.problems.every(({ file }) => file.endsWith('broken.jsonl'))).toBe(true);
  });

  it('reports a wrong label and leaves its row out', async () => {
    const dataset = await read('labels.jsonl', '{"text":"a","label":[1]}\n{"text":"b","label":"x"}', {
      label: 'label',
    });
    expect(textsOf(dataset)).toEqual(['b']);
    expect(dataset.problems.map(({ message }) => message)).toEqual([
      '"label" is a list in this row, where one class is expected.',
    ]);
  });

  it('reads a row whose label is missing, null or blank as one without a label', async () => {
    const rows = ['{"text":"a"}', '{"text":"b","label":null}', '{"text":"c","label":" "}', '{"text":"d","label":0}'];
    const dataset = await read('unlabelled.jsonl', rows.join('\n'), { label: 'label' });
    expect(dataset.rows.map(({ text, label }) => [text, label])).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['c', undefined],
      ['d', '0'],
    ]);
    expect(dataset.problems).toEqual([]);
  });

  it('keeps emoji, NUL, lone surrogates and unusual line separators within a text', async () => {
    const texts = ['👩‍💻', 'a\0b', '\ud83d', 'one\u2028two'];
    const dataset = await read('odd.jsonl', texts.map((text) => JSON.stringify({ text })).join('\n'));
    expect(textsOf(dataset)).toEqual(texts);
  });

  it('reads a line of 10 MB among others', async () => {
    const long = 'word '.repeat(2_000_000);
    const dataset = await read('long.jsonl', `{"text":"a"}\n${JSON.stringify({ text: long })}\n{"text":"b"}`);
    expect(textsOf(dataset)).toEqual(['a', long, 'b']);
    expect(linesOf(dataset)).toEqual([1, 2, 3]);
  });

  it('passes over a byte order mark', async () => {
    expect(textsOf(await read('bom.jsonl', '\ufeff{"text":"a"}\n'))).toEqual(['a']);
  });

  it('reports bytes that are not UTF-8 and reads the row', async () => {
    const dataset = await read('latin1.jsonl', Buffer.from('{"text":"ok"}\n{"text":"caf\xe9"}\n', 'latin1'));
    expect(textsOf(dataset)).toEqual(['ok', 'caf\ufffd']);
    expect(dataset.problems).toMatchObject([{ line: 2, remedy: 'Save the file as UTF-8.' }]);
  });

  it('reports a hundred bad rows of a file, then only their number', async () => {
    const dataset = await read('many.jsonl', '{"text":"good"}\n' + 'bad\n'.repeat(1000));
    expect(dataset.problems).toHaveLength(101);
    expect(dataset.problems[100]!.message).toContain('900 more rows');
  });
});

describe('CSV and TSV', () => {
  it('reads quoted fields with commas, quotes and line ends, and gives the line each row starts on', async () => {
    const content = 'label,text\r\nham,"one, two"\r\nspam,"said ""hi""\r\nand left"\r\n\r\nham,plain\r\n';
    const dataset = await read('quoted.csv', content, { label: 'label' });
    expect(textsOf(dataset)).toEqual(['one, two', 'said "hi"\nand left', 'plain']);
    expect(linesOf(dataset)).toEqual([2, 3, 6]);
  });

  it('reports rows with too many or too few fields and reads on', async () => {
    const dataset = await read('fields.csv', 'text,label\na,1\nb\nc,2,3\nd,4\n', { label: 'label' });
    expect(textsOf(dataset)).toEqual(['a', 'd']);
    expect(dataset.problems.map(({ line }) => line)).toEqual([3, 4]);
  });

  it('takes a quote within a field as it stands', async () => {
    const dataset = await read('stray.csv', 'text,label\na,1\nb"c"d,2\n"e" f,3\ng,4\n', { label: 'label' });
    expect(textsOf(dataset)).toEqual(['a', 'b"c"d', '"e" f', 'g']);
    expect(dataset.problems).toEqual([]);
  });

  it('reports a quote that is never closed where its row starts', async () => {
    const dataset = await read('open.csv', 'text\nfine\n"never closed\nmore\n');
    expect(textsOf(dataset)).toEqual(['fine']);
    expect(dataset.problems).toMatchObject([{ line: 3 }]);
    expect(dataset.problems[0]!.message).toContain('not closed');
  });

  it('counts no line for a carriage return within a row', async () => {
    const dataset = await read('returns.csv', 'text\na\rb\n"c\rd\r\ne"\nf\n');
    expect(textsOf(dataset)).toEqual(['a\rb', 'c\rd\ne', 'f']);
    expect(linesOf(dataset)).toEqual([2, 3, 5]);
  });

  it('takes quotes in TSV as they stand', async () => {
    const dataset = await read('tabs.tsv', 'text\tlabel\nsay "hi\t1\n"quoted"\t2\n', { label: 'label' });
    expect(textsOf(dataset)).toEqual(['say "hi', '"quoted"']);
    expect(linesOf(dataset)).toEqual([2, 3]);
  });

  it('passes over a byte order mark and copes with NUL and emoji', async () => {
    expect(textsOf(await read('bom.csv', '\ufefftext\na\0b\n😀\n'))).toEqual(['a\0b', '😀']);
  });

  it('reads a field of 10 MB', async () => {
    const long = 'word '.repeat(2_000_000) + 'end';
    expect(textsOf(await read('long.csv', `text\na\n${long}\n`))).toEqual(['a', long]);
  });
});

describe('plain text', () => {
  it('takes paragraphs as rows where blank lines separate them', async () => {
    const dataset = await read('book.txt', '\n\nCall me\r\nIshmael.\r\n  \r\n\r\nSome years ago\n');
    expect(textsOf(dataset)).toEqual(['Call me\nIshmael.', 'Some years ago']);
    expect(linesOf(dataset)).toEqual([3, 7]);
  });

  it('takes lines as rows where nothing separates paragraphs', async () => {
    const dataset = await read('list.txt', '\ufeffone\ntwo\r\nthree\n\n');
    expect(textsOf(dataset)).toEqual(['one', 'two', 'three']);
    expect(linesOf(dataset)).toEqual([1, 2, 3]);
  });

  it('has no columns for labels', async () => {
    const error = await refusal(read('labelled.txt', 'a\n', { label: 'label' }));
    expect(error.message).toContain('has no columns');
  });
});

describe('what cannot be read at all', () => {
  it.each([
    ['a missing file', 'missing.jsonl', null, 'does not exist'],
    ['an unknown kind', 'rows.docx', 'x', 'does not read .docx'],
    ['a column in no row', 'nothing.jsonl', '{"body":"a"}\n', 'No row has a column "text"'],
    ['a column that CSV does not have', 'nothing.csv', 'body\na\n', 'No row has a column "text"'],
    ['an empty file', 'empty.jsonl', '', 'has no rows'],
    ['a CSV with a header only', 'header.csv', 'text,label\n', 'has no rows'],
    ['a text of blank lines', 'blank.txt', '\n \n', 'has no rows'],
    ['UTF-16', 'wide.csv', Buffer.from('\ufefftext\na\n', 'utf16le'), 'UTF-16'],
  ])('%s is an InputError', async (_, name, content, message) => {
    const file = path.join(folder, name);
    if (content !== null) await writeFile(file, content);
    const error = await refusal(readDataset([file], {}));
    expect(error.problems[0].file).toBe(file);
    expect(error.problems[0].message).toContain(message);
  });

  it('a folder is an InputError', async () => {
    const directory = path.join(folder, 'folder.jsonl');
    await mkdir(directory);
    expect((await refusal(readDataset([directory], {}))).problems[0].message).toContain('is a folder');
  });

  it('a file in which every row is malformed is an InputError with the places', async () => {
    const error = await refusal(read('hopeless.jsonl', 'a\nb\n'));
    expect(error.problems.map(({ line, severity }) => [line, severity])).toEqual([
      [1, 'error'],
      [1, 'warning'],
      [2, 'warning'],
    ]);
  });

  it('several files are read in order', async () => {
    const files = ['first.jsonl', 'second.txt'].map((name) => path.join(folder, name));
    await writeFile(files[0]!, '{"text":"a"}');
    await writeFile(files[1]!, 'b\nc');
    const { rows } = await readDataset(files, {});
    expect(rows.map(({ file, text }) => [path.basename(file), text])).toEqual([
      ['first.jsonl', 'a'],
      ['second.txt', 'b'],
      ['second.txt', 'c'],
    ]);
  });
});
