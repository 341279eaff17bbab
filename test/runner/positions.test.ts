/** @file A soft loss on some positions, through the real program: from kept answers, the same where it was killed, and refused where it cannot be. */

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import type { MetricsRecord } from '../../src/protocol/records';
import { documentHere } from './in-process';
import {
  distillery,
  document,
  onlyRun,
  readLines,
  sampleRows,
  start,
  stoppingAt,
  tinyWorkspace,
  untilStopped,
} from './program';

const teacher = path.resolve('examples/models/language-model-teacher');

function workspaceWith(changes: Record<string, unknown> = {}): string {
  const rows = sampleRows('moby-dick', 'train', 8).map((line) =>
    JSON.stringify({ text: (JSON.parse(line) as { text: string }).text.slice(0, 60) }),
  );
  const workspace = tinyWorkspace({
    task: 'causal-lm',
    teacher: { source: 'checkpoint', path: teacher },
    rows: { train: rows, validation: rows.slice(0, 2) },
    training: { epochs: 3, batchSize: 4 },
    controls: [],
    withoutTest: true,
  });
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
  const dataset = { ...experiment.dataset, maxLength: 30 };
  const positions = { fraction: 0.3, by: 'teacher-entropy' };
  const distillation = { ...experiment.distillation, alpha: 1, positions };
  writeFileSync(file, JSON.stringify({ ...experiment, dataset, distillation, ...changes }));
  return workspace;
}

const metricsOf = (workspace: string) =>
  readLines<MetricsRecord>(path.join(onlyRun(workspace), 'metrics.jsonl')).map(({ step, loss, gradientNorm }) => ({
    step,
    loss,
    gradientNorm,
  }));

describe('a run with a soft loss on some positions', () => {
  it('has no student loss at alpha 1, and the same curve where it was killed and resumed', async () => {
    const [whole, killed] = [workspaceWith(), workspaceWith()];
    await documentHere(['run', 'tiny.distill.json'], whole);
    const records = metricsOf(whole);
    expect(records).toHaveLength(6);
    for (const { loss } of records) expect(Object.keys(loss).sort()).toEqual(['soft', 'total']);
    const { child, outcome } = start(['run', 'tiny.distill.json'], killed, stoppingAt('.', 4));
    await untilStopped(child);
    child.kill('SIGKILL');
    await outcome;
    await document(['resume', path.basename(onlyRun(killed))], killed);
    expect(metricsOf(killed)).toEqual(records);
  });

  it.each([
    ['positions-of-task', { task: 'text-classification' }],
    ['torchrun-without-positions', { engine: 'torchrun' }],
  ])('is refused: %s', async (code, changes) => {
    const problems = await validateExperimentFile(path.join(workspaceWith(changes), 'tiny.distill.json'));
    expect(problems.map((problem) => problem.code)).toContain(code);
  });

  it('is not exported for PyTorch, which would train it otherwise', async () => {
    const args = ['export', 'tiny.distill.json', '--format', 'torchrun', '--to', 'there'];
    const { code, stderr } = await distillery(args, workspaceWith());
    expect(code).toBe(2);
    expect(stderr).toContain('The engine "torchrun" counts all positions in the distillation loss.');
  });
});
