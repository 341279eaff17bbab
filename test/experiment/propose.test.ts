/** @file First experiments for datasets: what is proposed can be run as it stands. */

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDataset } from '../../src/dataset/dataset';
import { describeDataset } from '../../src/dataset/dataset-description';
import { parseExperiment } from '../../src/experiment/file/parse';
import {
  columnRoles,
  possibleTasks,
  proposeExperiment,
  siblingSplits,
  type ProposedStudent,
} from '../../src/experiment/propose';
import { checkExperiment, validateExperiment } from '../../src/experiment/checks/validate';
import { headOfTask } from '../../src/experiment/architecture';
import { pairedRows } from '../runner/paired';
import { writeModel } from './workspace';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'propose-'));
});
afterEach(() => rm(folder, { recursive: true }));

const rows = Array.from({ length: 40 }, (_, i) => ({
  text: `mail number ${i}: the fence, the water rates, and who has the key`,
  kind: i % 3 === 0 ? 'spam' : 'ham',
}));

async function write(name: string, lines: readonly unknown[]): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  return file;
}

describe('a dataset', () => {
  it('is described by its rows, columns, values and malformed rows', async () => {
    const found = await describeDataset(await write('a.jsonl', [...rows, '{"text": "cut']));
    expect(found).toMatchObject({ rows: 40, problemCount: 1, problems: [{ line: 41 }] });
    expect(found.columns.map(({ name }) => name)).toEqual(['text', 'kind']);
    expect(found.columns[1]!.values).toEqual([
      { value: 'ham', rows: 26 },
      { value: 'spam', rows: 14 },
    ]);
  });

  it('that is missing or of another kind is described by that problem', async () => {
    expect((await describeDataset(path.join(folder, 'no.jsonl'))).problems[0]!.message).toMatch(/does not exist/);
    expect((await describeDataset(await write('a.xml', ['<a/>']))).problems[0]!.message).toMatch(/does not read \.xml/);
  });

  it.each([
    ['a label beside a text', rows, ['text-classification', 'causal-lm', 'masked-lm']],
    ['prompts and completions', rows.map(({ text }) => ({ prompt: text, completion: text })), ['causal-lm']],
    ['a text alone', rows.map(({ text }) => ({ text })), ['causal-lm', 'masked-lm']],
    ['numbers alone', rows.map((_, i) => ({ i })), []],
  ])('of %s allows these tasks', async (_, lines, tasks) => {
    const found = await describeDataset(await write('a.jsonl', lines));
    expect(possibleTasks(found, columnRoles(found))).toEqual(tasks);
  });

  it.each([
    ['lists', 'multiple', { topics: ['sea', 'trade'] }, { topics: [] }],
    ['numbers under a usual name', 'regression', { score: 2.5, weight: 0.1 }, { score: 3, weight: 0.7 }],
    ['the only numbers there are', 'regression', { depth: 2.5 }, { depth: -3 }],
  ])('with labels that are %s is proposed with "%s", which can be run', async (_, labels, odd, even) => {
    const train = await write(
      'train.jsonl',
      rows.map(({ text }, i) => ({ text, ...(i % 2 === 0 ? even : odd) })),
    );
    const found = await describeDataset(train);
    const roles = columnRoles(found);
    expect(roles).toMatchObject({ label: Object.keys(odd)[0], labels });
    expect(possibleTasks(found, roles)[0]).toBe('text-classification');
    const task = 'text-classification';
    const text = proposeExperiment({ name: 'a', task, train: 'train.jsonl', roles, rows: 40, meanLength: 60 });
    expect(text).toContain(`"labels": "${labels}"`);
    const parsed = parseExperiment(text, path.join(folder, 'a.distill.json'));
    expect(await validateExperiment(parsed)).toEqual([]);
  });

  it('with lists of words and tags is proposed as one of their classes, which can be run', async () => {
    const train = await write(
      'train.jsonl',
      rows.map((_, i) => ({ id: `${i}`, tokens: ['Ada', `w${i}`, 'sleeps'], ner_tags: ['B-PER', 'I-PER', 'O'] })),
    );
    const found = await describeDataset(train);
    const roles = columnRoles(found);
    expect(roles).toMatchObject({ words: 'tokens', tags: 'ner_tags' });
    const [task] = possibleTasks(found, roles);
    expect(task).toBe('token-classification');
    const text = proposeExperiment({ name: 'w', task: task!, train: 'train.jsonl', roles, rows: 40, meanLength: 0 });
    expect(await validateExperiment(parseExperiment(text, path.join(folder, 'w.distill.json')))).toEqual([]);
  });

  it.each([
    ['pairs with scores', true, ['textColumn', 'pairColumn', 'labelColumn'], ['no-distillation']],
    ['pairs', false, ['textColumn', 'pairColumn'], []],
  ])(
    'with %s is proposed as embeddings where a model of those is here, which can be run',
    async (_, scored, columns, controls) => {
      const lines = pairedRows(40, 1).map(({ score, ...texts }) => ({ ...texts, ...(scored && { score }) }));
      const found = await describeDataset(await write('train.jsonl', lines));
      const roles = columnRoles(found);
      expect(possibleTasks(found, roles)).not.toContain('sentence-embedding');
      const [task] = possibleTasks(found, roles, ['sentence-embedding']);
      expect(task).toBe('sentence-embedding');
      const embedding = { pooling: 'mean', isNormalized: true } as const;
      await writeModel(path.join(folder, 'models', 'e'), {
        head: headOfTask[task!],
        labels: [],
        embedding,
      });
      const common = { name: 'e', task: task!, train: 'train.jsonl', roles, rows: 40, meanLength: 20 };
      const text = proposeExperiment({ ...common, teacher: { path: 'models/e', isTuned: false, maxPositions: 32 } });
      for (const column of ['textColumn', 'pairColumn', 'labelColumn'])
        expect(text.includes(`"${column}"`)).toBe(columns.includes(column));
      expect(text).not.toContain('temperature');
      const parsed = parseExperiment(text, path.join(folder, 'e.distill.json'));
      const checked = await checkExperiment(parsed);
      expect(checked.problems).toEqual([]);
      expect(checked.experiment!.controls).toEqual(controls);
      // The teacher's embeddings have length 1.
      expect(checked.experiment!.distillation.divergence).toBe('cosine-logits');
    },
  );

  it('of texts alone has embeddings as the last of its tasks where a model of those is here', async () => {
    const found = await describeDataset(
      await write(
        'a.jsonl',
        rows.map(({ text }) => ({ text })),
      ),
    );
    expect(possibleTasks(found, columnRoles(found), ['sentence-embedding'])).toEqual([
      'causal-lm',
      'masked-lm',
      'sentence-embedding',
    ]);
  });

  it('with several columns of numbers, none of a usual name, has no label', async () => {
    const numbers = rows.map(({ text }, i) => ({ text, width: i / 3, depth: i / 7 }));
    expect(columnRoles(await describeDataset(await write('a.jsonl', numbers))).label).toBeUndefined();
  });

  it('with its text in an object within each row is proposed by dotted columns, which are read', async () => {
    const nested = rows.map(({ text, kind }, i) => ({ review: { text, meta: { id: i } }, verdict: { kind } }));
    const train = await write('train.jsonl', [...nested, '{"review": {"text": "cut']);
    const found = await describeDataset(train);
    expect(found.columns.map(({ name }) => name)).toEqual(['review.text', 'review.meta.id', 'verdict.kind']);
    const roles = columnRoles(found);
    expect(roles).toEqual({ text: 'review.text', label: 'verdict.kind', labels: 'single' });
    expect(possibleTasks(found, roles)).toEqual(['text-classification', 'causal-lm', 'masked-lm']);
    const text = proposeExperiment({
      name: 'nested',
      task: 'text-classification',
      train: 'train.jsonl',
      roles,
      rows: found.rows,
      meanLength: 60,
    });
    const problems = await validateExperiment(parseExperiment(text, path.join(folder, 'nested.distill.json')));
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    const read = await readDataset([train], { text: 'review.text', label: 'verdict.kind', labels: 'single' });
    expect(read.rows[0]).toMatchObject({ text: rows[0]!.text, label: 'spam' });
    expect(read.problems).toHaveLength(1);
  });

  it('with a dot in the name of a column has that column, not an object', async () => {
    const { rows: read } = await readDataset([await write('a.jsonl', [{ 'a.b': 'own', a: { b: 'inner' } }])], {
      text: 'a.b',
    });
    expect(read[0]!.text).toBe('own');
  });

  it.each(['text-classification', 'causal-lm', 'masked-lm'] as const)(
    'gets a complete %s experiment without a problem',
    async (task) => {
      const train = await write('train.jsonl', rows);
      const found = await describeDataset(train);
      const text = proposeExperiment({
        name: 'Mail "box"',
        task,
        train: 'train.jsonl',
        roles: columnRoles(found),
        rows: found.rows,
        meanLength: 60,
      });
      const parsed = parseExperiment(text, path.join(folder, 'x.distill.json'));
      expect(await validateExperiment(parsed)).toEqual([]);
      expect(parsed.experiment?.name).toBe('Mail "box"');
    },
  );

  it.each([
    ['half-blocks', '"student": { "preset": "half-blocks" }'],
    [{ megabytes: 1 }, '"student": { "preset": { "megabytes": 1 } }'],
  ] as const)('takes a model that is here as its teacher, and a student by its size: %j', async (preset, written) => {
    const train = await write('train.jsonl', rows);
    await writeModel(path.join(folder, 'models', 'a'));
    const common = { name: 'a', train: 'train.jsonl', roles: columnRoles(await describeDataset(train)) };
    const text = proposeExperiment({
      ...common,
      task: 'text-classification',
      rows: rows.length,
      // Longer than the teacher reads.
      meanLength: 600,
      teacher: { path: 'models/a', isTuned: true, maxPositions: 32 },
      preset,
    });
    expect(text).toContain(written);
    const parsed = parseExperiment(text, path.join(folder, 'x.distill.json'));
    expect(await validateExperiment(parsed)).toEqual([]);
    expect(parsed.experiment).toMatchObject({
      tokenizer: { source: 'teacher' },
      teacher: { source: 'checkpoint', path: 'models/a', training: { epochs: 4 } },
    });
  });

  it.each([
    ['the same tokens', 'text-classification'],
    ['other tokens', 'text-classification'],
    ['other tokens', 'causal-lm'],
  ] as const)('takes a smaller model that is here as its student, of %s: %s', async (of, task) => {
    const train = await write('train.jsonl', rows);
    const hasOtherTokens = of === 'other tokens';
    const ofBytes = { family: 'gpt2', head: 'causal-lm', vocabularySize: 960 } as const;
    const [a, b] = ['a', 'b'].map((name) => path.join(folder, 'models', name)) as [string, string];
    await writeModel(a, task === 'causal-lm' ? ofBytes : {});
    await writeModel(b, { ...(task === 'causal-lm' && ofBytes), layers: 1, maxPositions: 16 });
    const tokenizerOf = (model: string): string => path.join(model, 'tokenizer.json');
    if (task === 'causal-lm') {
      await cp('test/golden/data/tokenizers/gpt2', a, { recursive: true });
      await cp('test/golden/data/tokenizers/qwen2', b, { recursive: true });
    } else if (hasOtherTokens) {
      await writeFile(tokenizerOf(b), (await readFile(tokenizerOf(b), 'utf8')).replace('"mail"', '"post"'));
    }
    const textWith = async (student: ProposedStudent): Promise<string> =>
      proposeExperiment({
        name: 'a',
        train: 'train.jsonl',
        roles: columnRoles(await describeDataset(train)),
        task,
        rows: rows.length,
        meanLength: 600,
        teacher: { path: 'models/a', isTuned: false, maxPositions: 32 },
        student,
      });
    const problemsOf = async (text: string): Promise<string[]> =>
      (await validateExperiment(parseExperiment(text, path.join(folder, 'x.distill.json')))).map(({ code }) => code);
    const text = await textWith({ path: 'models/b', hasOtherTokens, maxPositions: 16 });
    expect(await problemsOf(text)).toEqual([]);
    expect(parseExperiment(text, 'x.distill.json').experiment).toMatchObject({
      dataset: { maxLength: 16 },
      tokenizer: hasOtherTokens ? { source: 'path', path: 'models/b' } : { source: 'teacher' },
      student: { initialize: { from: 'checkpoint', path: 'models/b' } },
      distillation: { vocabulary: hasOtherTokens ? 'align' : 'same' },
    });
    // By this it is seen which of the two it is.
    const other = await textWith({ path: 'models/b', hasOtherTokens: false, maxPositions: 16 });
    expect((await problemsOf(other)).includes('tokenizer-of-another-model')).toBe(hasOtherTokens);
  });

  it('learns completions of prompts where it has them', async () => {
    const lines = rows.map(({ text }, i) => ({ question: `what of ${i}?`, answer: text }));
    const found = await describeDataset(await write('train.jsonl', lines));
    const roles = columnRoles(found);
    expect(roles).toMatchObject({ prompt: 'question', completion: 'answer' });
    const text = proposeExperiment({
      name: 'Answers',
      task: 'causal-lm',
      train: 'train.jsonl',
      roles,
      rows: 40,
      meanLength: 60,
    });
    expect(await validateExperiment(parseExperiment(text, path.join(folder, 'x.distill.json')))).toEqual([]);
  });
});

it('the other splits are found under their usual names', () => {
  expect(siblingSplits('data/train.jsonl', ['train.jsonl', 'dev.jsonl', 'test.jsonl'])).toEqual({
    validation: 'dev.jsonl',
    test: 'test.jsonl',
  });
  expect(siblingSplits('mails.csv', ['mails.csv'])).toEqual({});
});
