/** @file Studies through the real program: sweeps that end with an answer, and can be gone on with. */

import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/protocol/records';
import { answerOf, type FamiliesAnswer, type LabelsAnswer, type TemperatureAnswer } from '../../src/protocol/study';
import type { StudyResult } from '../../src/runner/commands/study';
import { writeStudyReport } from '../../src/runner/report/study-report';
import type { RunResult } from '../../src/runner/run/carry-out';
import { distilleryHere, documentHere } from './in-process';
import {
  document,
  readLines,
  sampleRows,
  start,
  stoppingAt,
  tinyWorkspace,
  untilStopped,
  type TinyExperiment,
} from './program';

const experiment: TinyExperiment = {
  task: 'text-classification',
  training: { epochs: 1, evaluateEvery: 1000, checkpointEvery: 3 },
};

function change(workspace: string, changes: (written: Record<string, unknown>) => object): void {
  const file = path.join(workspace, 'tiny.distill.json');
  writeFileSync(file, JSON.stringify(changes(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>)));
}

const runsOf = (workspace: string): string[] => {
  const runs = path.join(workspace, '.distillery', 'runs');
  return existsSync(runs) ? readdirSync(runs).sort() : [];
};

describe('a study of how many labels a teacher saves', () => {
  const asked = ['study', 'labels', 'tiny.distill.json', '--labels', '16,48', '--unlabelled', '8'];
  let workspace: string;
  let study: StudyResult;
  beforeAll(async () => {
    const unlabelled = sampleRows('spam', 'train', 72).slice(48);
    workspace = tinyWorkspace({ ...experiment, rows: { unlabelled } });
    const { directory } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    change(workspace, (written) => ({
      ...written,
      teacher: { source: 'run', run: directory },
      tokenizer: { source: 'teacher' },
    }));
    study = await document<StudyResult>(asked, workspace);
  });

  it('trains student and control with so many labels and texts, the fewer among the more', () => {
    expect(study.rows.map(({ status, values }) => [status, values])).toEqual([
      ['done', { 'dataset.unlabelledRows': 8, 'dataset.trainRows': 16 }],
      ['done', { 'dataset.unlabelledRows': 8, 'dataset.trainRows': 48 }],
    ]);
    for (const [i, labels] of [16, 48].entries()) {
      const log = readFileSync(path.join(study.rows[i]!.directory, 'log.txt'), 'utf8');
      expect(log).toContain(`${labels} training, 8 unlabelled and 24 validation examples`);
      // Fewer labels, not fewer updates: 48 + 8 rows in batches of 8.
      expect(readLines(path.join(study.rows[i]!.directory, 'metrics.jsonl'))).toHaveLength(7);
    }
    const record = JSON.parse(readFileSync(path.join(study.rows[0]!.directory, 'run.json'), 'utf8')) as RunRecord;
    const { values } = study.rows[0]!;
    expect(record.sweep).toEqual({ id: study.sweep, study: 'labels', values, number: 1, of: 2 });
  });

  it('ends with a sentence, an interval, and a picture in its report', () => {
    const answer = study.answer as LabelsAnswer;
    expect(answer.curves.map(({ unlabelled, points }) => [unlabelled, points.map(({ labels }) => labels)])).toEqual([
      [8, [16, 48]],
    ]);
    expect(study.said).toMatch(/^With the teacher, 16 labels and 8 unlabelled texts are worth .* \(95 % interval.*\)/);
    const report = readFileSync(path.join(study.directory, 'report.md'), 'utf8');
    expect(report).toContain(study.said);
    expect(report).toContain('![How many labels does the teacher save?](study.svg)');
    expect(readFileSync(path.join(study.directory, 'study.svg'), 'utf8')).not.toMatch(/NaN|undefined/);
  });

  it('runs nothing again, and only what is new where numbers are added', async () => {
    const before = runsOf(workspace);
    expect(await documentHere<StudyResult>(asked, workspace)).toEqual(study);
    const more = await documentHere<StudyResult>([...asked.slice(0, 4), '16,32,48', '--unlabelled', '8'], workspace);
    expect(more.rows.map(({ run }) => run)).toEqual([study.rows[0]!.run, expect.anything(), study.rows[1]!.run]);
    expect(runsOf(workspace)).toHaveLength(before.length + 1);
    const { stdout } = await distilleryHere(asked, workspace);
    expect(stdout).toMatch(/How many labels does the teacher save\?\n +16 labels, student +█/);
  });
});

it('a study of families trains an encoder and a decoder of the same sizes', async () => {
  const workspace = tinyWorkspace(experiment);
  const { rows, said, answer } = await documentHere<StudyResult>(['study', 'families', 'tiny.distill.json'], workspace);
  expect(rows.map(({ status, values }) => [status, values['student.architecture.family']])).toEqual([
    ['done', 'bert'],
    ['done', 'gpt2'],
  ]);
  expect(said).toMatch(
    /^In macro-F1, distillation gave over the control: the encoder bert .*; the decoder gpt2 .*\. .*less the decoder's is .*, 95 % interval /,
  );
  const [bert, gpt2] = (answer as FamiliesAnswer).points;
  expect(Math.abs(bert!.parameters / gpt2!.parameters - 1)).toBeLessThan(0.1);
  // Both on the same resamples of the same 24 rows, so that the difference is a paired one.
  for (const { resampled, student } of [bert!, gpt2!]) {
    expect([resampled!.rows, resampled!.student.length, resampled!.control.length]).toEqual([24, 200, 200]);
    const mean = resampled!.student.reduce((sum, one) => sum + one, 0) / 200;
    expect(Math.abs(mean - student.value)).toBeLessThan(0.1);
  }
});

it('a study of T and α, killed and asked again, goes on and picks the best by validation', async () => {
  const workspace = tinyWorkspace(experiment);
  const asked = ['study', 'temperature', 'tiny.distill.json', '--temperatures', '1,4', '--alphas', '0.9'];
  // A student makes 6 steps: the second has made 4.
  const { child, outcome } = start(asked, workspace, stoppingAt('.', 6 + 4));
  await untilStopped(child);
  child.kill('SIGKILL');
  await outcome;
  expect(runsOf(workspace)).toHaveLength(2);
  const { rows, answer, said } = await document<StudyResult>(asked, workspace);
  expect(runsOf(workspace)).toEqual(rows.map(({ run }) => run));
  const { points, best } = answer as TemperatureAnswer;
  expect(points.map(({ temperature, alpha }) => [temperature, alpha])).toEqual([
    [1, 0.9],
    [4, 0.9],
  ]);
  for (const [i, { directory }] of rows.entries()) {
    const evaluations = readLines<{ role: string; metrics: { macroF1: number } }>(
      path.join(directory, 'evaluations.jsonl'),
    );
    const values = evaluations.filter(({ role }) => role === 'student').map(({ metrics }) => metrics.macroF1);
    expect(points[i]!.validation).toBe(Math.max(...values));
  }
  expect(best!.validation).toBe(Math.max(...points.map(({ validation }) => validation!)));
  expect(said).toMatch(/^On validation, T = [14] with α = \.?0?\.9 is best: macro-F1 .* 95 % interval /);
});

it('a study whose folder is a link writes nothing behind it', async () => {
  const [workspace, elsewhere] = [tinyWorkspace(experiment), tinyWorkspace(experiment)];
  const studies = path.join(workspace, '.distillery', 'studies');
  mkdirSync(path.dirname(studies));
  symlinkSync(elsewhere, studies);
  const before = readdirSync(elsewhere);
  const answer = answerOf('temperature', 'text-classification', []);
  const directory = path.join(studies, 'temperature-1');
  const study = { name: 'tiny', answer, said: '', directory, combinations: 0, rows: [] };
  await expect(writeStudyReport(study)).rejects.toThrow(/studies.*link/);
  expect(readdirSync(elsewhere)).toEqual(before);
});

it.each<[string, TinyExperiment, RegExp]>([
  ['labels', experiment, /cannot be studied with one that is trained on the same labels/],
  ['families', { ...experiment, task: 'causal-lm' }, /Families cannot be compared for causal-lm/],
])('a study of %s refuses an experiment that cannot answer it, before anything is run', async (kind, of, words) => {
  const workspace = tinyWorkspace(of);
  const { code, stderr } = await distilleryHere(['study', kind, 'tiny.distill.json'], workspace);
  expect(code).toBe(2);
  expect(stderr).toMatch(words);
  expect(runsOf(workspace)).toEqual([]);
});
