import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../src/model/files/checkpoint';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters, type Parameters } from '../../src/model/parameters';
import type { EvaluationRecord } from '../../src/protocol/records';
import type { ResolvedExperiment } from '../../src/experiment/file/schema';
import type { RunResult } from '../../src/runner/run/carry-out';
import type { SweepResult } from '../../src/runner/commands/sweep';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { documentHere } from './in-process';
import { document, onlyRun, readLines, start, stoppingAt, tinyWorkspace, untilStopped } from './program';

const roberta = fileURLToPath(new URL('../golden/data/tokenizers/roberta', import.meta.url));

const sizes = { family: 'roberta', hiddenSize: 24, layers: 2, heads: 4, intermediateSize: 48 } as const;

/** A RoBERTa that predicts hidden tokens, as published ones are: one token type, an epsilon of its own, its tokenizer beside it. */
let pretrained: string;
let before: Parameters;
beforeAll(async () => {
  pretrained = mkdtempSync(path.join(os.tmpdir(), 'distillery-pretrained-'));
  cpSync(roberta, pretrained, { recursive: true });
  const { vocabularySize } = await Tokenizer.load(roberta);
  const kind = { vocabularySize, maxPositions: 64, typeVocabularySize: 1, layerNormEpsilon: 1e-5 };
  const architecture = createArchitecture({ ...sizes, ...kind, head: 'masked-lm' });
  before = initializeParameters(architecture, 5);
  await saveCheckpoint(pretrained, architecture, before);
});

/** The same with a classifier of these classes, in this order, in place of what predicts hidden tokens. */
async function classifierOf(labels: string[]): Promise<string> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-classifier-'));
  cpSync(roberta, folder, { recursive: true });
  const { architecture: masked } = await loadCheckpoint(pretrained);
  const architecture = { ...masked, head: 'sequence-classification' as const, labels };
  await saveCheckpoint(folder, architecture, initializeParameters(architecture, 3));
  return folder;
}

/** A teacher that is fine-tuned, of which half a student is made. */
function workspace(change: Record<string, unknown> = {}): string {
  const training = {
    epochs: 1,
    batchSize: 8,
    learningRate: 1e-3,
    weightDecay: 0,
    evaluateEvery: 3,
    checkpointEvery: 2,
  };
  const folder = tinyWorkspace({
    task: 'text-classification',
    teacher: { source: 'checkpoint', path: pretrained, training },
    training: { epochs: 1 },
    controls: [],
  });
  const file = path.join(folder, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  const student = { architecture: { ...sizes, layers: 1 }, initialize: { from: 'teacher', layers: [1] } };
  writeFileSync(file, JSON.stringify({ ...experiment, student, ...change }));
  return folder;
}

const logOf = (run: string): string => readFileSync(path.join(run, 'log.txt'), 'utf8');
/** Of the last checkpoint, not of the best, which may be that of step 0. */
const lastOf = (run: string, of = '.'): string => path.join(run, of, 'checkpoints', 'last');
const weightsOf = (folder: string): Buffer => readFileSync(path.join(folder, 'model.safetensors'));
const isEqual = (one: Float32Array, other: Float32Array): boolean => one.every((value, i) => value === other[i]);
const WORDS = 'roberta.embeddings.word_embeddings.weight';

describe('a teacher that is fine-tuned from a checkpoint', () => {
  let runs: string[];
  let folder: string;
  beforeAll(async () => {
    folder = workspace({ sweep: { 'distillation.temperature': [2, 4] } });
    const { rows } = await documentHere<SweepResult>(['sweep', 'tiny.distill.json'], folder);
    runs = rows.map(({ directory }) => directory);
  });

  it('starts from its weights, with a new head for the task, and is recorded as one from nothing', async () => {
    const { architecture, config } = await loadCheckpoint(path.join(runs[0]!, 'teacher', 'model'));
    expect(config.architectures).toEqual(['RobertaForSequenceClassification']);
    expect(architecture).toMatchObject({ labels: ['ham', 'spam'], typeVocabularySize: 1, layerNormEpsilon: 1e-5 });
    expect(logOf(runs[0]!)).toMatch(/fine-tuning the teacher, [\d,]+ parameters/);
    expect(logOf(runs[0]!)).toMatch(/new, .+: classifier\.dense\.weight, .+, classifier\.out_proj\.bias\n/);
    const evaluations = readLines<EvaluationRecord>(path.join(runs[0]!, 'teacher', 'evaluations.jsonl'));
    expect(evaluations.map(({ step }) => step)).toEqual([0, 3, 6]);
    // Tokens that no row has get no gradient, and so stay as they were; others do not.
    const width = sizes.hiddenSize;
    const rowsOf = (values: Float32Array): string[] =>
      Array.from({ length: values.length / width }, (_, id) => values.subarray(id * width, (id + 1) * width).join());
    const { parameters } = await loadCheckpoint(lastOf(runs[0]!, 'teacher'));
    const [old, now] = [rowsOf(before[WORDS]!), rowsOf(parameters[WORDS]!)];
    const kept = now.filter((row, id) => row === old[id]).length;
    expect(kept).toBeGreaterThan(now.length / 10);
    expect(kept).toBeLessThan(now.length);
  });

  it('keeps the blocks that are frozen, to the last bit, and trains those above them', async () => {
    const training = { epochs: 1, batchSize: 8, learningRate: 1e-3, frozenBlocks: 1, layerDecay: 0.9 };
    const folder = workspace({ teacher: { source: 'checkpoint', path: pretrained, training } });
    await documentHere<RunResult>(['run', 'tiny.distill.json'], folder);
    const { parameters } = await loadCheckpoint(lastOf(onlyRun(folder), 'teacher'));
    const changed = Object.keys(before).filter((name) => parameters[name] && !isEqual(parameters[name], before[name]!));
    expect(changed.length).toBeGreaterThan(10);
    expect(changed.filter((name) => !name.startsWith('roberta.encoder.layer.1.'))).toEqual([]);
  });

  it('gives a student of its blocks what no size says', async () => {
    const { architecture } = await loadCheckpoint(path.join(runs[0]!, 'student'));
    expect(architecture).toMatchObject({ layers: 1, typeVocabularySize: 1, layerNormEpsilon: 1e-5, padId: 1 });
  });

  it('is fine-tuned once for the runs of a sweep', () => {
    expect(existsSync(path.join(runs[1]!, 'teacher', 'metrics.jsonl'))).toBe(false);
    expect(logOf(runs[1]!)).not.toContain('fine-tuning');
    expect(weightsOf(lastOf(runs[1]!)).equals(weightsOf(lastOf(runs[0]!)))).toBe(false);
  });

  it('is fine-tuned once for all runs that ask for the same, and again where something else is asked for', async () => {
    const file = path.join(folder, 'tiny.distill.json');
    const change = (changes: object): void =>
      writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...changes }));
    change({ distillation: { temperature: 3, alpha: 0.5 } });
    const { directory } = await documentHere<RunResult>(['run', 'tiny.distill.json'], folder);
    expect(existsSync(path.join(directory, 'teacher', 'metrics.jsonl'))).toBe(false);
    expect(logOf(directory)).not.toContain('fine-tuning');
    const experiment = JSON.parse(readFileSync(path.join(directory, 'experiment.json'), 'utf8')) as ResolvedExperiment;
    expect(experiment.teacher).toMatchObject({ source: 'run', role: 'teacher' });

    const { teacher } = JSON.parse(readFileSync(file, 'utf8')) as { teacher: { training: object } };
    change({ teacher: { ...teacher, training: { ...teacher.training, seed: 2 } } });
    const { child, outcome } = start(['run', 'tiny.distill.json', '--json'], folder, stoppingAt('teacher', 1));
    await untilStopped(child);
    child.kill('SIGKILL');
    expect((await outcome).stderr).toContain('fine-tuning');
  });

  it('has the same weights where the run was killed meanwhile and resumed', async () => {
    const folder = workspace();
    const { child, outcome } = start(['run', 'tiny.distill.json'], folder, stoppingAt('teacher', 4));
    await untilStopped(child);
    child.kill('SIGKILL');
    await outcome;
    const result = await document<RunResult>(['resume', onlyRun(folder)], folder);
    expect(result.status).toBe('done');
    for (const role of ['teacher', '.']) {
      expect(weightsOf(lastOf(result.directory, role)).equals(weightsOf(lastOf(runs[0]!, role))), role).toBe(true);
    }
  });

  it('goes on with a classifier whose classes are those of the rows, in its order', async () => {
    const folder = workspace();
    const classifier = await classifierOf(['spam', 'ham']);
    const file = path.join(folder, 'tiny.distill.json');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(JSON.stringify(pretrained), JSON.stringify(classifier)));
    const { directory } = await documentHere<RunResult>(['run', 'tiny.distill.json'], folder);
    expect(logOf(directory)).not.toContain('has none that fit');
    expect((await loadCheckpoint(path.join(directory, 'student'))).architecture.labels).toEqual(['spam', 'ham']);
  });
});

it('members of an ensemble are fine-tuned each, beside one that is asked as it is, and gone on with after a kill', async () => {
  const training = { epochs: 1, batchSize: 8, learningRate: 1e-3, evaluateEvery: 3, checkpointEvery: 2 };
  const classifier = await classifierOf(['spam', 'ham']);
  const teachers = [
    { source: 'checkpoint', path: pretrained, training },
    { source: 'checkpoint', path: classifier, training: { ...training, seed: 2 } },
    { source: 'checkpoint', path: classifier },
  ];
  const student = { architecture: { ...sizes, layers: 1 }, initialize: { from: 'random' } };
  const folder = workspace({ teacher: { source: 'ensemble', teachers, weights: [2, 1, 1] }, student });
  // In the middle of the second member.
  const { child, outcome } = start(['run', 'tiny.distill.json'], folder, stoppingAt(path.join('teacher', '2'), 4));
  await untilStopped(child);
  child.kill('SIGKILL');
  await outcome;
  const { directory, summary } = await document<RunResult>(['resume', onlyRun(folder)], folder);

  expect(logOf(directory).match(/fine-tuning the teacher \d/g)).toEqual([
    'fine-tuning the teacher 1',
    'fine-tuning the teacher 2',
    'fine-tuning the teacher 2',
  ]);
  expect(existsSync(path.join(directory, 'teacher', '3'))).toBe(false);
  const [mean, ...members] = summary!.rows;
  expect(members.map(({ name }) => name)).toEqual(['teacher 1', 'teacher 2', 'teacher 3', 'student']);
  // The bare RoBERTa got a head; all have the classes in one order, that of the member which is asked as it is.
  const labelsOf = async (model: string): Promise<unknown> => (await loadCheckpoint(model)).architecture.labels;
  for (const i of [1, 2]) {
    expect(await labelsOf(path.join(directory, 'teacher', String(i), 'model'))).toEqual(['spam', 'ham']);
  }
  expect(await labelsOf(path.join(directory, 'student'))).toEqual(['spam', 'ham']);
  expect(weightsOf(lastOf(directory, path.join('teacher', '2'))).equals(weightsOf(classifier))).toBe(false);
  // −log of a mean is less than the mean of −log where the members differ (Jensen).
  const [first, second, third] = members.map(({ metrics }) => metrics.loss!);
  expect(mean!.metrics.loss).toBeLessThan(first! / 2 + second! / 4 + third! / 4);
  expect(mean!.parameters).toBe(members.slice(0, 3).reduce((sum, { parameters }) => sum + parameters!, 0));
});
