/** @file What a stranger's file holds decides what is said of it, not how long that takes or how much memory. */

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readArchitecture } from '../../src/experiment/checks/model-folder';
import { findSplitFiles } from '../../src/experiment/checks/dataset-files';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { parseExperiment } from '../../src/experiment/file/parse';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import type { InputError } from '../../src/protocol/problem';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { addFiles, goodExperiment, mails, makeFolder, teacherSizes, writeModel } from './workspace';

const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => (error as InputError).problems[0].code,
  );

describe('counts in the config of a model', () => {
  it.each([
    ['num_hidden_layers', 2 ** 31, 'model-larger-than-weights'],
    ['num_hidden_layers', 9_000, 'model-larger-than-weights'],
    ['vocab_size', 2 ** 50, 'tensor-of-other-shape'],
    ['max_position_embeddings', 2 ** 50, 'tensor-of-other-shape'],
  ])('%s of %d cannot be what the weights hold: it is said, by reading and by checking', async (key, value, code) => {
    const folder = makeFolder();
    await writeModel(folder);
    change(path.join(folder, 'config.json'), { [key]: value });
    expect(await codeOf(loadCheckpoint(folder))).toBe(code);
    // What is only looked at has no shapes that could be compared; no work may grow with the count.
    expect([code, undefined]).toContain(await codeOf(readArchitecture(folder)));
  });

  it.each<[string, object]>([
    ['frozen', {}],
    ['fine-tuned first', { training: { epochs: 1 } }],
  ])('and weights that are of another model are told of where the experiment is checked: %s', async (_, how) => {
    const folder = makeFolder({ 'train.jsonl': mails(20), 'validation.jsonl': mails(4) });
    await writeModel(path.join(folder, 'model'));
    const { tokenizer: _own, ...experiment } = goodExperiment;
    addFiles(folder, {
      'x.distill.json': { ...experiment, teacher: { source: 'checkpoint', path: 'model', ...how } },
    });
    const problemsOf = async (): Promise<string[]> =>
      (await validateExperimentFile(path.join(folder, 'x.distill.json'))).map(({ code }) => code);
    expect(await problemsOf()).toEqual([]);
    change(path.join(folder, 'model/config.json'), { intermediate_size: 512 });
    expect(await problemsOf()).toEqual(['tensor-of-other-shape']);
  });

  it('do not let more blocks be frozen than a model has', async () => {
    const folder = makeFolder({ 'train.jsonl': mails(20), 'validation.jsonl': mails(4) });
    await writeModel(path.join(folder, 'model'));
    const { tokenizer: _own, ...experiment } = goodExperiment;
    const problemsWith = async (ofTeacher: number, ofStudent: number): Promise<(string | number)[][]> => {
      const teacher = { source: 'checkpoint', path: 'model', training: { epochs: 1, frozenBlocks: ofTeacher } };
      addFiles(folder, { 'x.distill.json': { ...experiment, teacher, training: { frozenBlocks: ofStudent } } });
      const problems = await validateExperimentFile(path.join(folder, 'x.distill.json'));
      return problems.map(({ code, arguments: { layers } }) => [code, layers as number]);
    };
    expect(await problemsWith(4, 2)).toEqual([]);
    expect(await problemsWith(5, 3)).toEqual(expect.arrayContaining([4, 2].map((n) => ['blocks-frozen-beyond', n])));
  });

  it('and shards that are not all there are told of where the experiment is checked', async () => {
    const folder = makeFolder({ 'train.txt': 'a text\nand another\n' });
    cpSync('test/golden/data/models/llama-sharded', path.join(folder, 'model'), { recursive: true });
    rmSync(path.join(folder, 'model/model-00002-of-00003.safetensors'));
    const teacher = { source: 'checkpoint', path: 'model' };
    const { student } = goodExperiment;
    const experiment = { task: 'causal-lm', dataset: { train: 'train.txt', maxLength: 8 }, teacher, student };
    addFiles(folder, { 'x.distill.json': experiment });
    const problems = await validateExperimentFile(path.join(folder, 'x.distill.json'));
    expect(problems).toContainEqual(
      expect.objectContaining({
        code: 'shard-missing',
        arguments: { shard: 'model-00002-of-00003.safetensors' },
      }),
    );
  });

  it.each([1e10, 2 ** 53, -1, 0.5, Number.MAX_VALUE])('num_labels of %d is no number of classes', async (labels) => {
    const folder = makeFolder();
    await writeModel(folder);
    change(path.join(folder, 'config.json'), { id2label: null, num_labels: labels });
    expect(await codeOf(readArchitecture(folder))).toBe('model-classes-impossible');
    expect(await codeOf(loadCheckpoint(folder))).toBe('model-classes-impossible');
  });

  it('of an experiment are bounded too', async () => {
    const folder = makeFolder({ 'train.jsonl': mails(20), 'validation.jsonl': mails(4) });
    for (const key of ['layers', 'heads', 'hiddenSize', 'intermediateSize', 'maxPositions']) {
      const architecture = { ...teacherSizes, [key]: 2 ** 40 };
      addFiles(folder, { 'x.distill.json': { ...goodExperiment, teacher: { source: 'train', architecture } } });
      const problems = await validateExperimentFile(path.join(folder, 'x.distill.json'));
      expect(problems.map(({ code }) => code)).toContain('value-out-of-range');
    }
  });
});

describe('a tokenizer', () => {
  const before = Tokenizer.timeLimit;
  afterEach(() => {
    Tokenizer.timeLimit = before;
  });

  /** A tokenizer of one word with these stages. */
  const tokenizerWith = (stages: { normalizer?: object; pre_tokenizer?: object }): Tokenizer =>
    Tokenizer.fromJson({
      version: '1.0',
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: { type: 'WordPiece', unk_token: '[UNK]', vocab: { '[UNK]': 0, a: 1 }, continuing_subword_prefix: '##' },
      ...stages,
    });
  const nested = { Regex: '(\\p{L}+)+$' };
  const text = `${'a'.repeat(60)}!`;

  it('whose expression backtracks without end is stopped, with a message', () => {
    Tokenizer.timeLimit = 200;
    const splitting = tokenizerWith({ pre_tokenizer: { type: 'Split', pattern: nested, behavior: 'Isolated' } });
    expect(() => splitting.encode(text)).toThrow(/expressions .+ take longer/);
    const replacing = tokenizerWith({ normalizer: { type: 'Replace', pattern: nested, content: '' } });
    expect(() => replacing.encode(text)).toThrow(/expressions .+ take longer/);
    expect(() => replacing.pieces(text)).toThrow(/expressions .+ take longer/);
    expect(replacing.encode('a b').ids).toHaveLength(1);
  });

  it('whose replacements let a text grow without end is stopped, with a message', () => {
    const growing = { type: 'Replace', pattern: { String: 'a' }, content: 'a'.repeat(10) };
    const tokenizer = tokenizerWith({ normalizer: { type: 'Sequence', normalizers: Array(9).fill(growing) } });
    expect(() => tokenizer.encode('a a a a')).toThrow(/replacements .+ longer/);
  });
});

describe('an experiment file', () => {
  it('with thousands of problems has the first of them listed, and says that there are more', () => {
    const keys = Object.fromEntries(Array.from({ length: 3000 }, (_, k) => [`k${k}`, 1]));
    const layers = Array.from({ length: 3000 }, () => ['a', 'b']);
    const train = Array.from({ length: 3000 }, () => 5);
    for (const hostile of [
      { ...goodExperiment, ...keys },
      { ...goodExperiment, distillation: { hidden: { layers } } },
      { ...goodExperiment, dataset: { ...goodExperiment.dataset, train } },
    ]) {
      const { problems } = parseExperiment(JSON.stringify(hostile), 'x.distill.json');
      expect(problems.length).toBeLessThanOrEqual(101);
      expect(problems.at(-1)!.code).toBe('further-problems');
    }
    const twice = `{${'"task":"x",'.repeat(3000)}"a":1}`;
    expect(parseExperiment(twice, 'x.distill.json').problems).toHaveLength(101);
  });

  it('with a pattern that has half the disk to go through is told so', async () => {
    const folder = makeFolder({ 'data/train.jsonl': mails(2) });
    expect((await findSplitFiles('data/*.jsonl', folder)).files).toHaveLength(1);
    expect(await codeOf(findSplitFiles('/**/*.jsonl', folder, 1))).toBe('pattern-too-wide');
  });

  it('with a pattern that finds more files than anybody would name is told so', async () => {
    const names = Array.from({ length: 10_001 }, (_, i) => [`many/${i}.txt`, '']);
    const folder = makeFolder(Object.fromEntries(names) as Record<string, string>);
    expect(await codeOf(findSplitFiles('many/*.txt', folder))).toBe('pattern-too-many');
  });
});

function change(file: string, changes: object): void {
  const content = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...content, ...changes }));
}
