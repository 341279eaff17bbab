/** @file A run with several seeds: one teacher, a student and a control for each seed, and a comparison over all of them. */

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PredictionRecord } from '../../src/protocol/records';
import type { SweepResult } from '../../src/runner/commands/sweep';
import type { RunResult } from '../../src/runner/run/carry-out';
import { allOr } from '../torture';
import { inspected } from './asked';
import { distilleryHere, documentHere } from './in-process';
import {
  distillery,
  document,
  onlyRun,
  readLines,
  start,
  stoppingAt,
  tinyWorkspace,
  untilStopped,
  type TinyExperiment,
} from './program';

const experiment: TinyExperiment = {
  task: 'text-classification',
  training: { epochs: 3, evaluateEvery: 1000, checkpointEvery: 3 },
};
const control = path.join('controls', 'no-distillation');
const models = ['student', `${control}/student`, 'seeds/5/student', `seeds/5/${control}/student`];
const weights = (run: string, model: string): Buffer => readFileSync(path.join(run, model, 'model.safetensors'));

describe('a run with two seeds', () => {
  let workspace: string;
  let run: string;
  let result: RunResult;
  beforeAll(async () => {
    workspace = tinyWorkspace({ ...experiment, seeds: [1, 5] });
    result = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    run = onlyRun(workspace);
  });

  it('gives each seed the student and the control that a run of that seed alone gives them', async () => {
    const alone = tinyWorkspace({ ...experiment, training: { ...experiment.training, seed: 5 } });
    // The teacher has a seed of its own.
    const file = path.join(alone, 'tiny.distill.json');
    const written = JSON.parse(readFileSync(file, 'utf8')) as { teacher: { training: { seed: number } } };
    written.teacher.training.seed = 1;
    writeFileSync(file, JSON.stringify(written));
    await documentHere(['run', 'tiny.distill.json'], alone);
    for (const model of ['student', `${control}/student`]) {
      expect(weights(onlyRun(alone), model).equals(weights(run, `seeds/5/${model}`)), model).toBe(true);
    }
    const last = (directory: string): Buffer => weights(directory, 'checkpoints/last');
    expect(last(run).equals(last(path.join(run, 'seeds', '5')))).toBe(false);
  });

  it('trains and asks the teacher once', () => {
    const log = readFileSync(path.join(run, 'log.txt'), 'utf8');
    expect(log.match(/training the teacher/g)).toHaveLength(1);
    expect(log.match(/asking the teacher/g)).toHaveLength(1);
    expect(log.match(/the teacher's answers are known/g)).toHaveLength(1);
    expect(log).toMatch(/training the control no-distillation, seed 5 \(2 of 2\)/);
  });

  it('compares means, with their spread, the seeds one by one, and a gain over seeds and rows', () => {
    const { seeds, rows, gain } = result.summary!;
    expect(seeds).toEqual([1, 5]);
    expect(rows.map(({ role }) => role)).toEqual(['teacher', 'student', 'control']);
    const student = rows[1]!;
    expect(student.bySeed!.map(({ seed }) => seed)).toEqual([1, 5]);
    const [first, second] = student.bySeed!.map(({ metrics }) => metrics.macroF1!) as [number, number];
    expect(student.metrics.macroF1).toBeCloseTo((first + second) / 2, 12);
    expect(student.spread!.macroF1).toBeCloseTo(Math.abs(first - second) / Math.SQRT2, 12);
    expect(rows[0]!.bySeed).toBeUndefined();
    const value = student.metrics.macroF1! - rows[2]!.metrics.macroF1!;
    expect(gain).toMatchObject({ metric: 'macroF1', level: 0.95, seeds: 2, rows: 24 });
    expect(gain!.mean).toBeCloseTo(value, 12);
    expect(student.gain).toEqual({ over: 'no-distillation', value: gain!.mean, interval: gain!.interval });
  });

  it('keeps what each seed said of each row', () => {
    const all = readLines<PredictionRecord>(path.join(run, 'predictions.jsonl'));
    expect(Object.keys(all[0]!.models)).toEqual(['teacher', 'student', 'no-distillation']);
    const further = readLines<PredictionRecord>(path.join(run, 'seeds', '5', 'predictions.jsonl'));
    expect(Object.keys(further[0]!.models)).toEqual(['student', 'no-distillation']);
    const right = further.filter(({ label, models: { student } }) => student!.choice === label).length;
    expect(result.summary!.rows[1]!.bySeed![1]!.metrics.accuracy).toBeCloseTo(right / further.length, 12);
  });

  it('says in the terminal and in its report how many seeds there are and what the interval decides', async () => {
    const { stdout } = await distillery(['resume', run], workspace);
    expect(stdout).toMatch(/2 seeds/);
    const report = readFileSync(path.join(run, 'report.md'), 'utf8');
    expect(report).toMatch(/2 seeds/);
    for (const seed of result.summary!.seeds!) {
      expect(report).toContain(`\n- student, seed ${seed}: best on validation at step`);
      expect(report).toContain(`\n- control no-distillation, seed ${seed}: best on validation at step`);
    }
  });

  it("shows a further seed's student to who asks for it, and says which there is none of", async () => {
    const student = async (target: string) =>
      (await inspected(target, { text: 'free prize, call now' })).positions[0]!.student!;
    const of = await student(`${run}/seeds/5`);
    expect(of.top).not.toEqual((await student(run)).top);
    expect((await student(`${run}/seeds/5/${control}`)).top).toHaveLength(2);
    const { code, stderr } = await distilleryHere(['inspect', `${run}/seeds/7`, '--text', 'x'], workspace);
    expect(code).toBe(2);
    expect(stderr).toMatch(/no further seed 7/);
  });

  const moments = [
    ["while its second seed's student trains", path.join('seeds', '5')],
    ["while its second seed's control trains", path.join('seeds', '5', control)],
  ] as const;

  it.each(allOr(moments, moments.slice(1)))(
    'killed %s and resumed, has the weights of an uninterrupted one',
    async (_, part) => {
      const other = tinyWorkspace({ ...experiment, seeds: [1, 5] });
      const { child, outcome } = start(['run', 'tiny.distill.json'], other, stoppingAt(part, 7));
      await untilStopped(child);
      child.kill('SIGKILL');
      await outcome;
      const resumed = await document<RunResult>(['resume', onlyRun(other)], other);
      expect(resumed.status).toBe('done');
      for (const model of models) expect(weights(onlyRun(other), model).equals(weights(run, model)), model).toBe(true);
    },
  );
});

it('a sweep whose runs have several seeds trains the controls of all seeds once', async () => {
  const workspace = tinyWorkspace({ ...experiment, training: { ...experiment.training, epochs: 1 }, seeds: 2 });
  const file = path.join(workspace, 'tiny.distill.json');
  const written = JSON.parse(readFileSync(file, 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...written, sweep: { 'distillation.alpha': [0.3, 0.9] } }));
  const { rows } = await documentHere<SweepResult>(['sweep', 'tiny.distill.json'], workspace);
  expect(rows.map(({ summary }) => summary!.seeds)).toEqual([
    [1, 2],
    [1, 2],
  ]);
  const log = readFileSync(path.join(rows[1]!.directory, 'log.txt'), 'utf8');
  expect(log).not.toMatch(/training the control/);
  expect(rows[1]!.summary!.rows[2]!.bySeed).toEqual(rows[0]!.summary!.rows[2]!.bySeed);
});
