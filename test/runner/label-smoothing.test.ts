/** @file Whole runs with a second control, which learns from smoothed labels: of classes and of tokens, and with several seeds. */

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { controlNames } from '../../src/protocol/controls';
import type { EvaluationRecord, Metrics, MetricsRecord } from '../../src/protocol/records';
import type { RunResult } from '../../src/runner/run/carry-out';
import { ProgressPlan } from '../../src/runner/run/progress-plan';
import { documentHere } from './in-process';
import { onlyRun, readLines, tinyWorkspace } from './program';

const both = [...controlNames];

const lossesOf = (run: string, control: string): MetricsRecord[] =>
  readLines<MetricsRecord>(path.join(run, 'controls', control, 'metrics.jsonl'));

const evaluationsOf = (run: string, control: string): Metrics[] =>
  readLines<EvaluationRecord>(path.join(run, 'controls', control, 'evaluations.jsonl')).map(({ metrics }) => metrics);

describe('a run with a control of smoothed labels', () => {
  it.each(['text-classification', 'causal-lm'] as const)(
    'trains it beside the other from the same weights on the same batches, and compares with it (%s)',
    async (task) => {
      // The other way round: what is gained is gained over the one with hard labels.
      const workspace = tinyWorkspace({ task, controls: both.toReversed(), training: { epochs: 1 } });
      const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
      const run = onlyRun(workspace);

      const rows = summary!.rows.map(({ role, name, gain }) => ({ role, name, over: gain?.over }));
      expect(rows).toEqual([
        { role: 'teacher', name: 'teacher', over: undefined },
        { role: 'student', name: 'student', over: 'no-distillation' },
        { role: 'control', name: 'no-distillation', over: undefined },
        { role: 'control', name: 'label-smoothing', over: 'no-distillation' },
      ]);

      const [plain, smoothed] = both.map((control) => lossesOf(run, control));
      expect(smoothed!.map(({ step }) => step)).toEqual(plain!.map(({ step }) => step));
      expect(smoothed!.length).toBeGreaterThan(3);
      // Of the same predictions nine tenths, and a tenth of the mean over all classes.
      const [first, other] = [plain![0]!.loss.hard!, smoothed![0]!.loss.hard!];
      expect(other).toBeGreaterThan(0.9 * first);
      expect(other).not.toBe(first);
      // They go other ways from there, judged by the hard labels alike.
      const [ofPlain, ofSmoothed] = both.map((control) => evaluationsOf(run, control));
      expect(ofSmoothed!.at(0)).toEqual(ofPlain!.at(0));
      expect(ofSmoothed!.at(-1)).not.toEqual(ofPlain!.at(-1));

      const card = readFileSync(path.join(run, 'controls', 'label-smoothing', 'student', 'README.md'), 'utf8');
      expect(card).toContain('trained on labels that are smoothed by 0.1, without a teacher');
      const report = readFileSync(path.join(run, 'report.md'), 'utf8');
      expect(report).toContain('With smoothed labels and no teacher, the same student has');
      expect(report).toContain('label-smoothing');
    },
  );

  it('goes forward alone while it trains both for each of several seeds', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification', controls: both, seeds: 2, training: { epochs: 1 } });
    const asked = vi.spyOn(ProgressPlan.prototype, 'at');
    try {
      const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
      expect(summary!.rows.map(({ name, bySeed }) => [name, bySeed?.length])).toEqual([
        ['teacher', undefined],
        ['student', 2],
        ['no-distillation', 2],
        ['label-smoothing', 2],
      ]);
      const fractions = asked.mock.results.map(({ value }) => (value as { fraction: number }).fraction);
      expect(fractions.length).toBeGreaterThan(20);
      expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    } finally {
      asked.mockRestore();
    }
    const ofSecond = path.join(onlyRun(workspace), 'seeds', '2', 'controls', 'label-smoothing', 'student');
    expect(existsSync(path.join(ofSecond, 'model.safetensors'))).toBe(true);
  });
});
