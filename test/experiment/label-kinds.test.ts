/** @file What is said of an experiment whose labels may be several a row, or are numbers. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { resolveExperiment } from '../../src/experiment/resolve';
import { readExperimentFile } from '../../src/experiment/file/parse';
import type { Problem } from '../../src/protocol/problem';
import { addFiles, goodExperiment, makeFolder, writeModel } from './workspace';

type Json = Record<string, unknown>;

const rows = (count: number, label: (row: number) => unknown): string =>
  Array.from({ length: count }, (_, row) => JSON.stringify({ text: `mail ${row}`, label: label(row) })).join('\n');

const several = (row: number): string[] => [['ham'], ['spam', 'ham'], []][row % 3]!;
const number = (row: number): number => row / 4;

/** A folder with such rows; `changes` go over the good experiment, `dataset` over its dataset. */
function folderOf(label: (row: number) => unknown, changes: Json = {}, dataset: Json = {}): string {
  return makeFolder({
    'train.jsonl': rows(40, label),
    'validation.jsonl': rows(12, label),
    'x.distill.json': { ...goodExperiment, ...changes, dataset: { ...goodExperiment.dataset, ...dataset } },
  });
}

const problemsIn = (folder: string): Promise<Problem[]> => validateExperimentFile(join(folder, 'x.distill.json'));

const problemsOf = async (...of: Parameters<typeof folderOf>): Promise<Problem[]> => problemsIn(folderOf(...of));

const codes = (problems: readonly Problem[]): string[] => problems.map(({ code, severity }) => `${severity}: ${code}`);

const resolved = async (...of: Parameters<typeof folderOf>) =>
  (await resolveExperiment(await readExperimentFile(join(folderOf(...of), 'x.distill.json')))).experiment;

describe('labels of which several may apply', () => {
  it('are seen from the rows, or said', async () => {
    expect(await problemsOf(several)).toEqual([]);
    expect((await resolved(several)).dataset.labels).toBe('multiple');
    const text = (row: number): string => several(row).join(';') || ';';
    expect(codes(await problemsOf(text, {}, { labels: 'multiple', labelSeparator: ';' }))).toEqual([]);
  });

  it('are counted label by label, so that one alone that applies or not is enough', async () => {
    expect(codes(await problemsOf((row) => (row % 2 === 0 ? ['ham'] : [])))).toEqual([]);
    expect(codes(await problemsOf(() => []))).toEqual(['error: labels-missing']);
  });

  it('must all occur in training', async () => {
    const folder = folderOf(several);
    addFiles(folder, { 'validation.jsonl': rows(12, () => ['ham', 'spum']) });
    const [problem] = await problemsIn(folder);
    expect(problem).toMatchObject({ code: 'label-not-trained', arguments: { label: 'spum', close: 'spam' }, line: 1 });
  });

  it('are told apart from classes where the experiment says what they are', async () => {
    const found = await problemsOf(several, {}, { labels: 'single' });
    expect(codes(found)).toContain('warning: label-is-list');
    expect(codes(await problemsOf((row) => `c${row % 2}`, {}, { labelSeparator: ';' }))).toEqual([
      'error: separator-without-labels',
    ]);
  });
});

describe('labels that are numbers', () => {
  it('are seen from the rows, and compared by their difference', async () => {
    expect(await problemsOf(number)).toEqual([]);
    const experiment = await resolved(number);
    expect([experiment.dataset.labels, experiment.distillation.divergence]).toEqual(['regression', 'mse-logits']);
    // Whole numbers are classes, unless the experiment says otherwise.
    expect((await resolved((row) => row % 5)).dataset.labels).toBe('single');
    expect((await resolved((row) => row % 5, {}, { labels: 'regression' })).dataset.labels).toBe('regression');
  });

  it('have no distribution: no divergence, temperature, smoothed label or measured precision', async () => {
    const distillation = { divergence: 'reverse-kl', temperature: 4 };
    const found = await problemsOf(number, { distillation });
    expect(codes(found).sort()).toEqual(['error: divergence-of-numbers', 'warning: temperature-of-numbers']);
    expect(found.find(({ code }) => code === 'divergence-of-numbers')!.fixes).toMatchObject([
      { change: { set: 'mse-logits' } },
      {},
    ]);
    expect(codes(await problemsOf(number, { distillation: { divergence: 'mse-logits' } }))).toEqual([]);
    const teacher = { ...goodExperiment.teacher, precision: 'int8' };
    expect(codes(await problemsOf(number, { teacher, engine: 'cpu' }))).toEqual([
      'error: teacher-precision-of-numbers',
    ]);
    const [smoothed] = await problemsOf(number, { controls: ['no-distillation', 'label-smoothing'] });
    expect(smoothed).toMatchObject({ severity: 'error', code: 'smoothing-of-numbers', fixes: [{}] });
    const sweep = { 'distillation.temperature': [1, 2], 'distillation.divergence': ['jsd'] };
    expect(codes(await problemsOf(number, { sweep })).sort()).toEqual([
      'error: divergence-of-numbers',
      'warning: temperature-of-numbers',
    ]);
  });

  it('must differ, and be numbers', async () => {
    expect(codes(await problemsOf(() => 2.5))).toEqual(['error: labels-of-one-number']);
    const found = await problemsOf((row) => (row === 3 ? 'high' : row + 0.5), {}, { labels: 'regression' });
    expect(codes(found)).toEqual(['warning: label-not-number', 'warning: label-not-number']);
    expect(found[0]).toMatchObject({ line: 4, arguments: { value: '"high"' } });
  });
});

describe('a teacher that is there', () => {
  const teacher = { source: 'checkpoint', path: 'teacher' };
  const given = { teacher, tokenizer: { source: 'teacher' } };

  it.each([
    ['multi-label', ['ham', 'spam'], several, []],
    ['regression', ['score'], number, []],
    ['single-label', ['ham', 'spam'], several, ['error: teacher-of-other-labels']],
    ['multi-label', ['ham', 'spam'], number, ['error: teacher-of-other-labels']],
    ['regression', ['a', 'b'], number, ['error: teacher-of-several-numbers']],
  ] as const)('of the kind %s with the outputs %s', async (problemType, labels, label, expected) => {
    const folder = folderOf(label, given);
    await writeModel(join(folder, 'teacher'), { problemType, labels: [...labels] });
    const found = await problemsIn(folder);
    expect(codes(found)).toEqual(expected);
    // It need not fit where it is fine-tuned.
    addFiles(folder, { 'x.distill.json': { ...goodExperiment, ...given, teacher: { ...teacher, training: {} } } });
    expect(codes(await problemsIn(folder))).toEqual([]);
  });
});

it('"labels" has no meaning for a language model', async () => {
  const folder = folderOf((row) => `c${row}`, { task: 'masked-lm' }, { labels: 'multiple' });
  expect(codes(await problemsIn(folder))).toEqual(['error: column-without-meaning']);
});
