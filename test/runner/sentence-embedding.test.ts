/** @file Sentence embeddings, from pairs with scores or texts alone to the exported student, through the real program. */

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { RankCorrelation } from '../../src/distill/evaluation/metrics';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import type { InspectResult, ProbeExamples } from '../../src/protocol/inspection-records';
import type {
  ComparisonRow,
  EvaluationRecord,
  MetricsRecord,
  PredictionRecord,
  RunRecord,
} from '../../src/protocol/records';
import type { RunResult } from '../../src/runner/run/carry-out';
import { distilleryHere, documentHere } from './in-process';
import { pairedRows, type PairedRow } from './paired';
import { onlyRun, readLines, tinyWorkspace, type TinyExperiment } from './program';
import { asLines } from './tagged';

const pairs = { train: pairedRows(200, 1), validation: pairedRows(40, 2), test: pairedRows(60, 3) };
const rows = { train: asLines(pairs.train), validation: asLines(pairs.validation), test: asLines(pairs.test) };
const training = { epochs: 4, evaluateEvery: 25, checkpointEvery: 25, learningRate: 5e-3 };
const columns = { textColumn: 'sentence1', pairColumn: 'sentence2', labelColumn: 'score' };
const teacher = {
  source: 'train',
  architecture: { family: 'bert', hiddenSize: 48, layers: 1, heads: 4 },
  training: { ...training, batchSize: 8 },
};
const ofPairs: TinyExperiment = {
  task: 'sentence-embedding',
  rows,
  training,
  columns,
  teacher,
  distillation: { temperature: undefined, alpha: 0.5, divergence: 'cosine-logits' },
};

const write = (file: string, text: string): void => {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
};

/** Of one run, which all tests look at. */
let workspace: string;
let run: string;
let summary: ComparisonRow[];
beforeAll(async () => {
  workspace = tinyWorkspace({ ...ofPairs, controls: ['no-distillation'] });
  const result = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
  run = onlyRun(workspace);
  summary = result.summary!.rows;
}, 60_000);

const rowOf = (role: string): ComparisonRow => summary.find((row) => row.role === role)!;

/** Texts that have no score, and the teacher of that run. */
const ofTexts = (more: Partial<TinyExperiment> = {}): string =>
  tinyWorkspace({
    ...ofPairs,
    rows: {
      train: pairs.train.map(({ sentence1: text }) => JSON.stringify({ text })),
      validation: pairs.validation.map(({ sentence2: text }) => JSON.stringify({ text })),
    },
    columns: {},
    teacher: { source: 'run', run, role: 'teacher' },
    distillation: { temperature: undefined, alpha: undefined },
    withoutTest: true,
    controls: [],
    ...more,
  });

describe('a run on pairs with scores', () => {
  it('teaches the student which texts are similar, and says so by Spearman’s correlation', () => {
    const { labels } = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as RunRecord;
    expect(labels).toBe('similarity');
    // By chance 0.
    for (const role of ['teacher', 'student', 'control']) expect(rowOf(role).metrics.spearman).toBeGreaterThan(0.6);
    const { metrics, intervals } = rowOf('student');
    const [low, high] = intervals!.spearman!;
    expect(low).toBeLessThanOrEqual(metrics.spearman!);
    expect(high).toBeGreaterThanOrEqual(metrics.spearman!);
    // Whoever never saw the teacher has directions of its own.
    expect(metrics.teacherCosine).toBeGreaterThan(0.8);
    expect(rowOf('control').metrics.teacherCosine).toBeLessThan(0.3);
    expect(rowOf('teacher').metrics).not.toHaveProperty('teacherCosine');
  });

  it('chooses its checkpoint by that, and measures it as its rows say', () => {
    const evaluations = readLines<EvaluationRecord>(path.join(run, 'evaluations.jsonl'));
    expect(evaluations.every(({ metrics }) => metrics.spearman !== undefined)).toBe(true);
    const said = readLines<PredictionRecord>(path.join(run, 'predictions.jsonl'));
    expect(said.map(({ label }) => label)).toEqual(pairs.test.map(({ score }) => score / 5));
    const student = said.map(({ models }) => models.student!);
    const scores = said.map(({ label }) => label as number);
    const { metrics } = rowOf('student');
    expect(
      new RankCorrelation(
        student.map((one) => one.similarity!),
        scores,
      ).of(),
    ).toBeCloseTo(metrics.spearman!, 12);
    const cosines = student.reduce((sum, one) => sum + one.teacherCosine!, 0);
    expect(cosines / (2 * said.length)).toBeCloseTo(metrics.teacherCosine!, 12);
  });

  it('records soft and hard loss, whose weights are those of the experiment', () => {
    for (const { loss, alpha } of readLines<MetricsRecord>(path.join(run, 'metrics.jsonl'))) {
      expect(alpha).toBe(0.5);
      expect(loss.total).toBeCloseTo(0.5 * loss.soft! + 0.5 * loss.hard!, 6);
    }
  });

  it('keeps both texts of pinned pairs, and inspects a pair as a row and as two texts', async () => {
    const { examples } = JSON.parse(readFileSync(path.join(run, 'probes', 'examples.json'), 'utf8')) as ProbeExamples;
    const [{ text, pair, positions }] = examples as [ProbeExamples['examples'][number]];
    const [{ sentence1, sentence2, score }] = pairs.validation as [PairedRow];
    expect({ text, pair, scores: positions.map(({ value }) => value) }).toEqual({
      text: sentence1,
      pair: sentence2,
      scores: [score / 5, score / 5],
    });
    const ofRow = await documentHere<InspectResult>(['inspect', run, '--file', 'test.jsonl', '--row', '1'], workspace);
    const [first] = readLines<PredictionRecord>(path.join(run, 'predictions.jsonl'));
    const { values, label, cosine } = ofRow.positions[0]!;
    expect(label).toBe(first!.label);
    for (const role of ['teacher', 'student'] as const) {
      expect(values![role]).toBeCloseTo(first!.models[role]!.similarity!, 5);
    }
    expect(cosine! + ofRow.positions[1]!.cosine!).toBeCloseTo(first!.models.student!.teacherCosine!, 5);
    const { sentence1: one, sentence2: other } = pairs.test[0]!;
    const ofTwo = await documentHere<InspectResult>(['inspect', run, '--text', one, '--pair', other], workspace);
    expect(ofTwo.positions[0]!.values).toEqual(values);
    const alone = await documentHere<InspectResult>(['inspect', run, '--text', one], workspace);
    expect(alone.positions).toHaveLength(1);
    expect(alone.positions[0]!.cosine).toBeCloseTo(cosine!, 5);
    const said = await distilleryHere(['inspect', run, '--text', one, '--pair', other], workspace);
    expect(said.stdout).toMatch(
      /^cosine to teacher  0\.\d+ and 0\.\d+\nsimilarity  teacher −?0\.\d+  student −?0\.\d+\n$/,
    );
    const ofFolder = await distilleryHere(['inspect', path.join(run, 'teacher', 'model'), '--text', one], workspace);
    expect(ofFolder.stdout).toMatch(/^One embedding of one text is compared with nothing: name a run/);
  });

  it('exports a folder of sentence-transformers, and ONNX with an embedding of each text', async () => {
    const { code } = await distilleryHere(['export', run, '--to', 'student', '--format', 'huggingface'], workspace);
    expect(code).toBe(0);
    const folder = path.join(workspace, 'student');
    const read = (file: string): unknown => JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
    expect(read('modules.json')).toMatchObject([
      { path: '', type: 'sentence_transformers.models.Transformer' },
      { path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
      { path: '2_Dense', type: 'sentence_transformers.models.Dense' },
    ]);
    expect(read('config.json')).toMatchObject({ architectures: ['BertModel'] });
    expect(read('sentence_bert_config.json')).toMatchObject({ max_seq_length: 24 });
    const { architecture } = await loadCheckpoint(folder);
    expect(architecture).toMatchObject({
      head: 'sentence-embedding',
      embedding: { pooling: 'mean', dense: { width: 48, activation: 'identity', hasBias: true }, isNormalized: false },
    });
    await distilleryHere(['export', run, '--to', 'onnx', '--format', 'onnx'], workspace);
    expect(existsSync(path.join(workspace, 'onnx', 'model.onnx'))).toBe(true);
  });

  it('writes what a person can read of its experiment', () => {
    expect(readFileSync(path.join(run, 'report.md'), 'utf8')).toContain('Task sentence-embedding of pairs with scores');
    const card = readFileSync(path.join(run, 'student', 'README.md'), 'utf8');
    expect(card).toContain('library_name: sentence-transformers\npipeline_tag: sentence-similarity');
    expect(card).toMatch(/cosine of its embeddings.*α = 0\.5/);
  });
});

describe('a run on texts alone', () => {
  it('has the teacher’s embeddings for all there is to learn, and is judged by how near they are', async () => {
    const folder = ofTexts();
    const { summary: found } = await documentHere<RunResult>(['run', 'tiny.distill.json'], folder);
    expect(found!.rows.map(({ role }) => role)).toEqual(['teacher', 'student']);
    const [ofTeacher, student] = found!.rows as [ComparisonRow, ComparisonRow];
    expect(ofTeacher.metrics.teacherCosine).toBe(1);
    expect(student.metrics.teacherCosine).toBeGreaterThan(0.8);
    expect(student.retention).toBeCloseTo(student.metrics.teacherCosine!, 12);
    const resolved = JSON.parse(readFileSync(path.join(onlyRun(folder), 'experiment.json'), 'utf8')) as object;
    expect(resolved).toMatchObject({ distillation: { alpha: 1, divergence: 'mse-logits' }, controls: [] });
    for (const { loss } of readLines<MetricsRecord>(path.join(onlyRun(folder), 'metrics.jsonl'))) {
      expect(loss).not.toHaveProperty('hard');
      expect(loss.total).toBeCloseTo(loss.soft!, 7);
    }
  });

  it('may be judged by pairs that have scores, and start from the teacher’s blocks, several texts in a row', async () => {
    const folder = ofTexts({
      rows: { validation: rows.validation },
      columns,
      training: { ...training, epochs: 1, pack: true },
    });
    const file = path.join(folder, 'tiny.distill.json');
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as { dataset: object; student: object };
    // No columns at all.
    write(path.join(folder, 'texts.txt'), pairs.train.map(({ sentence1 }) => `${sentence1}\n`).join(''));
    experiment.dataset = { ...experiment.dataset, train: 'texts.txt' };
    experiment.student = {
      architecture: { family: 'bert', hiddenSize: 24, layers: 1, heads: 2 },
      initialize: { from: 'teacher' },
    };
    writeFileSync(file, JSON.stringify(experiment));
    const { summary: found } = await documentHere<RunResult>(['run', 'tiny.distill.json'], folder);
    const [, { metrics }] = found!.rows as [ComparisonRow, ComparisonRow];
    expect(Object.keys(metrics)).toEqual(expect.arrayContaining(['spearman', 'teacherCosine']));
    const { dataset } = JSON.parse(readFileSync(path.join(onlyRun(folder), 'experiment.json'), 'utf8')) as {
      dataset: object;
    };
    expect(dataset).toMatchObject({ pairs: { splits: ['validation'], scored: ['validation'], range: [0, 5] } });
  });

  it('takes an encoder of which nothing says how by the mean of its tokens, and says so', async () => {
    const folder = ofTexts({ teacher: { source: 'checkpoint', path: 'plain' } });
    const plain = path.join(folder, 'plain');
    cpSync(path.join(run, 'student'), plain, { recursive: true });
    rmSync(path.join(plain, 'modules.json'));
    const { code, stdout, stderr } = await distilleryHere(['validate', 'tiny.distill.json'], folder);
    expect(code).toBe(0);
    expect(stdout + stderr).toMatch(/warning: .*the mean of the tokens is taken/);
  });
});

describe('an experiment with embeddings', () => {
  const refused = async (change: Partial<TinyExperiment>, files: Record<string, string> = {}) => {
    const folder = ofTexts(change);
    for (const [name, text] of Object.entries(files)) write(path.join(folder, name), text);
    const { code, stdout, stderr } = await distilleryHere(['validate', 'tiny.distill.json'], folder);
    return { code, said: stdout + stderr };
  };

  it.each([
    ['a control', { controls: ['no-distillation'] }, /nothing that the control "no-distillation" could learn from/],
    ['a part of a student loss', { distillation: { temperature: undefined, alpha: 0.5 } }, /"alpha" is 1/],
    ['a teacher to be trained', { teacher }, /nothing that a teacher could be trained on/],
    [
      'a divergence of distributions',
      { distillation: { temperature: undefined, alpha: undefined, divergence: 'forward-kl' } },
      /Embeddings have no distribution.*"mse-logits"/s,
    ],
    ['scores of no pair', { columns: { labelColumn: 'score' } }, /a score says how similar two are/],
    ['torchrun', { engine: 'torchrun' }, /does not train sentence-embedding/],
    [
      'a server',
      { teacher: { source: 'endpoint', url: 'http://127.0.0.1:9/v1', model: 'm', topLogprobs: 5 } },
      /"endpoint" cannot be asked for embeddings/,
    ],
    ['an ONNX file', { teacher: { source: 'onnx', path: 'model.onnx' } }, /"onnx" cannot be asked for embeddings/],
    [
      'smoothed labels',
      { ...ofPairs, controls: ['label-smoothing'] },
      /no classes that could share what smoothing takes/,
    ],
    [
      'a second text that is not there',
      { columns: { pairColumn: 'other' } },
      /"other" is not a column of train\.jsonl/,
    ],
  ] as [string, Partial<TinyExperiment>, RegExp][])('is refused with %s', async (_, change, expected) => {
    const { code, said } = await refused(change);
    expect(said).toMatch(expected);
    expect(code).toBe(2);
  });

  it('warns of a temperature, and of texts longer than its teacher was made for', async () => {
    const { code, said } = await refused({
      teacher: { source: 'run', run, role: 'student' },
      distillation: { temperature: 2, alpha: undefined },
      maxLength: 24,
    });
    expect(said).toMatch(/no distribution that a temperature could soften/);
    expect(code).toBe(0);
  });

  it.each([
    [
      'modules.json',
      JSON.stringify([
        { type: 'a.Transformer', path: '' },
        { type: 'a.LSTM', path: '1_LSTM' },
      ]),
      /LSTM/,
    ],
    ['modules.json', JSON.stringify([{ type: 'a.Transformer', path: '../..' }]), /no folder in its own/],
    [
      'modules.json',
      JSON.stringify([{ type: 'a.Transformer' }, { type: 'a.Pooling', path: '..' }]),
      /no folder in its/,
    ],
    ['1_Pooling/config.json', '{"pooling_mode_lasttoken": true, "pooling_mode_mean_tokens": false}', /lasttoken/],
    ['1_Pooling/config.json', '{"pooling_mode_cls_token": true}', /by cls, mean\. Use/],
    ['2_Dense/config.json', '{"out_features": 48, "activation_function": "torch.nn.ReLU"}', /torch\.nn\.ReLU/],
    ['sentence_bert_config.json', '{"do_lower_case": true}', /do_lower_case/],
    ['config_sentence_transformers.json', '{"default_prompt_name": "query"}', /its prompt "query"/],
  ])('refuses a teacher whose %s says what is not known: %s', async (name, text, expected) => {
    const folder = ofTexts({ teacher: { source: 'checkpoint', path: 'model' } });
    cpSync(path.join(run, 'student'), path.join(folder, 'model'), { recursive: true });
    write(path.join(folder, 'model', name), text);
    const { code, stdout, stderr } = await distilleryHere(['validate', 'tiny.distill.json'], folder);
    expect(stdout + stderr).toMatch(expected);
    expect(stdout + stderr).toContain(path.basename(name));
    expect(code).toBe(2);
  });
});
