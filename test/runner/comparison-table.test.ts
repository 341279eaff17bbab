/** @file What a comparison says in a terminal: bars with intervals, and the sentence with the interval of the gain. */

import { describe, expect, it } from 'vitest';
import type { ComparisonRow, Role } from '../../src/protocol/records';
import { findings, markdownTable, terminalBars } from '../../src/runner/report/comparison-table';

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

  it('name controls where there are several', () => {
    const rows = [row('student', 0.4), row('control', 0.4), row('control', 0.4, { name: 'label-smoothing' })];
    const names = terminalBars({ rows })
      .split('\n')
      .slice(1)
      .map((line) => line.split('█')[0]);
    expect(names).toEqual([
      '  student                   ',
      '  control, no-distillation  ',
      '  control, label-smoothing  ',
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
  const rowsOf = (value: number, interval: [number, number], more: Partial<ComparisonRow> = {}) => [
    row('teacher', 0.8),
    row('student', 0.5 + value, { retention: 0.5, gain: gain(value, interval), ...more }),
    row('control', 0.5),
  ];
  const told = (...of: Parameters<typeof rowsOf>): string => findings({ rows: rowsOf(...of) });
  const gapClosed = { over: 'no-distillation', value: 0.667, interval: [0.6, 0.73] as [number, number] };

  it('are decided by the interval of the gain, and say how much of the gap was closed', () => {
    expect(told(0.2, [0.18, 0.22], { gapClosed })).toMatch(
      /Distillation helped: macro-F1 \.700, against \.500 for the same student trained without it\. The difference's 95 % interval is \.180 to \.220\. The student closed 66\.7\s% of the gap from the control to the teacher \(95 % interval 60\.0\s% to 73\.0\s%\)\.$/,
    );
    expect(told(-0.2, [-0.22, -0.18], { gapClosed })).toMatch(/Distillation did harm: macro-F1 \.300, against \.500/);
  });

  it('say what smoothed labels give without a teacher, beside the other control', () => {
    const smoothed = row('control', 0.55, { name: 'label-smoothing' });
    const rows = [...rowsOf(0.2, [0.18, 0.22]), smoothed];
    expect(findings({ rows })).toMatch(/ With smoothed labels and no teacher, the same student has macro-F1 \.550\.$/);
    const alone = [...rowsOf(0.2, [0.18, 0.22]).slice(0, 2), smoothed];
    expect(findings({ rows: alone })).not.toContain('smoothed');
  });

  it('say of embeddings of texts alone how near the teacher’s they are, and miss no control, which would have nothing to learn from', () => {
    const of = (role: Role, teacherCosine: number, retention?: number) =>
      row(role, 0, { metrics: { teacherCosine }, retention });
    expect(findings({ rows: [of('teacher', 1), of('student', 0.93, 0.93)] })).toBe(
      "The student's embeddings have a cosine of .930 to the teacher's with 4.0 times fewer parameters.",
    );
  });

  it('say where these rows cannot tell, whatever the values are', () => {
    expect(told(0.01, [-0.01, 0.03], { gapClosed })).toMatch(
      /Whether distillation helped, these rows cannot tell: .* 95 % interval is −\.010 to \.030\./,
    );
  });

  it('say of a teacher at chance that it has learnt nothing, not that any of it was kept', () => {
    const rows = rowsOf(-0.2, [-0.22, -0.18], { retention: undefined });
    expect(findings({ rows, teacherAtChance: true })).toMatch(
      /^The teacher has learnt nothing: .* Distillation did harm: .* interval is −\.220 to −\.180\.$/,
    );
  });

  it('say that there is no gap where the teacher is not clearly better than the control', () => {
    expect(told(0.2, [0.18, 0.22])).toMatch(
      /These rows do not show the teacher to be better than the control: there is no gap to close\.$/,
    );
  });

  it('say of several seeds that these are means, in sentence, bars and table', () => {
    const rows = rowsOf(0.01, [-0.01, 0.03], { spread: { macroF1: 0.004 }, gapClosed });
    const comparison = { rows, seeds: [1, 2, 3] };
    expect(findings(comparison)).toMatch(/these rows and seeds cannot tell: .* \(means of 3 seeds\)\./);
    expect(terminalBars(comparison)).toContain('means of 3 seeds');
    expect(markdownTable(comparison)).toMatch(/\| \.510 ± \.004 \| 66\.7\s% \|/);
  });
});
