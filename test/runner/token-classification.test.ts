/** @file Named entities and other classes of words, from the dataset to the exported student, through the real program. */

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import type { InspectResult, ProbeExamples } from '../../src/protocol/inspection-records';
import type { ComparisonRow, EvaluationRecord, PredictionRecord, RunRecord } from '../../src/protocol/records';
import type { RunResult } from '../../src/runner/run/carry-out';
import { distilleryHere, documentHere } from './in-process';
import {
  document,
  onlyRun,
  readLines,
  start,
  stoppingAt,
  tinyWorkspace,
  untilStopped,
  type TinyExperiment,
} from './program';
import { asLines, entityTags, taggedRows, type TaggedRow } from './tagged';

const rows = {
  train: asLines(taggedRows(200, 1)),
  validation: asLines(taggedRows(40, 2)),
  test: asLines(taggedRows(60, 3)),
};
const training = { epochs: 3, evaluateEvery: 25, checkpointEvery: 25, learningRate: 5e-3 };
const inWords: TinyExperiment = { task: 'token-classification', rows, training, controls: ['label-smoothing'] };

const distillation = { temperature: 2, alpha: 0.9 };

/** Of one run, which all tests look at. */
let workspace: string;
let run: string;
let summary: ComparisonRow[];
beforeAll(async () => {
  workspace = tinyWorkspace({ ...inWords, distillation });
  const result = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
  run = onlyRun(workspace);
  summary = result.summary!.rows;
}, 60_000);

const rowOf = (role: string): ComparisonRow => summary.find((row) => row.role === role)!;

describe('a run with named entities', () => {
  it('teaches the student which words are entities, and says so by their F1', () => {
    const { labels } = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as RunRecord;
    expect(labels).toBe('entities');
    // Tags by chance have .2, and none at all 0.
    for (const role of ['teacher', 'student']) expect(rowOf(role).metrics.entityF1).toBeGreaterThan(0.8);
    const { metrics, intervals } = rowOf('student');
    expect(Object.keys(metrics)).toEqual(expect.arrayContaining(['accuracy', 'agreement', 'teacherKl']));
    expect(metrics).not.toHaveProperty('macroF1');
    const [low, high] = intervals!.entityF1!;
    expect(low).toBeLessThanOrEqual(metrics.entityF1!);
    expect(high).toBeGreaterThanOrEqual(metrics.entityF1!);
  });

  it('chooses its checkpoint by that, and measures it as its rows add up', () => {
    const evaluations = readLines<EvaluationRecord>(path.join(run, 'evaluations.jsonl'));
    expect(evaluations.every(({ metrics }) => metrics.entityF1 !== undefined)).toBe(true);
    const sum = { right: 0, said: 0, there: 0 };
    for (const { models } of readLines<PredictionRecord>(path.join(run, 'predictions.jsonl'))) {
      const { right, said, there } = models.student!.entities!;
      sum.right += right;
      sum.said += said;
      sum.there += there;
    }
    expect(rowOf('student').metrics.entityF1).toBeCloseTo((2 * sum.right) / (sum.said + sum.there), 12);
  });

  it('killed while its student trains and resumed, has the weights of one that was not', async () => {
    const begun = tinyWorkspace({ ...inWords, distillation, controls: [] });
    const { child, outcome } = start(['run', 'tiny.distill.json'], begun, stoppingAt('.', 30));
    await untilStopped(child);
    child.kill('SIGKILL');
    expect((await outcome).signal).toBe('SIGKILL');
    await document(['resume', onlyRun(begun)], begun);
    const [resumed, whole] = [onlyRun(begun), run].map((one) =>
      readFileSync(path.join(one, 'student', 'model.safetensors')),
    );
    expect(resumed!.equals(whole!)).toBe(true);
  });

  it('keeps pinned examples word by word, with the tag of each', () => {
    const { names, examples } = JSON.parse(
      readFileSync(path.join(run, 'probes', 'examples.json'), 'utf8'),
    ) as ProbeExamples;
    expect(names).toEqual(entityTags);
    const [{ text, tokens, positions }] = examples as [ProbeExamples['examples'][number]];
    expect(tokens.map(({ token }) => token).join(' ')).toBe(text);
    const { tokens: words, ner_tags: tags } = JSON.parse(rows.validation[0]!) as TaggedRow;
    expect(positions.map(({ token }) => tokens[token]!.token)).toEqual(words);
    expect(positions.map(({ label }) => names[label])).toEqual(tags);
  });

  it('is inspected word by word, by a row or a text', async () => {
    const args = ['inspect', run, '--temperature', '2'];
    const ofRow = await documentHere<InspectResult>([...args, '--file', 'test.jsonl', '--row', '1'], workspace);
    const { tokens: words, ner_tags: tags } = JSON.parse(rows.test[0]!) as TaggedRow;
    expect(ofRow.positions.map(({ token, label, counted }) => [token, label, counted])).toEqual(
      words.map((word, i) => [word, tags[i], true]),
    );
    for (const { teacher, student } of ofRow.positions) {
      expect(teacher!.top.map(({ token }) => token).sort()).toEqual(entityTags);
      expect(student!.label!.rank).toBeGreaterThanOrEqual(1);
    }
    const ofText = await documentHere<InspectResult>([...args, '--text', words.join(' ')], workspace);
    expect(ofText.positions.map(({ kl }) => kl)).toEqual(ofRow.positions.map(({ kl }) => kl));
    expect(ofText.positions[0]).not.toHaveProperty('label', tags[0]);
  });

  it('exports a student that transformers knows as one of tokens, and ONNX with logits of each', async () => {
    const { code } = await distilleryHere(['export', run, '--to', 'student', '--format', 'huggingface'], workspace);
    expect(code).toBe(0);
    const config = JSON.parse(readFileSync(path.join(workspace, 'student', 'config.json'), 'utf8')) as object;
    expect(config).toMatchObject({
      architectures: ['BertForTokenClassification'],
      id2label: Object.fromEntries(entityTags.map((tag, i) => [String(i), tag])),
    });
    const { architecture } = await loadCheckpoint(path.join(workspace, 'student'));
    expect(architecture).toMatchObject({ head: 'token-classification', labels: entityTags });
    await distilleryHere(['export', run, '--to', 'onnx', '--format', 'onnx'], workspace);
    expect(existsSync(path.join(workspace, 'onnx', 'model.onnx'))).toBe(true);
  });

  it('can teach others whose tags are the numbers of its own, as an ONNX file too', async () => {
    const numbers = (lines: readonly string[]): string[] =>
      lines.map((line) => {
        const row = JSON.parse(line) as TaggedRow;
        return JSON.stringify({ ...row, ner_tags: row.ner_tags.map((tag) => entityTags.indexOf(tag)) });
      });
    const folder = tinyWorkspace({
      ...inWords,
      rows: { train: numbers(rows.train.slice(0, 16)), validation: numbers(rows.validation), test: numbers(rows.test) },
      teacher: { source: 'onnx', path: path.join(workspace, 'onnx', 'model.onnx') },
      training: { epochs: 1 },
      controls: [],
    });
    const { summary: other } = await documentHere<RunResult>(['run', 'tiny.distill.json'], folder);
    // The same rows by the same weights.
    expect(other!.rows[0]!.metrics.entityF1).toBeCloseTo(rowOf('student').metrics.entityF1!, 6);
  });
});

describe('a dataset of words', () => {
  const validated = async (change: Partial<Record<string, unknown>>[], more: Partial<TinyExperiment> = {}) => {
    const lines = taggedRows(20, 4).map((row, i) => JSON.stringify({ ...row, ...change[i] }));
    const folder = tinyWorkspace({ ...inWords, ...more, rows: { ...rows, train: lines } });
    const { code, stderr, stdout } = await distilleryHere(['validate', 'tiny.distill.json'], folder);
    return { code, said: stdout + stderr };
  };

  it.each([
    [{ ner_tags: ['O'] }, /train\.jsonl:1:1: .*words and 1 tags\. Give each word one tag/],
    [{ tokens: [], ner_tags: [] }, /train\.jsonl:1:1: .*no words/],
    [{ tokens: [['x']], ner_tags: ['O'] }, /train\.jsonl:1:1: .*"tokens" is no list of words/],
    [{ ner_tags: undefined }, /1 of 20 rows have words without tags/],
  ])('says which row is wrong, and how: %j', async (row, expected) => {
    const { code, said } = await validated([row]);
    expect(said).toMatch(expected);
    expect(code).toBe(0); // the others can be used
  });

  it('is refused where its tags are not the teacher’s, with the row that has the first', async () => {
    const teacher = { source: 'run', run };
    const { code, said } = await validated([{}, { tokens: ['x'], ner_tags: ['B-ORG'] }], { teacher });
    expect(code).toBe(2);
    expect(said).toMatch(/train\.jsonl:2:1: .*no class "B-ORG"\. Its classes are "B-LOC"/);
  });

  it('of parts of speech is judged by how many words are right, of those that are not cut off', async () => {
    const lines = (all: readonly string[]): string[] => {
      const simple = (tag: string): string => (tag === 'O' ? 'OTHER' : 'NOUN');
      return all.map((line) => {
        const { tokens, ner_tags: tags } = JSON.parse(line) as TaggedRow;
        return JSON.stringify({ words: tokens.join(' '), tags: tags.map(simple).join(' ') });
      });
    };
    const folder = tinyWorkspace({
      ...inWords,
      rows: { train: lines(rows.train), validation: lines(rows.validation) },
      maxLength: 8,
      training: { ...training, epochs: 1 },
      withoutTest: true,
      controls: [],
    });
    const { summary: found } = await documentHere<RunResult>(['run', 'tiny.distill.json'], folder);
    for (const { metrics } of found!.rows) {
      expect(metrics).not.toHaveProperty('entityF1');
      expect(metrics.accuracy).toBeGreaterThan(0.9);
    }
    expect(readFileSync(path.join(onlyRun(folder), 'log.txt'), 'utf8')).toMatch(
      /(train|validation)\.jsonl:\d+:1: .*Of \d+ rows, \d+ words beyond 8 tokens are not read/,
    );
  });

  it('is no dataset of an endpoint', async () => {
    const teacher = { source: 'endpoint', url: 'http://127.0.0.1:9/v1', model: 'm', topLogprobs: 5 };
    const { code, said } = await validated([], { teacher });
    expect(code).toBe(2);
    expect(said).toMatch(/token-classification/);
  });
});

it('writes what a person can read of its experiment', () => {
  expect(readFileSync(path.join(run, 'report.md'), 'utf8')).toContain('Task token-classification with named entities');
});
