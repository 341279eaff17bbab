/** @file The page's pure parts: curves, divergence, bars, the temperature scale, kept choices, arriving messages. */

import { describe, expect, it } from 'vitest';
import { softmax } from '../../src/protocol/distribution';
import type { ExperimentFacts, RunSnapshot } from '../../src/protocol/lab-data';
import type { MetricsRecord, ProbeExamples, RunRecord } from '../../src/protocol/records';
import { defaults, reviveChoices } from '../../webview/choices';
import { axisPositions, ceiling, componentWeight, nearestIndex, smooth, spread } from '../../webview/loss/curves';
import { reduce, wantedStep, type LabState } from '../../webview/state';
import { bars, compare, heatLevel, summarize } from '../../webview/tokens/divergence';
import { fromFraction, marks, nudge, snap, toFraction } from '../../webview/tokens/temperature-scale';
import { chipText, visible } from '../../webview/tokens/token-text';

const facts: ExperimentFacts = {
  student: { family: 'gpt2', layers: 2, hiddenSize: 64 },
  scaleByTemperatureSquared: true,
  hidden: { weight: 0.5, layers: [[3, 1]] },
};

function record(step: number, loss: MetricsRecord['loss']): MetricsRecord {
  return {
    step,
    epoch: step / 10,
    time: new Date(Date.UTC(2025, 0, 1) + step * 500).toISOString(),
    tokens: step * 100,
    loss,
    temperature: 2,
    alpha: 0.7,
    learningRate: 1e-4,
    gradientNorm: 1,
    tokensPerSecond: 1000,
  };
}

const run = (metrics: MetricsRecord[] = []): RunSnapshot => ({
  id: 'a',
  record: { name: 'A', task: 'causal-lm', status: 'running' } as RunRecord,
  experiment: facts,
  series: [{ role: 'student', name: 'student', metrics, evaluations: [] }],
});

describe('curves', () => {
  it('put a record at its step, its epoch, or the seconds since training began', () => {
    const metrics = [record(4, { total: 1 }), record(8, { total: 1 })];
    expect(axisPositions(metrics, 'step')).toEqual([4, 8]);
    expect(axisPositions(metrics, 'epoch')).toEqual([0.4, 0.8]);
    expect(axisPositions(metrics, 'clock')).toEqual([0, 2]);
  });

  it('weigh the components as the total does: α · T² · soft + (1 − α) · hard + weight · hidden', () => {
    const step = record(1, { total: 0, soft: 1, hard: 1, hidden: 1 });
    expect(componentWeight('soft', step, facts)).toBeCloseTo(2.8);
    expect(componentWeight('soft', step, { ...facts, scaleByTemperatureSquared: false })).toBeCloseTo(0.7);
    expect(componentWeight('hard', step, facts)).toBeCloseTo(0.3);
    expect(componentWeight('hidden', step, facts)).toBe(0.5);
  });

  it('weigh the hard loss with 1 where there is no soft loss, as in the control', () => {
    expect(componentWeight('hard', record(1, { total: 1, hard: 1 }), facts)).toBe(1);
  });

  it('are smoothed from their first value on', () => {
    expect(smooth([4, 0, 0], 0.5)).toEqual([4, 2, 1]);
    expect(smooth([4, 0, 3], 0)).toEqual([4, 0, 3]);
  });

  it('leave early outliers above the top, and nothing else', () => {
    const values = [100, ...Array.from({ length: 99 }, () => 1)];
    expect(ceiling(values, true)).toBe(1.25);
    expect(ceiling(values, false)).toBe(106);
  });

  it('find the nearest record, and thin a long table out evenly', () => {
    expect([0, 4, 5, 6, 99].map((x) => nearestIndex([1, 4, 8], x))).toEqual([0, 1, 1, 1, 2]);
    expect(nearestIndex([], 1)).toBe(-1);
    expect(spread(5, 10)).toEqual([0, 1, 2, 3, 4]);
    expect(spread(101, 5)).toEqual([0, 25, 50, 75, 100]);
  });
});

describe('divergence', () => {
  const teacher = Float32Array.of(4, 1, 0, -2, /* second position */ 0, 0, 0, 0);
  const student = Float32Array.of(1, 2, 0, -1, 0, 0, 0, 0);
  const example: ProbeExamples['examples'][number] = {
    text: 'ab',
    file: 'a.txt',
    line: 1,
    tokens: [],
    positions: [
      { token: 0, label: 0 },
      { token: 1, label: -1 },
    ],
  };

  it('is summed up by position, and 0 where both agree', () => {
    const summary = summarize(example, teacher, student, 4, 2);
    const q = softmax([4, 1, 0, -2], 2);
    const s = softmax([1, 2, 0, -1], 2);
    const kl = q.reduce((sum, p, i) => sum + p * Math.log(p / s[i]!), 0);
    expect(summary.positions[0]!.kl).toBeCloseTo(kl, 12);
    expect(summary.positions[1]).toEqual({ kl: 0, apart: false, wrong: false });
    expect(summary).toMatchObject({ apart: 1, wrong: 1 });
    expect(summary.mean).toBeCloseTo(kl / 2, 12);
  });

  it('has five fixed levels of heat', () => {
    expect([0, 0.029, 0.03, 0.1, 0.3, 0.99, 1, 50].map(heatLevel)).toEqual([0, 0, 1, 2, 3, 3, 4, 4]);
  });

  it('shows the first k, the label with its rank where it is further down, and the mass of the others', () => {
    const compared = compare(teacher.subarray(0, 4), student.subarray(0, 4), 3, 1);
    const shown = bars(compared, 3, 'teacher', 2);
    expect(shown.rows.map(({ kind, id }) => [kind, id])).toEqual([
      ['token', 0],
      ['token', 1],
      ['label', 3],
      ['others', -1],
    ]);
    expect(shown.labelRank).toBe(4);
    expect(shown.others).toBe(1);
    expect(shown.end).toBe(1);
    for (const side of ['teacher', 'student'] as const) {
      expect(shown.rows.reduce((sum, row) => sum + row[side], 0)).toBeCloseTo(1, 12);
    }
    expect(bars(compared, 3, 'student', 2).rows[0]!.id).toBe(1);
  });

  it('shows all classes and no others where k is not smaller', () => {
    const shown = bars(compare(teacher.subarray(0, 4), student.subarray(0, 4), 0, 1), 0, 'teacher', 10);
    expect(shown.rows).toHaveLength(4);
    expect(shown.others).toBe(0);
    expect(shown.labelRank).toBeUndefined();
  });
});

describe('the temperature scale', () => {
  it('runs from 0.25 to 20 and back', () => {
    expect(fromFraction(0)).toBe(0.25);
    expect(fromFraction(1)).toBeCloseTo(20);
    expect(fromFraction(toFraction(3.3))).toBeCloseTo(3.3);
  });

  it('snaps to a mark that is near, while dragging', () => {
    expect(snap(2.05, marks)).toBe(2);
    expect(snap(3, marks)).toBe(3);
  });

  it('stops at each mark when stepped with keys, and does not get stuck there', () => {
    let temperature = 0.9;
    const seen: number[] = [];
    for (let i = 0; i < 30; i++) seen.push((temperature = nudge(temperature, 1, marks)));
    expect(seen).toContain(1);
    expect(seen).toContain(2);
    expect(seen.every((value, i) => i === 0 || value > seen[i - 1]!)).toBe(true);
    expect(nudge(1.02, -1, marks)).toBe(1);
    expect(nudge(20, 1, marks)).toBeCloseTo(20);
  });
});

describe('a token on screen', () => {
  it('shows its spaces and line ends', () => {
    expect(visible(' sail')).toBe('·sail');
    expect(visible('\n')).toBe('↵');
    expect(visible('<|endoftext|>')).toBe('⏎ end of text');
  });

  it('turns a leading space into a gap, and joins word pieces', () => {
    expect(chipText(' sail', false)).toEqual({ text: 'sail', gap: true, breaks: false });
    expect(chipText('##ing', false)).toEqual({ text: 'ing', gap: false, breaks: false });
    expect(chipText(' ', false)).toEqual({ text: '·', gap: false, breaks: false });
    expect(chipText('\n', false)).toEqual({ text: '↵', gap: false, breaks: true });
  });
});

describe('kept choices', () => {
  it('come back, and what is damaged takes its default', () => {
    const kept = { ...defaults, tab: 'tokens', temperature: 4, topK: 'many', sortBy: 'nobody', extra: 1 };
    expect(reviveChoices(kept)).toEqual({ ...defaults, tab: 'tokens', temperature: 4 });
    expect(reviveChoices(undefined)).toEqual(defaults);
  });
});

describe('arriving messages', () => {
  const shown: LabState = { phase: 'shown', run: run([record(1, { total: 2 })]) };

  it('join further metrics to their series, and add a series that is new', () => {
    const control = { role: 'control', name: 'no-distillation', metrics: [], evaluations: [] } as const;
    const more = { role: 'student', name: 'student', metrics: [record(2, { total: 1 })], evaluations: [] } as const;
    const next = reduce(shown, {
      type: 'append',
      id: 'a',
      series: [
        { ...more, metrics: [...more.metrics], evaluations: [] },
        { ...control, metrics: [], evaluations: [] },
      ],
    });
    if (next.phase !== 'shown') throw new Error('No run is shown.');
    expect(next.run.series.map(({ name, metrics }) => [name, metrics.length])).toEqual([
      ['student', 2],
      ['no-distillation', 0],
    ]);
  });

  it('about another run change nothing', () => {
    expect(reduce(shown, { type: 'append', id: 'b', series: [] })).toBe(shown);
  });

  it('with probes lead to asking for the chosen step, then the latest, then backwards', () => {
    const examples: ProbeExamples = { task: 'causal-lm', temperature: 2, names: ['a'], examples: [] };
    let state = reduce(shown, { type: 'probes', id: 'a', probes: { examples, teacher: [], steps: [0, 100, 200] } });
    const asked: number[] = [];
    for (;;) {
      if (state.phase !== 'shown') throw new Error('No run is shown.');
      const step = wantedStep(state.probes!, 0);
      if (step === undefined) break;
      asked.push(step);
      state = reduce(state, { type: 'probe', id: 'a', step, student: [] });
    }
    expect(asked).toEqual([0, 200, 100]);
  });
});
