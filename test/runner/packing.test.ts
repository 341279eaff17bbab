/** @file A run whose short rows share rows: the losses of the run whose rows do not, less padding, and the same weights where it was killed. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { MetricsRecord } from '../../src/protocol/records';
import type { RunResult } from '../../src/runner/run/carry-out';
import { documentHere } from './in-process';
import { document, onlyRun, readLines, sampleRows, start, stoppingAt, tinyWorkspace, untilStopped } from './program';

/** Of one word to nine, and one that fills a row. */
const train = sampleRows('spam', 'train', 48).map((line, index) => {
  const { text, ...others } = JSON.parse(line) as { text: string };
  const words = text.split(' ');
  return JSON.stringify({ ...others, text: words.slice(0, index === 0 ? words.length : 1 + (index % 9)).join(' ') });
});

const workspaceOf = (training: Record<string, unknown>): string =>
  tinyWorkspace({
    task: 'text-classification',
    rows: { train },
    training: { dropout: 0, ...training },
    controls: [],
    maxLength: 48,
  });

const metricsOf = (workspace: string, ...part: string[]): MetricsRecord[] =>
  readLines<MetricsRecord>(path.join(onlyRun(workspace), ...part, 'metrics.jsonl'));

const weightsOf = (workspace: string): Buffer =>
  readFileSync(path.join(onlyRun(workspace), 'checkpoints', 'last', 'model.safetensors'));

it('has the losses of its rows apart and less padding; killed and resumed it has the same weights', async () => {
  const [packed, apart, killed] = [
    workspaceOf({ pack: true }),
    workspaceOf({ groupByLength: false }),
    workspaceOf({ pack: true }),
  ];
  for (const workspace of [packed, apart]) {
    expect((await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace)).status).toBe('done');
  }
  for (const part of [['teacher'], []]) {
    const [ours, others] = [metricsOf(packed, ...part), metricsOf(apart, ...part)];
    expect(ours.length).toBe(others.length);
    for (const [step, { loss, tokens, padding }] of ours.entries()) {
      const other = others[step]!;
      expect(tokens).toBe(other.tokens);
      expect(Math.abs(loss.total - other.loss.total)).toBeLessThan(1e-5 * Math.max(1, other.loss.total));
      expect(padding).toBeLessThan(other.padding!);
    }
  }

  const { child, outcome } = start(['run', 'tiny.distill.json'], killed, stoppingAt('.', 9));
  await untilStopped(child);
  child.kill('SIGKILL');
  await outcome;
  await document<RunResult>(['resume', path.basename(onlyRun(killed))], killed);
  expect(weightsOf(killed).equals(weightsOf(packed))).toBe(true);
});
