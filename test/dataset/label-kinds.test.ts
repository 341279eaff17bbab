/** @file Labels of which several may apply, and labels that are numbers: from the file to the batch. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collate } from '../../src/dataset/batches';
import { readDataset, type Row } from '../../src/dataset/dataset';
import { ExampleStore, StoredExamples } from '../../src/dataset/example-store';
import { encodeRows } from '../../src/dataset/examples';
import { labelKindIn } from '../../src/dataset/label-kind';
import { summarizeSplit } from '../../src/dataset/split-summary';
import { batchInputs } from '../../src/distill/batch-inputs';
import type { LabelKind } from '../../src/protocol/records';
import { Tokenizer } from '../../src/tokenizer/tokenizer';

const task = 'text-classification';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-labels-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const whole = path.join(folder, name);
  writeFileSync(whole, content);
  return whole;
}

const jsonl = (...labels: unknown[]): string =>
  file('rows.jsonl', labels.map((label, i) => JSON.stringify({ text: `row ${i}`, label })).join('\n'));

const read = (from: string, labels: LabelKind, labelSeparator?: string) =>
  readDataset([from], { text: 'text', label: 'label', labels, ...(labelSeparator && { labelSeparator }) });

const labelsOf = ({ rows }: { rows: readonly Row[] }): unknown[] => rows.map(({ label }) => label);

describe('labels of which several may apply', () => {
  it('are lists of names, of which none may apply, and a row may have no label at all', async () => {
    const found = await read(jsonl(['b', 'a'], [], null, ['a', 'a', 2, true]), 'multiple');
    expect(labelsOf(found)).toEqual([['b', 'a'], [], undefined, ['a', '2', 'true']]);
    expect(found.problems).toEqual([]);
  });

  it('are one text with separators in CSV, where the separator alone says that none applies', async () => {
    const text = 'text,label\none,sad|angry\ntwo,|\nthree,\nfour, glad \n';
    expect(labelsOf(await read(file('rows.csv', text), 'multiple'))).toEqual([
      ['sad', 'angry'],
      [],
      undefined,
      ['glad'],
    ]);
    const other = 'text\tlabel\none\tsad; angry|proud\n';
    expect(labelsOf(await read(file('rows.tsv', other), 'multiple', ';'))).toEqual([['sad', 'angry|proud']]);
  });

  it('are a problem of the row where they are no names', async () => {
    const { rows, problems } = await read(jsonl(['a'], [['a']], { a: 1 }), 'multiple');
    expect(rows).toHaveLength(1);
    expect(problems.map(({ line, code }) => [line, code])).toEqual([
      [2, 'label-not-names'],
      [3, 'label-not-names'],
    ]);
  });

  it('are a problem of the row where one class is expected', async () => {
    const { problems } = await read(jsonl('a', ['a']), 'single');
    expect(problems).toMatchObject([{ line: 2, code: 'label-is-list' }]);
  });

  it('are counted each for itself', async () => {
    const columns = { text: 'text', label: 'label', labels: 'multiple' } as const;
    const summary = await summarizeSplit([jsonl(['b', 'a'], ['b'], [], null)], columns);
    expect(summary).toMatchObject({ rows: 4, unlabelled: 1 });
    expect(summary.labels.map(({ label, line }) => [label, line])).toEqual([
      ['b', 1],
      ['a', 1],
    ]);
  });
});

describe('labels that are numbers', () => {
  it('are numbers or their texts, and anything else is a problem of its row', async () => {
    const { rows, problems } = await read(jsonl(1.5, '-2', null, '', 'high', [1], true, '1e999'), 'regression');
    expect(labelsOf({ rows })).toEqual([1.5, -2, undefined, undefined]);
    expect(problems.map(({ line, code }) => [line, code])).toEqual(
      [5, 6, 7, 8].map((line) => [line, 'label-not-number']),
    );
    const columns = { text: 'text', label: 'label', labels: 'regression' } as const;
    expect(await summarizeSplit([jsonl(3, -1, null)], columns)).toMatchObject({ range: [-1, 3], labels: [] });
  });
});

describe('what labels are', () => {
  const cases: [LabelKind, string, unknown[]][] = [
    ['single', 'names', ['ham', 'spam']],
    ['single', 'whole numbers, which are classes', [0, 1, '2', null]],
    ['single', 'whole numbers that were written with a point', ['0.0', '1.0']],
    ['multiple', 'lists', [null, ['a']]],
    ['multiple', 'lists of nothing', [[]]],
    ['regression', 'numbers of which one is not whole', [3, null, 2.5]],
    ['regression', 'texts of such numbers', ['3', '2.5']],
    ['single', 'numbers and a name', [2.5, 'high']],
    ['single', 'nothing', [null]],
  ];
  it.each(cases)('is seen as %s from %s', async (kind, _, labels) => {
    expect(await labelKindIn([jsonl(...labels)], 'label')).toBe(kind);
  });

  it('is one class where the file cannot be read, or has no columns', async () => {
    expect(await labelKindIn([path.join(folder, 'none.jsonl'), file('a.txt', '2.5')], 'label')).toBe('single');
  });
});

describe('the examples of such rows', () => {
  const load = (): Promise<Tokenizer> =>
    Tokenizer.load(path.join(import.meta.dirname, '../golden/data/tokenizers/bert-uncased'));
  const row = (label?: Row['label']): Row => ({ text: 'the teacher', label, file: 'rows.jsonl', line: 1 });

  it('say of each label whether it applies, kept in a store and put into batches with a row that only the teacher judges', async () => {
    const tokenizer = await load();
    const given = [row(['c', 'a']), row([]), row()];
    const options = {
      task,
      maxLength: 8,
      labels: 'multiple',
      labelNames: ['a', 'b', 'c'],
      keepUnlabelled: true,
    } as const;
    const { examples } = encodeRows(given, tokenizer, options);
    const { vocabularySize } = tokenizer;
    const store = new ExampleStore({
      path: path.join(folder, 'x'),
      vocabularySize,
      perToken: false,
      labelNumbers: 3,
      keepsRows: true,
    });
    for (const [i, example] of examples.entries()) store.add(example, given[i]);
    const stored = new StoredExamples(store);
    expect(stored.at(0)).toEqual({ ...examples[0], row: undefined, encoding: undefined });
    expect(stored.rowAt(0).label).toEqual(['c', 'a']);

    const planned = { length: 8, indices: [0, 1, 2] };
    const batch = collate(stored, planned, { task, batchSize: 4, padId: 0 });
    const { tensors, count, labelledCount } = batchInputs(batch, task);
    expect(tensors.labels).toMatchObject({ shape: [4, 3], dtype: 'float32' });
    // No NaN goes into a program: a weight of 0 would not take it away.
    expect([...tensors.labels!.data]).toEqual([1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect([...tensors.counted!.data]).toEqual([1, 1, 1, 0]);
    expect([...tensors.labelled!.data]).toEqual([1, 1, 0, 0]);
    expect([count, labelledCount]).toEqual([3, 2]);
    store.close();
  });

  it('hold the number', async () => {
    const options = { task, maxLength: 8, labels: 'regression', labelNames: ['score'], keepUnlabelled: true } as const;
    const { examples } = encodeRows([row(-1.5), row()], await load(), options);
    expect(examples.map(({ labels }) => [...(labels as Float32Array)])).toEqual([[-1.5], [NaN]]);
    const { tensors } = batchInputs(
      collate(examples, { length: 8, indices: [0, 1] }, { task, batchSize: 2, padId: 0 }),
      task,
    );
    expect(tensors.labels).toMatchObject({ shape: [2, 1], data: Float32Array.of(-1.5, 0) });
  });

  it('name a label that training does not have', async () => {
    const options = { task, maxLength: 8, labels: 'multiple', labelNames: ['a'] } as const;
    const { problems } = encodeRows([row(['a', 'z'])], await load(), options);
    expect(problems).toMatchObject([{ code: 'label-unknown', severity: 'error', arguments: { label: 'z' } }]);
  });
});
