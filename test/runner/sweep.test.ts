import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/protocol/records';
import type { SweepResult } from '../../src/runner/commands/sweep';
import { distilleryHere, documentHere } from './in-process';
import { start, stoppingAt, tinyWorkspace, untilStopped, type Outcome } from './program';

const training = { epochs: 2, evaluateEvery: 1000, checkpointEvery: 5 };

function sweepWorkspace(sweep: Record<string, unknown[]>, others: Record<string, unknown> = {}): string {
  const workspace = tinyWorkspace({ task: 'text-classification', training });
  changeExperiment(workspace, (experiment) => ({ ...experiment, ...others, sweep }));
  return workspace;
}

function changeExperiment(workspace: string, change: (experiment: Record<string, unknown>) => object): void {
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify(change(experiment), undefined, 2));
}

const runs = (workspace: string): string => path.join(workspace, '.distillery', 'runs');
const recordsOf = (workspace: string): RunRecord[] =>
  readdirSync(runs(workspace))
    .sort()
    .map((run) => JSON.parse(readFileSync(path.join(runs(workspace), run, 'run.json'), 'utf8')) as RunRecord);
/** Of the last checkpoint, not of the best, which may be that of step 0 in each. */
const weights = (directory: string, model = path.join('checkpoints', 'last')): Buffer =>
  readFileSync(path.join(directory, model, 'model.safetensors'));
const sweep = (workspace: string) => documentHere<SweepResult>(['sweep', 'tiny.distill.json'], workspace);

describe('a sweep', () => {
  let workspace: string;
  let result: SweepResult;
  beforeAll(async () => {
    workspace = sweepWorkspace({ 'distillation.temperature': [1, 4] });
    result = await sweep(workspace);
  });

  it('runs every combination, each a run that says what it is', () => {
    expect(result.rows.map(({ status, values }) => [status, values['distillation.temperature']])).toEqual([
      ['done', 1],
      ['done', 4],
    ]);
    const records = recordsOf(workspace);
    expect(records.map(({ name }) => name)).toEqual(['Tiny · T=1', 'Tiny · T=4']);
    expect(records.map((record) => record.sweep)).toEqual(
      result.rows.map(({ values }, i) => ({ id: result.sweep, values, number: i + 1, of: 2 })),
    );
    expect(weights(result.rows[0]!.directory).equals(weights(result.rows[1]!.directory))).toBe(false);
  });

  it('trains teacher and control once, and asks the teacher once', () => {
    const [first, second] = result.rows.map(({ directory }) => directory) as [string, string];
    expect(existsSync(path.join(second, 'teacher', 'metrics.jsonl'))).toBe(false);
    const log = readFileSync(path.join(second, 'log.txt'), 'utf8');
    expect(log).toMatch(/the teacher's answers are known/);
    expect(log).not.toMatch(/training the (teacher|control)/);
    const control = path.join('controls', 'no-distillation', 'student');
    expect(weights(second, control).equals(weights(first, control))).toBe(true);
    const rows = result.rows.map(({ summary }) => summary!.rows.map(({ role, metrics }) => [role, metrics]));
    expect(rows[0]!.map(([role]) => role)).toEqual(['teacher', 'student', 'control']);
    expect([rows[0]![0], rows[0]![2]]).toEqual([rows[1]![0], rows[1]![2]]);
  });

  it('gives the student that a run of that experiment by itself gives', async () => {
    const alone = tinyWorkspace({
      task: 'text-classification',
      training,
      distillation: { temperature: 4 },
      controls: [],
    });
    const { directory } = await documentHere<{ directory: string }>(['run', 'tiny.distill.json'], alone);
    expect(weights(directory).equals(weights(result.rows[1]!.directory))).toBe(true);
  });

  it('does nothing again, and only what is new where values are added', async () => {
    expect(await sweep(workspace)).toEqual(result);
    changeExperiment(workspace, (experiment) => ({ ...experiment, sweep: { 'distillation.temperature': [1, 2, 4] } }));
    const more = await sweep(workspace);
    expect(more.sweep).toBe(result.sweep);
    expect([more.rows[0], more.rows[2]]).toEqual(result.rows);
    expect(readdirSync(runs(workspace))).toHaveLength(3);
    const { stdout } = await distilleryHere(['sweep', 'tiny.distill.json'], workspace);
    expect(stdout).toMatch(/T .*macro-F1.*agreement.*control macro-F1/);
  });

  it('is left aside by a run, with a warning', async () => {
    const plain = sweepWorkspace({ 'distillation.temperature': [1, 4] }, { controls: [] });
    const { code, stderr } = await distilleryHere(['run', 'tiny.distill.json'], plain);
    expect(code).toBe(0);
    expect(stderr).toMatch(/tiny\.distill\.json:\d+:\d+: warning: A run leaves "sweep" aside/);
    const [record] = recordsOf(plain);
    expect(record).toMatchObject({ name: 'Tiny', status: 'done' });
    expect(record!.sweep).toBeUndefined();
  });
});

describe('a sweep of several processes', () => {
  const asked = ['sweep', 'tiny.distill.json', '--json', '--no-queue'];
  const values = { 'distillation.alpha': [0.3, 0.9] };
  const short = { ...training, epochs: 1 };
  const rowsOf = ({ stdout }: Outcome): SweepResult['rows'] => (JSON.parse(stdout) as SweepResult).rows;
  const saysThatItWaits = (stream: Readable | null): Promise<void> =>
    new Promise((resolve) => {
      let said = '';
      stream!.on('data', (bytes: Buffer) => {
        said += bytes.toString();
        if (said.includes('waiting for runs of this sweep')) resolve();
      });
    });

  it('has each run carried out by one of them', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification', training: short, controls: [] });
    const { directory } = await documentHere<{ directory: string }>(['run', 'tiny.distill.json'], workspace);
    changeExperiment(workspace, (experiment) => ({
      ...experiment,
      teacher: { source: 'run', run: directory },
      tokenizer: { source: 'teacher' },
      sweep: values,
    }));
    const held = start(asked, workspace, stoppingAt('.', 2));
    await untilStopped(held.child);
    // It takes the other one, and then waits for the first.
    const beside = start(asked, workspace);
    await saysThatItWaits(beside.child.stderr);
    expect(recordsOf(workspace).map(({ status }) => status)).toEqual(['done', 'running', 'done']);
    held.child.kill('SIGCONT');
    const rows = (await Promise.all([held.outcome, beside.outcome])).map(rowsOf);
    expect(rows[0]!.map(({ status }) => status)).toEqual(['done', 'done']);
    expect(rows[1]).toEqual(rows[0]);
    expect(readdirSync(runs(workspace))).toHaveLength(3);
  });

  it('trains the teacher in one of them, for which the others wait', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification', training: short, controls: [] });
    changeExperiment(workspace, (experiment) => ({ ...experiment, sweep: values }));
    const held = start(asked, workspace, stoppingAt('teacher', 2));
    await untilStopped(held.child);
    const beside = start(asked, workspace);
    await saysThatItWaits(beside.child.stderr);
    expect(readdirSync(runs(workspace))).toHaveLength(1);
    // With its process its run is everybody's.
    held.child.kill('SIGKILL');
    const rows = rowsOf(await beside.outcome);
    expect(rows.map(({ status }) => status)).toEqual(['done', 'done']);
    expect(rows.map(({ directory }) => existsSync(path.join(directory, 'teacher', 'metrics.jsonl')))).toEqual([
      true,
      false,
    ]);
  });
});

describe('an interrupted sweep', () => {
  it('killed in the middle of its second run, ends with what an uninterrupted one has', async () => {
    const values = { 'distillation.alpha': [0.3, 0.9] };
    const whole = await sweep(sweepWorkspace(values, { controls: [] }));
    const workspace = sweepWorkspace(values, { controls: [] });
    // Each student makes 12 steps.
    const { child, outcome } = start(['sweep', 'tiny.distill.json'], workspace, stoppingAt('.', 12 + 7));
    await untilStopped(child);
    child.kill('SIGKILL');
    await outcome;
    expect(readdirSync(runs(workspace))).toHaveLength(2);
    const resumed = await sweep(workspace);
    expect(readdirSync(runs(workspace))).toHaveLength(2);
    expect(resumed.rows.map(({ status }) => status)).toEqual(['done', 'done']);
    resumed.rows.forEach(({ directory }, i) =>
      expect(weights(directory).equals(weights(whole.rows[i]!.directory))).toBe(true),
    );
  });

  it('stopped, says how much is left', async () => {
    const workspace = sweepWorkspace({ 'distillation.alpha': [0.3, 0.9] }, { controls: [] });
    const { child, outcome } = start(['sweep', 'tiny.distill.json', '--json'], workspace, stoppingAt('teacher', 2));
    await untilStopped(child);
    child.kill('SIGINT');
    child.kill('SIGCONT');
    const { code, stdout } = await outcome;
    expect(code).toBe(0);
    const { rows, combinations } = JSON.parse(stdout) as SweepResult;
    expect(combinations).toBe(2);
    expect(rows.map(({ status }) => status)).toEqual(['stopped']);
  });

  it('goes on after a run that fails, and ends with exit code 1', async () => {
    const values = { 'training.learningRate': [1e30, 1e-3] };
    const workspace = sweepWorkspace(values, { controls: [] });
    changeExperiment(workspace, (experiment) => ({
      ...experiment,
      training: { ...(experiment.training as object), clipNorm: 0 },
    }));
    const { code, stdout } = await distilleryHere(['sweep', 'tiny.distill.json', '--json'], workspace);
    const { rows } = JSON.parse(stdout) as SweepResult;
    expect(rows.map(({ status }) => status)).toEqual(['failed', 'done']);
    expect(rows[0]!.error).toMatchObject({
      code: 'training-diverged',
      message: expect.stringMatching(/not a finite number/) as unknown,
      actions: [{ open: expect.stringMatching(/tiny\.distill\.json$/) as unknown }],
    });
    expect(code).toBe(1);
  });
});
