/** @file A teacher of several models: the mean of their probabilities by hand, and a real run with one in its cache, comparison and resumption. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { logMean, meanLogits } from '../../src/distill/teacher/ensemble';
import { expandedEnsemble } from '../../src/experiment/ensemble';
import type { EnsembleSpec } from '../../src/experiment/file/blocks/teacher';
import type { ResolvedExperiment } from '../../src/experiment/file/schema';
import { softmax } from '../../src/protocol/distribution';
import type { InspectResult } from '../../src/protocol/inspection-records';
import type { RunResult } from '../../src/runner/run/carry-out';
import type { SweepResult } from '../../src/runner/commands/sweep';
import { inspected } from './asked';
import { distilleryHere, documentHere } from './in-process';
import { document, onlyRun, start, stoppingAt, tinyWorkspace, untilStopped } from './program';

describe('the mean of several teachers', () => {
  it('is that of their probabilities, not of their logits', () => {
    // softmax(ln 9, 0) = (.9, .1) and softmax(0, ln 4) = (.2, .8).
    const members = [
      [Math.log(9), 0],
      [0, Math.log(4)],
    ];
    const [first, second] = logMean(members, [0.5, 0.5], 1);
    expect(Math.exp(first!)).toBeCloseTo(0.55, 12);
    expect(Math.exp(second!)).toBeCloseTo(0.45, 12);
    // The mean of the logits would give .6: 1.5 to 1.
    expect(softmax([Math.log(9) / 2, Math.log(4) / 2])[0]).toBeCloseTo(0.6, 12);
    expect(Math.exp(logMean(members, [0.75, 0.25], 1)[0]!)).toBeCloseTo(0.725, 12);
  });

  it('is taken anew at each temperature', () => {
    // At T = 2 the odds are 3 : 1 and 1 : 2.
    const members = [
      [Math.log(9), 0],
      [0, Math.log(4)],
    ];
    expect(Math.exp(logMean(members, [0.5, 0.5], 2)[0]!)).toBeCloseTo((3 / 4 + 1 / 3) / 2, 12);
  });

  it('has logits whose softmax at that temperature it is, also where exponentials would overflow', () => {
    const members = [Float32Array.of(900, 0, -900, 1, 2, 3), Float32Array.of(-900, 0, 900, 3, 2, 1)];
    const rows = members.map((data) => ({ shape: [2, 3], data }));
    const { data: logits } = meanLogits(rows, [0.5, 0.5], 2);
    expect([...softmax(logits.subarray(0, 3), 2)].map((p) => Number(p.toFixed(6)))).toEqual([0.5, 0, 0.5]);
    const [one, other] = [softmax([1, 2, 3], 2), softmax([3, 2, 1], 2)];
    softmax(logits.subarray(3), 2).forEach((p, c) => expect(p).toBeCloseTo((one[c]! + other[c]!) / 2, 6));
  });
});

describe('an ensemble', () => {
  const train = { source: 'train' as const, training: { seed: 5 } };
  const ensemble = (weights?: number[]): EnsembleSpec =>
    ({
      source: 'ensemble',
      teachers: [
        { ...train, seeds: 3 },
        { source: 'checkpoint', path: 'a' },
      ],
      weights,
    }) as unknown as EnsembleSpec;

  it('has a member for each seed, which share the weight of their entry', () => {
    const { teachers, weights } = expandedEnsemble(ensemble([3, 1]));
    expect(teachers.map((member) => (member.source === 'train' ? member.training.seed : member.source))).toEqual([
      5,
      6,
      7,
      'checkpoint',
    ]);
    expect(weights).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(expandedEnsemble(ensemble()).weights.at(-1)).toBe(0.5);
    // What was expanded stays as it is.
    const once = expandedEnsemble(ensemble([3, 1]));
    expect(expandedEnsemble(once)).toEqual(once);
  });
});

/** Two trained teachers of one architecture and seed 1 and 2, and one of the other family. */
function withEnsemble(): string {
  const workspace = tinyWorkspace({
    task: 'text-classification',
    training: { epochs: 6, checkpointEvery: 3 },
    distillation: { temperature: { from: 4, to: 2 } },
  });
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as { teacher: { training: object } };
  const { training } = experiment.teacher;
  const teachers = [
    { source: 'train', architecture: { family: 'bert', hiddenSize: 24, layers: 1, heads: 2 }, training, seeds: 2 },
    { source: 'train', architecture: { family: 'gpt2', hiddenSize: 24, layers: 1, heads: 2 }, training },
  ];
  const teacher = { source: 'ensemble', teachers, weights: [2, 1] };
  writeFileSync(file, JSON.stringify({ ...experiment, teacher, controls: [] }));
  return workspace;
}

describe('a run with an ensemble', () => {
  it('keeps the answers of each member, shows each beside the mean, and resumed ends with the same weights', async () => {
    const workspace = withEnsemble();
    const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    const run = onlyRun(workspace);
    expect(summary!.rows.map(({ role, name }) => `${role}: ${name}`)).toEqual([
      'teacher: teacher',
      'teacher: teacher 1',
      'teacher: teacher 2',
      'teacher: teacher 3',
      'student: student',
    ]);
    const [mean, ...members] = summary!.rows;
    expect(mean!.parameters).toBe(members.slice(0, 3).reduce((sum, { parameters }) => sum + parameters!, 0));
    expect(readdirSync(path.join(workspace, '.distillery', 'cache', 'teacher'))).toHaveLength(3);
    const experiment = JSON.parse(readFileSync(path.join(run, 'experiment.json'), 'utf8')) as ResolvedExperiment;
    const { weights } = experiment.teacher as EnsembleSpec;
    weights!.forEach((weight) => expect(weight).toBeCloseTo(1 / 3, 12));

    // What inspection says of the mean, held against the members' own folders, at the run's first temperature.
    const text = 'Free money! Click here now';
    const at = (target: string): Promise<InspectResult> => inspected(target, { text, temperature: 4 });
    const spam = ({ positions }: InspectResult): number =>
      positions[0]!.teacher!.top.find(({ token }) => token === 'spam')!.probability;
    const each: number[] = [];
    for (const i of [1, 2, 3]) each.push(spam(await at(path.join(run, 'teacher', String(i), 'model'))));
    expect(spam(await at(run))).toBeCloseTo(each.reduce((a, b) => a + b) / 3, 5);

    const killed = withEnsemble();
    const { child, outcome } = start(['run', 'tiny.distill.json'], killed, stoppingAt('.', 8));
    await untilStopped(child);
    child.kill('SIGKILL');
    await outcome;
    await document(['resume', onlyRun(killed)], killed);
    const student = (of: string): Buffer => readFileSync(path.join(of, 'student', 'model.safetensors'));
    expect(student(onlyRun(killed)).equals(student(run))).toBe(true);
  });

  it('averages two decoders of different widths, and keeps the answers of each', async () => {
    const workspace = tinyWorkspace({ task: 'causal-lm', training: { epochs: 1 }, distillation: { temperature: 3 } });
    const file = path.join(workspace, 'tiny.distill.json');
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as { teacher: { training: object } };
    const { training } = experiment.teacher;
    const teachers = [
      { source: 'train', architecture: { family: 'gpt2', hiddenSize: 24, layers: 1, heads: 2 }, training },
      { source: 'train', architecture: { family: 'gpt2', hiddenSize: 32, layers: 1, heads: 2 }, training },
    ];
    writeFileSync(file, JSON.stringify({ ...experiment, teacher: { source: 'ensemble', teachers }, controls: [] }));
    const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    const run = onlyRun(workspace);
    const [mean, first, second, student] = summary!.rows;
    expect([mean, first, second, student].map((row) => row!.name)).toEqual([
      'teacher',
      'teacher 1',
      'teacher 2',
      'student',
    ]);
    // −log of a mean is at most the mean of −log (Jensen), and equal only where the members say the same.
    expect(mean!.metrics.loss).toBeLessThan((first!.metrics.loss! + second!.metrics.loss!) / 2);
    expect(student!.metrics.teacherKl).toBeGreaterThan(0);
    expect(readdirSync(path.join(workspace, '.distillery', 'cache', 'teacher'))).toHaveLength(2);

    const at = (target: string): Promise<InspectResult> =>
      inspected(target, { text: 'Call me Ishmael. Some years ago', temperature: 3 });
    const ofRun = await at(run);
    const each: InspectResult[] = [];
    for (const i of [1, 2]) each.push(await at(path.join(run, 'teacher', String(i), 'model')));
    const top = (of: InspectResult): Map<string, number> =>
      new Map(of.positions[2]!.teacher!.top.map(({ token, probability }) => [token, probability]));
    const shared = [...top(ofRun)].filter(([token]) => each.every((one) => top(one).has(token)));
    expect(shared.length).toBeGreaterThan(0);
    for (const [token, probability] of shared) {
      expect(probability).toBeCloseTo((top(each[0]!).get(token)! + top(each[1]!).get(token)!) / 2, 6);
    }
  });

  it('has its members trained once for all runs of a sweep, here of masked language models of two families', async () => {
    const workspace = tinyWorkspace({ task: 'masked-lm', training: { epochs: 1 } });
    const file = path.join(workspace, 'tiny.distill.json');
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as { teacher: { training: object } };
    const { training } = experiment.teacher;
    const member = (family: string): object => ({
      source: 'train',
      architecture: { family, hiddenSize: 24, layers: 1, heads: 2 },
      training,
    });
    const teacher = { source: 'ensemble', teachers: [member('bert'), member('distilbert')], weights: [1, 3] };
    const sweep = { 'distillation.temperature': [1, 4] };
    writeFileSync(file, JSON.stringify({ ...experiment, teacher, sweep, controls: [] }));
    const { rows } = await documentHere<SweepResult>(['sweep', 'tiny.distill.json'], workspace);
    const [first, second] = rows.map(({ directory }) => directory) as [string, string];
    const log = readFileSync(path.join(second, 'log.txt'), 'utf8');
    expect(log).toContain('distilling the student');
    expect(log).not.toContain('training the teacher');
    const lossOf = (row: number, name: string): number =>
      rows[row]!.summary!.rows.find((one) => one.name === name)!.metrics.loss!;
    for (const name of ['teacher', 'teacher 1', 'teacher 2']) expect(lossOf(1, name)).toBe(lossOf(0, name));
    expect(lossOf(1, 'student')).not.toBe(lossOf(0, 'student'));
    // Its student may be the teacher of a later run; its teacher is no single model.
    const later = path.join(workspace, 'later.distill.json');
    const ofRun = { source: 'run', run: path.basename(first), role: 'teacher' };
    writeFileSync(later, JSON.stringify({ ...experiment, tokenizer: { source: 'teacher' }, teacher: ofRun }));
    const { code, stdout } = await distilleryHere(['validate', later], workspace);
    expect(code).not.toBe(0);
    expect(stdout).toContain('The teacher of this run is an ensemble, which is no single model. Name its members');
  });
});
