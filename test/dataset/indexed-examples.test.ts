/** @file Rows of large files are found by an index and read when their batch comes: the same rows, in the same batches, as where all are read before. */

import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bucketsOf, collate } from '../../src/dataset/batches';
import { forEachRow, type Columns, type Row } from '../../src/dataset/dataset';
import { rowEncoder } from '../../src/dataset/examples';
import { ExampleMaker, IndexedExamples, RowReader } from '../../src/dataset/indexed-examples';
import { indexBytes, indexFrom, indexHeader, indexRows, NotIndexable } from '../../src/dataset/row-index';
import { summarizeIndexes, summarizeSplit } from '../../src/dataset/split-summary';
import { batchOfEachLength, epochBatches, type EpochOptions } from '../../src/distill/training/epochs';
import { randomStream } from '../../src/engine/random';
import { fingerprint } from '../../src/experiment/input-files';
import type * as LargeRows from '../../src/experiment/large-rows';
import { large, rowIndexOf } from '../../src/experiment/large-rows';
import { loadExperiment } from '../../src/experiment/resolve';
import type { Problem } from '../../src/protocol/problem';
import { loadData, type RunData } from '../../src/runner/run/data';
import { Tokenizer } from '../../src/tokenizer/tokenizer';

const usual = { ...large };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-large-'));
});
afterEach(() => {
  Object.assign(large, usual);
  rmSync(folder, { recursive: true });
});

const columns: Columns = { text: 'text', label: 'label' };

function write(name: string, content: string | Buffer): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** With all that a JSONL file may have between its rows. */
const odd = [
  '\ufeff{"text": "the first", "label": "b"}\r\n',
  '\n',
  '{"text": "naïve 我爱", "label": "a"}\n',
  '{"text": \n',
  '{"label": "a"}\n',
  '   \n',
  '{"text": "no label", "label": ""}\n',
  ...Array.from(
    { length: 150 },
    (_, i) => `${JSON.stringify({ text: `row ${'x'.repeat(i % 7)} ${i}`, label: 'b' })}\n`,
  ),
  '[1]\n',
  '{"text": "the last", "label": "c"}',
].join('');

/** The same of CSV. */
const oddCsv = [
  '\ufefftext,label\r\n',
  '\r\n',
  '"the first, with ""quotes""",b\r\n',
  '"two\r\nlines\n\nand a blank one",a\n',
  'too,many,fields\n',
  'naïve 我爱,a\n',
  'few\n',
  '   \n',
  'a carriage return\rwithin,b\n',
  'no label,\n',
  ...Array.from({ length: 150 }, (_, i) => `"row ${'x'.repeat(i % 7)}${i % 5 === 0 ? '\n' : ' '}${i}",b\n`),
  '\n\n',
  '"the last",c',
].join('');

/** And of TSV, where quotes mean nothing and a field may be empty. */
const oddTsv = ['text\tlabel\n', '"open\tb\n', '\tb\r\n', '\n', 'x\ty\tz\n', 'a\rb\ta\n', 'the last\tc\r\n'].join('');

async function allRows(files: string[], of = columns): Promise<{ rows: Row[]; problems: Problem[] }> {
  const rows: Row[] = [];
  const problems = await forEachRow(files, of, (row) => rows.push(row));
  return { rows, problems };
}

describe('an index of rows', () => {
  it('finds every row of its files, with its line, and says what is wrong with the others', async () => {
    const damaged = Buffer.concat([
      Buffer.from('{"text": "bad '),
      Buffer.from([0xff]),
      Buffer.from('", "label": "a"}\n'),
    ]);
    const damagedCsv = Buffer.concat([
      Buffer.from('text,label\nbad '),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(',a\nx,b\n'),
    ]);
    const files = [
      ...[write('a.jsonl', odd), write('b.jsonl', damaged), write('c.jsonl', '\n')],
      ...[write('a.csv', oddCsv), write('b.tsv', oddTsv), write('c.csv', damagedCsv), write('d.csv', 'text,label\n')],
      // More lines than are held, in more than one piece.
      write('e.csv', `${oddCsv}\n${Array.from({ length: 5000 }, (_, i) => `"row\r\n${i}",b\r\n`).join('')}`),
    ];
    const expected = await allRows(files);
    const indexed = await Promise.all(files.map(async (file) => ({ index: await indexRows(file, columns), columns })));
    const reader = new RowReader(indexed);
    expect(reader.length).toBe(expected.rows.length);
    // Not in their order.
    const numbers = expected.rows.map((_, i) => (i * 61) % expected.rows.length);
    expect(numbers.map((number) => reader.rowAt(number))).toEqual(numbers.map((number) => expected.rows[number]));
    expect(indexed.flatMap(({ index }) => index.problems)).toEqual(expected.problems);
    reader.close();
    const summary = await summarizeSplit(files, columns);
    expect(
      summarizeIndexes(
        indexed.map(({ index }) => index),
        columns,
      ),
    ).toEqual({ ...summary, part: undefined });
  });

  it('is none of a file whose lines end as those of old Macs', async () => {
    await expect(indexRows(write('a.csv', 'text,label\ra,b\rc,d\r'), columns)).rejects.toThrow(NotIndexable);
    await expect(indexRows(write('b.csv', 'text,label\ra,b'), columns)).rejects.toThrow(NotIndexable);
  });

  it.each([
    ['several labels', { ...columns, labels: 'multiple' as const }, [['b', 'a'], ['a'], [], ['b', 'a'], null]],
    ['numbers', { ...columns, labels: 'regression' as const }, [3.5, -1, null, 2]],
  ])('sums %s up as the rows do', async (_, of, labels) => {
    const file = write('rows.jsonl', labels.map((label) => `${JSON.stringify({ text: 'x', label })}\n`).join(''));
    expect(summarizeIndexes([await indexRows(file, of)], of)).toEqual(await summarizeSplit([file], of));
  });

  it('tells many labels apart', async () => {
    const rows = Array.from({ length: 900 }, (_, i) => ({ text: 'x', label: `class ${(i * 7) % 300}` }));
    const file = write('rows.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const index = await indexRows(file, columns);
    expect(Array.from(index.classes, (one) => index.labels[one - 1])).toEqual(rows.map(({ label }) => [label]));
    expect(indexFrom(Buffer.concat([...indexBytes(index, '')]), file, '')).toEqual(index);
  });

  it('says where files have no rows', async () => {
    const index = await indexRows(write('a.jsonl', '\n{\n'), columns);
    expect(() => summarizeIndexes([index], columns)).toThrow(/no rows/);
  });

  it.each([
    ['a.jsonl', odd],
    ['a.csv', oddCsv],
  ])(
    'is kept as bytes, which count for nothing where they are damaged or of something else: %s',
    async (name, text) => {
      const file = write(name, text);
      const index = await indexRows(file, columns);
      const bytes = Buffer.concat([...indexBytes(index, 'then')]);
      expect(indexFrom(bytes, file, 'then')).toEqual(index);
      expect(indexFrom(bytes, file, 'now')).toBeUndefined();
      for (const at of [0, 7, bytes.length >> 1, bytes.length - 1]) {
        const flipped = Buffer.from(bytes);
        flipped[at]! ^= 1;
        expect(indexFrom(flipped, file, 'then')).toBeUndefined();
      }
      for (const header of ['', 'null', '{', '[]']) {
        const body = Buffer.concat([Buffer.from(Uint32Array.of(header.length, 0).buffer), Buffer.from(header)]);
        const whole = Buffer.concat([body, createHash('sha256').update(body).digest()]);
        expect(indexFrom(whole, file, 'then')).toBeUndefined();
      }
      for (const length of [0, 3, 40, bytes.length - 1]) {
        expect(indexFrom(bytes.subarray(0, length), file, 'then')).toBeUndefined();
      }
    },
  );

  it('is refused where its file is another', async () => {
    const file = write('a.jsonl', odd);
    const index = await indexRows(file, columns);
    const reader = new RowReader([{ index, columns }]);
    appendFileSync(file, '{"text": "more", "label": "a"}\n');
    expect(() => reader.rowAt(0)).toThrow(/changed/);
    expect(() => new RowReader([{ index, columns }])).toThrow(/changed/);
    reader.close();
  });
});

describe('where the index is kept', () => {
  const kept = (): string[] => {
    const place = path.join(folder, '.distillery/cache/rows');
    return existsSync(place) ? readdirSync(place).map((name) => path.join(place, name)) : [];
  };
  /** As another process has it, which knows nothing of what was read. */
  const another = async () => {
    const address = '../../src/experiment/large-rows?another';
    return (await import(address)) as typeof LargeRows;
  };

  it('another run of the same file does not read it, and one of a changed file does', async () => {
    const file = write('a.jsonl', odd);
    large.settledMs = -1;
    const index = await rowIndexOf(file, columns, { folder, keep: false });
    expect(kept()).toEqual([]);
    expect(await rowIndexOf(file, columns, { folder, keep: true })).toBe(index);
    const [place] = kept();
    // One that can be told from what the file has.
    const bytes = readFileSync(place!);
    const { made } = indexHeader(bytes)!;
    writeFileSync(place!, Buffer.concat([...indexBytes({ ...index, sha256: 'taken from here' }, made)]));
    const later = await another();
    expect((await later.rowIndexOf(file, columns, { folder, keep: true })).sha256).toBe('taken from here');
    expect(await later.knownDigest(file)).toMatchObject({ sha256: 'taken from here' });
    appendFileSync(file, '\n');
    expect(await later.knownDigest(file)).toBeUndefined();
    const { sha256 } = await later.rowIndexOf(file, columns, { folder, keep: true });
    expect(await fingerprint(file)).toMatchObject({ sha256 });
  });

  it('there are sixteen at most, and nothing that a killed process has left', async () => {
    large.settledMs = -1;
    const place = path.join(folder, '.distillery/cache/rows');
    mkdirSync(place, { recursive: true });
    const [left, writing] = ['a', 'b'].map((name) => path.join(place, `${name.repeat(32)}.1-1.partial`));
    for (const one of [left!, writing!]) writeFileSync(one, 'x');
    utimesSync(left!, 1, 1);
    for (let i = 0; i < 18; i++) await rowIndexOf(write(`${i}.jsonl`, odd), columns, { folder, keep: true });
    expect(kept().filter((one) => !one.endsWith('.partial'))).toHaveLength(16);
    expect([left, writing].map((one) => existsSync(one!))).toEqual([false, true]);
  });

  it('a file that was just changed is read again by the next run', async () => {
    await rowIndexOf(write('a.jsonl', odd), columns, { folder, keep: true });
    expect(kept()).toEqual([]);
  });

  it('is no link', async () => {
    large.settledMs = -1;
    mkdirSync(path.join(folder, '.distillery/cache'), { recursive: true });
    mkdirSync(path.join(folder, 'elsewhere'));
    symlinkSync(path.join(folder, 'elsewhere'), path.join(folder, '.distillery/cache/rows'));
    await expect(rowIndexOf(write('a.jsonl', odd), columns, { folder, keep: true })).rejects.toThrow(/link/);
    expect(readdirSync(path.join(folder, 'elsewhere'))).toEqual([]);
  });
});

describe('a large dataset', () => {
  const words = ['sea', 'sail', 'the', 'boat', 'harbour', 'wind', 'a', 'of'];
  const rowsOf = (count: number, seed: number, label: (row: number) => unknown): string => {
    const random = randomStream(seed);
    return Array.from({ length: count }, (_, row) => {
      const text = Array.from({ length: 1 + Math.floor(random() * 30) }, () => words[Math.floor(random() * 8)]).join(
        ' ',
      );
      return `${JSON.stringify({ text, label: label(row) })}\n`;
    }).join('');
  };
  const architecture = { family: 'bert', hiddenSize: 8, layers: 1, heads: 2 };

  async function load(settings: object, task = 'text-classification'): Promise<RunData & { problemsSeen: Problem[] }> {
    const file = write(
      'a.distill.json',
      JSON.stringify({
        task,
        tokenizer: { source: 'train', kind: task === 'causal-lm' ? 'bpe' : 'wordpiece', vocabularySize: 400 },
        teacher: {
          source: 'train',
          architecture: { ...architecture, ...(task === 'causal-lm' && { family: 'gpt2' }) },
        },
        student: { architecture: { ...architecture, ...(task === 'causal-lm' && { family: 'gpt2' }) } },
        ...settings,
      }),
    );
    const { experiment } = await loadExperiment(file);
    const problemsSeen: Problem[] = [];
    const onProblem = (problem: Problem): number => problemsSeen.push(problem);
    return { ...(await loadData(experiment, { folder, isStopping: () => false, onProblem }))!, problemsSeen };
  }

  const everyBatch = (data: RunData, task: EpochOptions['task'], groupByLength: EpochOptions['groupByLength']) => {
    const options: EpochOptions = {
      ...{ task, tokenizer: data.tokenizer, batchSize: 8, maxLength: 32, epochs: 2, gradientAccumulation: 1, seed: 3 },
      groupByLength,
    };
    return [data.train, data.labelled].map((examples) => {
      const source = epochBatches(examples, options);
      return Array.from({ length: source.steps }, (_, step) => source.batchesOf(step));
    });
  };

  /** As CSV or TSV; of CSV some texts have lines. */
  const asTable = (rows: string, delimiter: ',' | '\t'): string => {
    const field = (text: string, row: number): string =>
      delimiter === '\t' ? text : `"${row % 5 === 0 ? text.replace(' ', '\r\n') : text}"`;
    const lines = rows
      .trim()
      .split('\n')
      .map((line, row) => {
        const { text, label } = JSON.parse(line) as { text: string; label: string | null };
        return `${field(text, row)}${delimiter}${label ?? ''}\n`;
      });
    return lines.join('');
  };

  it.each([
    ['text-classification', 'rows.jsonl', 900, { trainRows: 700, unlabelled: 'more.jsonl' }],
    ['causal-lm', 'rows.jsonl', 900, {}],
    ['text-classification', 'rows.*', 130, { trainRows: 500, unlabelled: 'more.csv' }],
    ['causal-lm', ['more.csv', 'rows.csv'], 130, {}],
  ] as const)(
    'has the batches that it would have if all of it were read before: %s, %s',
    async (task, train, count, more) => {
      const rows = rowsOf(count, 1, (row) => (row % 11 === 0 ? null : 'abc'[row % 3]));
      const unlabelled = rowsOf(120, 2, () => 'ignored');
      write('rows.csv', `${oddCsv}\n${asTable(rows, ',')}`);
      write('rows.tsv', `text\tlabel\n${asTable(rows, '\t')}`);
      write('more.csv', `text,label\n${asTable(unlabelled, ',')}`);
      write('rows.jsonl', `${odd}\n${rows}`);
      write('more.jsonl', unlabelled);
      const settings = { dataset: { train, validation: 0.1, maxLength: 32, ...more } };
      const before = await load(settings, task);
      large.bytes = 0;
      const later = await load(settings, task);
      expect(later.train).toBeInstanceOf(IndexedExamples);
      expect(later.tokenizer.contentHash).toBe(before.tokenizer.contentHash);
      expect([later.labels, later.leftOut, later.train.length]).toEqual([
        before.labels,
        before.leftOut,
        before.train.length,
      ]);
      expect(later.problems).toEqual(before.problems);
      const held = (data: RunData): unknown[] =>
        Array.from({ length: data.validation.length }, (_, i) => [data.validation.at(i), data.validation.rowAt(i)]);
      expect(held(later)).toEqual(held(before));
      for (const groupByLength of ['auto', false] as const) {
        expect(everyBatch(later, task, groupByLength)).toEqual(everyBatch(before, task, groupByLength));
      }
      before.close();
      later.close();
    },
  );

  it('is read before where a file of it has no lines to be found by', async () => {
    write('rows.csv', `text,label\r${Array.from({ length: 60 }, (_, i) => `row ${i},${'ab'[i % 2]}\r`).join('')}`);
    large.bytes = 0;
    const data = await load({ dataset: { train: 'rows.csv', validation: 0.1, maxLength: 32 } });
    expect(data.train).not.toBeInstanceOf(IndexedExamples);
    expect(data.train.length).toBe(54);
    data.close();
  });

  it('leaves out rows whose class the teacher does not know, and says so', async () => {
    write(
      'rows.jsonl',
      rowsOf(60, 1, (row) => 'ab'[row % 2]),
    );
    large.bytes = 0;
    const settings = { dataset: { train: 'rows.jsonl', validation: 0.1, maxLength: 32 } };
    const { experiment } = await loadExperiment(
      write(
        'a.distill.json',
        JSON.stringify({
          task: 'text-classification',
          tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 300 },
          teacher: { source: 'train', architecture },
          student: { architecture },
          ...settings,
        }),
      ),
    );
    const options = { folder, isStopping: () => false, onProblem: () => undefined, teacherLabels: ['a', 'c'] };
    const data = (await loadData(experiment, options))!;
    expect(data.train.length).toBeLessThan(35);
    expect(new Set(Array.from({ length: data.train.length }, (_, i) => data.train.at(i)!.labels))).toEqual(
      new Set([0]),
    );
    expect(data.problems.every(({ code }) => code === 'label-unknown')).toBe(true);
    data.close();
  });
});

describe('examples that are read when they are asked for', () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await Tokenizer.load(path.join(import.meta.dirname, '../golden/data/tokenizers/bert-uncased'));
  });
  const problems: Problem[] = [];
  let reader: RowReader;
  const examplesOf = async (texts: string[]): Promise<IndexedExamples> => {
    const file = write('rows.jsonl', texts.map((text) => `${JSON.stringify({ text, label: 'a' })}\n`).join(''));
    reader = new RowReader([{ index: await indexRows(file, columns), columns }]);
    const encode = rowEncoder(tokenizer, { task: 'text-classification', maxLength: 64, labelNames: ['a'] });
    const onProblem = (problem: Problem): number => problems.push(problem);
    const maker = new ExampleMaker({ reader, encode, noLabels: () => -100, onProblem });
    return new IndexedExamples(maker, Uint32Array.from(texts.keys()));
  };
  afterAll(() => reader.close());

  it('are fillers of a batch where a row has nothing to learn, which is told once', async () => {
    const examples = await examplesOf(['the model', '\u0007', 'learns']);
    const planned = { length: 8, indices: [0, 1, 2] };
    const options = { task: 'text-classification' as const, batchSize: 4, padId: 0 };
    for (let i = 0; i < 2; i++) {
      const { indices, labels, attentionMask } = collate(examples, planned, options);
      expect([...indices]).toEqual([0, -1, 2, -1]);
      expect([...labels]).toEqual([0, -100, 0, -100]);
      expect([...attentionMask.subarray(8, 16)]).toEqual(Array<number>(8).fill(0));
    }
    expect(problems).toMatchObject([{ code: 'text-empty', line: 2 }]);
  });

  it('have room for the longest that there can be, though a sample has none of them', async () => {
    // The sample has rows 0, 2, 4 …
    const texts = Array.from({ length: 8192 }, (_, i) => (i === 4001 ? 'the '.repeat(100) : 'the model'));
    const examples = await examplesOf(texts);
    const options: EpochOptions = {
      ...{ task: 'text-classification' as const, tokenizer, batchSize: 32, maxLength: 64, epochs: 1 },
      ...{ gradientAccumulation: 1, groupByLength: 'auto', seed: 1 },
    };
    expect(bucketsOf(examples, 64)).toEqual([8, 64]);
    expect(batchOfEachLength(examples, options).map(({ length, rows }) => [length, rows])).toEqual([
      [64, 32],
      [8, 32],
    ]);
    const source = epochBatches(examples, options);
    const seen = Array.from({ length: source.steps }, (_, step) => source.batchesOf(step)).flat();
    expect(seen.flatMap(({ indices }) => [...indices]).sort((a, b) => a - b)).toEqual([...texts.keys()]);
    expect(seen.filter(({ length }) => length === 64)).toHaveLength(1);
  });
});
