/** @file A student that learns on what it writes itself, through the real program: recorded, the same where it was killed, and refused where it cannot. */

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import type { MetricsRecord } from '../../src/protocol/records';
import type { RunResult } from '../../src/runner/run/carry-out';
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

/** Prompts of other lengths, and what follows each in the novel. */
const pairs = sampleRows('moby-dick', 'train', 16).map((line, i) => {
  const { text } = JSON.parse(line) as { text: string };
  return { prompt: text.slice(0, 8 + 2 * i), completion: text.slice(8 + 2 * i, 70) };
});

interface Changes {
  dataset?: object;
  training?: Record<string, unknown>;
  onPolicy?: object;
  [key: string]: unknown;
}

function workspaceWith({ dataset: columns, training, onPolicy, ...changes }: Changes = {}): string {
  const rows = pairs.map((row) => JSON.stringify(row));
  const workspace = tinyWorkspace({
    task: 'causal-lm',
    teacher: { source: 'checkpoint', path: teacher },
    rows: { train: rows, validation: rows.slice(0, 3) },
    training: { epochs: 4, batchSize: 4, ...training },
    controls: [],
    withoutTest: true,
  });
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
  const dataset = { ...experiment.dataset, promptColumn: 'prompt', completionColumn: 'completion', maxLength: 30 };
  const distillation = { ...experiment.distillation, onPolicy: { fraction: 0.5, maxNewTokens: 8, ...onPolicy } };
  writeFileSync(file, JSON.stringify({ ...experiment, dataset: { ...dataset, ...columns }, distillation, ...changes }));
  return workspace;
}

const metricsOf = (workspace: string): MetricsRecord[] =>
  readLines<MetricsRecord>(path.join(onlyRun(workspace), 'metrics.jsonl'));

/** Times left out. */
const measured = ({ step, tokens, loss, gradientNorm, onPolicy }: MetricsRecord) => {
  const { texts, meanLength, ended } = onPolicy ?? {};
  return { step, tokens, loss, gradientNorm, texts, meanLength, ended };
};

const weightsOf = (workspace: string): Buffer =>
  readFileSync(path.join(onlyRun(workspace), 'checkpoints', 'last', 'model.safetensors'));

describe('a run with steps on the student’s own texts', () => {
  it('says which they are, and has the same curve and weights where it was killed and resumed', async () => {
    const [whole, killed] = [workspaceWith(), workspaceWith()];
    const result = await documentHere<RunResult>(['run', 'tiny.distill.json'], whole);
    expect(result.status).toBe('done');
    const records = metricsOf(whole);
    const own = records.filter(({ onPolicy }) => onPolicy);
    expect(own.length).toBeGreaterThan(2);
    expect(own.length).toBeLessThan(records.length - 2);
    for (const { loss, onPolicy } of own) {
      expect(Object.keys(loss).sort()).toEqual(['soft', 'total']);
      expect(onPolicy!.texts).toBe(4);
      expect(onPolicy!.meanLength).toBeGreaterThan(0);
      expect(onPolicy!.meanLength).toBeLessThanOrEqual(8);
      expect(onPolicy!.seconds).toBeGreaterThan(0);
    }
    for (const { loss, onPolicy } of records) if (!onPolicy) expect(loss.hard).toBeGreaterThan(0);
    const report = readFileSync(path.join(result.directory, 'report.md'), 'utf8');
    expect(report).toContain(`${own.length} of ${records.length} steps were on what the student wrote itself`);
    expect(readFileSync(path.join(result.directory, 'report-loss.svg'), 'utf8')).toContain('own texts');

    const { child, outcome } = start(['run', 'tiny.distill.json'], killed, stoppingAt('.', 9));
    await untilStopped(child);
    child.kill('SIGKILL');
    await outcome;
    await document<RunResult>(['resume', path.basename(onlyRun(killed))], killed);
    expect(metricsOf(killed).map(measured)).toEqual(records.map(measured));
    expect(weightsOf(killed).equals(weightsOf(whole))).toBe(true);
  });

  it('keeps no answers where all of them are, and goes on from half of rows that have no prompt', async () => {
    const rows = pairs.map(({ prompt, completion }) => JSON.stringify({ text: prompt + completion }));
    const workspace = workspaceWith({
      onPolicy: { fraction: 1 },
      training: { epochs: 1 },
      dataset: { promptColumn: undefined, completionColumn: undefined },
    });
    for (const file of ['train.jsonl', 'validation.jsonl']) writeFileSync(path.join(workspace, file), rows.join('\n'));
    const { directory } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    expect(metricsOf(workspace).every(({ onPolicy }) => onPolicy)).toBe(true);
    const log = readFileSync(path.join(directory, 'log.txt'), 'utf8');
    expect(log).toContain('the teacher is asked in every step: the student learns from its own texts alone');
  });

  it.each([
    ['on-policy-of-task', { task: 'masked-lm' }],
    ['on-policy-of-endpoint', { teacher: { source: 'endpoint', url: 'http://127.0.0.1:1', model: 'm' } }],
    ['on-policy-of-packed', { training: { pack: true } }],
    ['torchrun-without-on-policy', { engine: 'torchrun' }],
  ])('is refused: %s', async (code, changes) => {
    const problems = await validateExperimentFile(path.join(workspaceWith(changes), 'tiny.distill.json'));
    expect(problems.map((problem) => problem.code)).toContain(code);
  });

  it('is not exported for PyTorch, which would train it otherwise', async () => {
    const args = ['export', 'tiny.distill.json', '--format', 'torchrun', '--to', 'there'];
    const { code, stderr } = await distillery(args, workspaceWith());
    expect(code).toBe(2);
    expect(stderr).toContain('The engine "torchrun" has no student that writes while it is trained.');
  });

  it.each([
    ['fraction', 1.5],
    ['maxNewTokens', 0],
    ['temperature', 0],
  ])('has a problem at a %s of %d', async (key, value) => {
    const problems = await validateExperimentFile(
      path.join(workspaceWith({ onPolicy: { [key]: value } }), 'tiny.distill.json'),
    );
    expect(problems.map(({ message }) => message).join()).toContain(`"${key}" must be`);
  });
});
