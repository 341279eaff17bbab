/** @file A training that diverges: it stops with a sentence, or goes on with a lower learning rate; killed meanwhile, alike. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { isResumable, type MetricsRecord, type RunRecord } from '../../src/protocol/records';
import type { RunResult } from '../../src/runner/run/carry-out';
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

/** Each update multiplies the weights by 1 − rate · decay: −7, then −3, −1 and less as the rate is halved. */
const training = { epochs: 8, learningRate: 8, weightDecay: 1, warmup: 0, checkpointEvery: 50, clipNorm: 1 };
const experiment = (onDivergence?: string): TinyExperiment => ({
  task: 'text-classification',
  training: { ...training, ...(onDivergence && { onDivergence }) },
});

/** The best weights are those of the beginning, so the last are looked at. */
const weightsOf = (run: string): Buffer => readFileSync(path.join(run, 'checkpoints', 'last', 'model.safetensors'));
const ratesOf = (run: string): number[] =>
  readLines<MetricsRecord>(path.join(run, 'metrics.jsonl')).map(({ learningRate }) => learningRate);
const logOf = (run: string): string => readFileSync(path.join(run, 'log.txt'), 'utf8');

it('stops where it is told nothing else; resumed it stops at the same step, so that this is not offered', async () => {
  const workspace = tinyWorkspace({ ...experiment(), controls: [] });
  const { code, stderr } = await distilleryHere(['run', 'tiny.distill.json'], workspace);
  expect(code).toBe(1);
  const [told] = /\S.* is not a finite number at step \d+: \S+/.exec(stderr)!;
  const run = onlyRun(workspace);
  const record = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as RunRecord;
  expect(record).toMatchObject({ status: 'failed', error: { code: 'training-diverged' } });
  expect(isResumable(record)).toBe(false);
  const resumed = await distillery(['resume', path.basename(run)], workspace);
  expect(resumed.code).toBe(1);
  expect(resumed.stderr).toContain(told);
});

it('goes back and on with half the rate until it holds, and to the same weights where it is stopped before and killed after', async () => {
  const workspace = tinyWorkspace(experiment('lower-rate'));
  const { status } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
  expect(status).toBe('done');
  const run = onlyRun(workspace);
  const lowered = logOf(run).match(/The student goes on from step \d+ with 1\/\d+ of the learning rate/g)!;
  expect(lowered[0]).toMatch(/with 1\/2 of/);
  const metrics = readLines<MetricsRecord>(path.join(run, 'metrics.jsonl'));
  expect(metrics.map(({ step }) => step)).toEqual(metrics.map((_, i) => i));

  const other = tinyWorkspace({ ...experiment('lower-rate'), controls: [] });
  const first = start(['run', 'tiny.distill.json'], other, stoppingAt('.', 9));
  await untilStopped(first.child);
  first.child.kill('SIGTERM');
  first.child.kill('SIGCONT');
  await first.outcome;
  expect(logOf(onlyRun(other))).not.toContain('The student goes on from step');
  // More steps than it makes without going back, wherever it begins.
  const divergedAt = Number(/at step (\d+): \S+ The student goes on/.exec(logOf(run))![1]);
  const { child, outcome } = start(['resume', path.basename(onlyRun(other))], other, stoppingAt('.', divergedAt + 8));
  await untilStopped(child);
  expect(logOf(onlyRun(other))).toContain('The student goes on from step');
  child.kill('SIGKILL');
  await outcome;
  const resumed = await document<RunResult>(['resume', path.basename(onlyRun(other))], other);
  expect(resumed.status).toBe('done');
  expect(ratesOf(onlyRun(other))).toEqual(ratesOf(run));
  expect(weightsOf(onlyRun(other)).equals(weightsOf(run))).toBe(true);
});
