/** @file What a comparison says in a terminal: bars with intervals, and the sentence with the interval of the gain. */

import { describe, expect, it } from 'vitest';
import type { ComparisonRow, Role } from '../../src/protocol/records';
import { findings, terminalBars } from '../../src/runner/report/comparison-table';

function row(role: Role, macroF1: number, more: Partial<ComparisonRow> = {}): ComparisonRow {
  return {
    run: 'run',
    role,
    name: role === 'control' ? 'no-distillation' : role,
    parameters: role === 'teacher' ? 4000 : 1000,
    bytes: 1,
    latencyMs: 1,
    split: 'test',
    metrics: { macroF1 },
    intervals: { macroF1: [macroF1 - 0.01, macroF1 + 0.01] },
    ...more,
  };
}

const gain = (value: number, interval: [number, number]) => ({ over: 'no-distillation', value, interval });

describe('the bars of a comparison', () => {
  it('are as long as the values, the largest 48 columns, in eighths of a column', () => {
    const rows = [row('teacher', 0.8), row('student', 0.4), row('control', 0.105)];
    expect(terminalBars({ rows }).split('\n')).toEqual([
      'Macro-F1, test split, with 95 % intervals:',
      `  teacher  ${'█'.repeat(48)} .800  (.790 to .810)`,
      `  student  ${'█'.repeat(24)} .400  (.390 to .410)`,
      `  control  ${'█'.repeat(6)}▎ .105  (.095 to .115)`,
    ]);
  });

  it('say of perplexity that less is better, and draw nothing where nothing was measured', () => {
    const rows = [row('teacher', 0, { metrics: { perplexity: 20 }, intervals: {} })];
    expect(terminalBars({ rows })).toContain('Perplexity, the lower the better');
    expect(terminalBars({ rows: [] })).toBe('');
    expect(terminalBars({ rows: [row('teacher', 0)] })).toContain('teacher   0');
  });
});

describe('the findings of a comparison', () => {
  const told = (value: number, interval: [number, number]): string =>
    findings({
      rows: [
        row('teacher', 0.8),
        row('student', 0.5 + value, { retention: 0.5, gain: gain(value, interval) }),
        row('control', 0.5),
      ],
    });

  it('end with the interval of the gain', () => {
    expect(told(0.2, [0.18, 0.22])).toMatch(
      /Distillation helped: .* The difference's 95 % interval is \.180 to \.220\.$/,
    );
  });

  it('say where these rows cannot tell', () => {
    expect(told(0.01, [-0.01, 0.03])).toMatch(
      /95 % interval is −\.010 to \.030\. These rows cannot tell whether it helped\.$/,
    );
  });
});
