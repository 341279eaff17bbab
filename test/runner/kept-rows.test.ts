/** @file What a run has read of its rows is kept for the next one of the same data: the same examples, read once. */

import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExamplesWithRows } from '../../src/dataset/example-store';
import type { ResolvedExperiment } from '../../src/experiment/file/schema';
import { loadExperiment } from '../../src/experiment/resolve';
import { loadData, type RunData } from '../../src/runner/run/data';
import { keptFrom } from '../../src/runner/run/kept-rows';
import { Tokenizer } from '../../src/tokenizer/tokenizer';

const usual = { ...keptFrom };
let folder: string;
let keptIn: string;
beforeEach(() => {
  keptFrom.bytes = 0;
  folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-kept-'));
  keptIn = path.join(folder, '.distillery', 'cache', 'rows');
});
afterEach(() => {
  Object.assign(keptFrom, usual);
  rmSync(folder, { recursive: true });
});

const words = ['sea', 'sail', 'the', 'boat', 'harbour', 'wind', 'a', 'naïve'];

/** Some without a label, some that are no JSON. */
const rows = (count: number): string =>
  Array.from({ length: count }, (_, row) => {
    const text = Array.from({ length: 1 + (row % 7) }, (_, i) => words[(row * 3 + i * 5) % 8]).join(' ');
    if (row % 17 === 5) return '{"text":\n';
    return `${JSON.stringify({ text, ...(row % 5 > 0 && { label: ['a', 'b'][row % 2] }) })}\n`;
  }).join('');

async function experimentOf(settings: object = {}, dataset: object = {}): Promise<ResolvedExperiment> {
  const architecture = { family: 'bert', hiddenSize: 8, layers: 1, heads: 2 };
  const experiment = {
    task: 'text-classification',
    dataset: { train: 'rows.jsonl', validation: 0.2, maxLength: 16, ...dataset },
    tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 300 },
    teacher: { source: 'train', architecture },
    student: { architecture },
    ...settings,
  };
  const file = path.join(folder, 'a.distill.json');
  writeFileSync(file, JSON.stringify(experiment));
  return (await loadExperiment(file)).experiment;
}

const load = async (experiment: ResolvedExperiment, options: { tokenizer?: Tokenizer } = {}): Promise<RunData> =>
  (await loadData(experiment, { folder, keptIn, isStopping: () => false, onProblem: () => undefined, ...options }))!;

/** As `load`, of rows that cannot be read any more: what comes is what was kept. */
async function loadUnread(experiment: ResolvedExperiment): Promise<RunData> {
  const file = path.join(folder, 'rows.jsonl');
  const content = readFileSync(file);
  rmSync(file);
  try {
    return await load(experiment);
  } finally {
    writeFileSync(file, content);
  }
}

const keptFiles = (): string[] => readdirSync(keptIn).map((name) => path.join(keptIn, name));

const all = (examples: ExamplesWithRows, rowsToo: boolean) =>
  Array.from({ length: examples.length }, (_, i) => [examples.at(i), rowsToo && examples.rowAt(i)]);

const contents = ({ train, labelled, validation, labels, leftOut, problems, tokenizer }: RunData) => ({
  train: all(train, false),
  labelled: Array.from({ length: labelled.length }, (_, i) => labelled.at(i)),
  validation: all(validation, true),
  ...{ labels, leftOut, problems, tokenizer: tokenizer.files },
});

describe('rows that an earlier run has read', () => {
  beforeEach(() => writeFileSync(path.join(folder, 'rows.jsonl'), rows(200)));

  it.each([
    ['classes, held out', {}, {}],
    ['some of the rows', {}, { trainRows: 40 }],
    [
      'a language model',
      {
        task: 'causal-lm',
        tokenizer: { source: 'train', kind: 'bpe', vocabularySize: 300 },
        teacher: { source: 'train', architecture: { family: 'gpt2', hiddenSize: 8, layers: 1, heads: 2 } },
        student: { architecture: { family: 'gpt2', hiddenSize: 8, layers: 1, heads: 2 } },
      },
      {},
    ],
  ])('are the same examples: %s', async (_, settings, dataset) => {
    const experiment = await experimentOf(settings, dataset);
    const first = await load(experiment);
    const before = contents(first);
    first.close();
    expect(before.train.length).toBeGreaterThan(20);
    expect(before.problems.length).toBeGreaterThan(0);
    expect(keptFiles()).toHaveLength(1);
    const again = await loadUnread(experiment);
    expect(contents(again)).toEqual(before);
    again.close();
  });

  it('are kept for the same rows and settings alone', async () => {
    (await load(await experimentOf())).close();
    (await load(await experimentOf({}, { maxLength: 12 }))).close();
    expect(keptFiles()).toHaveLength(2);
    writeFileSync(path.join(folder, 'rows.jsonl'), rows(190));
    const data = await load(await experimentOf());
    expect(data.labelled.length).toBe(contents(data).labelled.length);
    expect(keptFiles()).toHaveLength(3);
    data.close();
  });

  it('are not kept where the file has changed since its digest was taken', async () => {
    const experiment = await experimentOf();
    writeFileSync(path.join(folder, 'rows.jsonl'), rows(190));
    (await load(experiment)).close();
    expect(() => keptFiles()).toThrow(/ENOENT/);
  });

  it("are not taken for a run whose tokenizer is another, nor kept as that one's", async () => {
    const experiment = await experimentOf();
    const first = await load(experiment);
    const { json, config } = first.tokenizer.files;
    const before = contents(first);
    first.close();
    const other = Tokenizer.fromJson({ ...json, version: '2.0' }, config);
    const [kept] = keptFiles();
    const bytes = readFileSync(kept!);
    const given = await load(experiment, { tokenizer: other });
    expect(given.tokenizer).toBe(other);
    expect(contents(given).train).toEqual(before.train);
    given.close();
    expect(readFileSync(kept!).equals(bytes)).toBe(true);
  });

  it.each([
    ['a byte', (bytes: Buffer) => bytes.fill(bytes[bytes.length - 200]! ^ 1, bytes.length - 200, bytes.length - 199)],
    ['an end', (bytes: Buffer) => bytes.subarray(0, bytes.length - 100)],
    ['nothing left', () => Buffer.alloc(0)],
  ])('are read anew where what was kept is damaged: %s', async (_, damage) => {
    const experiment = await experimentOf();
    const first = await load(experiment);
    const before = contents(first);
    first.close();
    const [kept] = keptFiles();
    const bytes = readFileSync(kept!);
    writeFileSync(kept!, damage(Buffer.from(bytes)));
    const again = await load(experiment);
    expect(contents(again)).toEqual(before);
    again.close();
    // And what is kept is whole again.
    expect(readFileSync(kept!).equals(bytes)).toBe(true);
  });

  it('have no token that the vocabulary lacks, whoever wrote them', async () => {
    const experiment = await experimentOf();
    const first = await load(experiment);
    const before = contents(first);
    first.close();
    const [kept] = keptFiles();
    const bytes = readFileSync(kept!);
    const body = bytes.subarray(0, -32);
    // The numbers of the first row: its class and its first token, behind both texts, the places and the sizes.
    const [header, details] = [body.readUInt32LE(0), body.readUInt32LE(4)];
    const told = JSON.parse(body.toString('utf8', 8 + header, 8 + header + details)) as {
      labelled: number;
      unlabelled: number;
      heldOut: number;
      train: { examples: number };
    };
    const places = told.labelled + told.unlabelled + told.heldOut;
    const record = 8 + header + details + 4 * (places + told.train.examples);
    for (const [at, value] of [
      [record, 7],
      [record + 4, 60_000],
    ] as const) {
      const wrong = Buffer.from(body);
      wrong.writeUInt16LE(value, at);
      writeFileSync(kept!, Buffer.concat([wrong, createHash('sha256').update(wrong).digest()]));
      const again = await load(experiment);
      expect(contents(again)).toEqual(before);
      again.close();
      expect(readFileSync(kept!).equals(bytes)).toBe(true);
    }
  });

  it('are not kept of few bytes, and say when they were last used', async () => {
    keptFrom.bytes = usual.bytes;
    (await load(await experimentOf())).close();
    expect(() => keptFiles()).toThrow(/ENOENT/);
    keptFrom.bytes = 0;
    mkdirSync(keptIn, { recursive: true });
    (await load(await experimentOf())).close();
    const [kept] = keptFiles();
    const { mtimeMs } = statSync(kept!);
    utimesSync(kept!, 1, 1);
    (await load(await experimentOf())).close();
    // Says when it was last used.
    expect(statSync(kept!).mtimeMs).toBeGreaterThanOrEqual(mtimeMs);
  });
});
