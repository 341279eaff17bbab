/** @file A run that imitates attention and relations: their curves in the records and the report, their pairs of blocks, and its weights where it was killed. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { ResolvedExperiment } from '../../src/experiment/file/schema';
import type { MetricsRecord } from '../../src/protocol/records';
import { documentHere } from './in-process';
import { document, onlyRun, readLines, start, stoppingAt, tinyWorkspace, untilStopped } from './program';

/** The student has as many heads as its teacher. */
function workspace(): string {
  const made = tinyWorkspace({
    task: 'text-classification',
    teacherLayers: 2,
    training: { epochs: 2, gradientAccumulation: 2, pack: true },
    distillation: {
      attention: { loss: 'mse', layers: 'uniform', weight: 0.5 },
      relations: { layers: 'last', weight: 2 },
    },
    controls: [],
  });
  const file = path.join(made, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as object;
  const architecture = { family: 'bert', hiddenSize: 24, layers: 1, heads: 4 };
  writeFileSync(file, JSON.stringify({ ...experiment, student: { architecture } }));
  return made;
}

const weights = (run: string): Buffer => readFileSync(path.join(run, 'student', 'model.safetensors'));
const losses = (run: string): MetricsRecord['loss'][] =>
  readLines<MetricsRecord>(path.join(run, 'metrics.jsonl')).map(({ loss }) => loss);

it('records and reports its losses, and killed and resumed has the same bits', async () => {
  const whole = workspace();
  await documentHere(['run', 'tiny.distill.json'], whole);
  const run = onlyRun(whole);
  const { distillation } = JSON.parse(readFileSync(path.join(run, 'experiment.json'), 'utf8')) as ResolvedExperiment;
  expect(distillation.attention).toEqual({ loss: 'mse', layers: [[1, 0]], weight: 0.5 });
  const of = ['queries', 'keys', 'values'];
  expect(distillation.relations).toEqual({ of, heads: 4, layers: [[1, 0]], weight: 2 });
  const recorded = losses(run);
  expect(recorded.length).toBeGreaterThan(5);
  for (const { total, soft, hard, attention, relations } of recorded) {
    expect(Math.min(attention!, relations!)).toBeGreaterThan(0);
    // α = ½ and T = 2.
    expect(Math.abs(total - (0.5 * 4 * soft! + 0.5 * hard! + 0.5 * attention! + 2 * relations!))).toBeLessThan(1e-5);
  }
  // Scores of its random teacher are imitated better in time.
  expect(recorded.at(-1)!.attention).toBeLessThan(recorded[0]!.attention!);
  expect(recorded.at(-1)!.relations).toBeLessThan(recorded[0]!.relations!);
  expect(readFileSync(path.join(run, 'report-loss.svg'), 'utf8')).toMatch(/attention loss[^]*relation loss/);
  const card = readFileSync(path.join(run, 'student', 'README.md'), 'utf8');
  expect(card).toContain("It has also imitated the teacher's attention and relations between tokens.");

  const killed = workspace();
  const { child, outcome } = start(['run', 'tiny.distill.json'], killed, stoppingAt('.', 5));
  await untilStopped(child);
  child.kill('SIGKILL');
  await outcome;
  expect(existsSync(path.join(onlyRun(killed), 'student'))).toBe(false);
  await document(['resume', onlyRun(killed)], killed);
  expect(weights(onlyRun(killed)).equals(weights(run))).toBe(true);
  expect(losses(onlyRun(killed))).toEqual(recorded);
});
