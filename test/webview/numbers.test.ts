/** @file The page's pure parts: curves, divergence, bars, the temperature scale, kept choices, arriving messages. */

import { describe, expect, it } from 'vitest';
import { softmax } from '../../src/protocol/distribution';
import type { ExperimentFacts, RunSnapshot } from '../../src/protocol/lab-data';
import { columnsOf, MetricsTable } from '../../src/protocol/metrics-table';
import type { ProbeExamples } from '../../src/protocol/inspection-records';
import type { MetricsRecord, RunRecord } from '../../src/protocol/records';
import { defaults, reviveChoices } from '../../webview/state/choices';
import { Column } from '../../webview/charts/column';
import { componentWeight, SeriesCurves, spread } from '../../webview/loss/curves';
import { ceiling } from '../../webview/charts/chart-scale';
import { inksOf, runInks } from '../../webview/runs/run-inks';
import { runTitles } from '../../webview/runs/run-titles';
import { pan, zoomAbout } from '../../webview/charts/zoom';
import { csvText } from '../../webview/save/csv';
import { initialState, reduce, wantedStep, withProbe, withToken, type RunState } from '../../webview/state/state';
import { bars, compare, summarize } from '../../webview/tokens/divergence';
import { fromFraction, marks, nudge, snap, toFraction } from '../../webview/tokens/temperature-scale';
import { chipText, visible } from '../../webview/tokens/token-text';

const facts: ExperimentFacts = {
  student: { family: 'gpt2', layers: 2, hiddenSize: 64 },
  scaleByTemperatureSquared: true,
  hidden: { weight: 0.5, layers: [[3, 1]] },
  attention: { loss: 'mse', weight: 0.25, layers: [[3, 1]] },
  relations: { heads: 4, weight: 0.75, layers: [[3, 1]] },
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
  settings: {},
  series: [{ role: 'student', name: 'student', metrics: columnsOf(metrics), evaluations: [] }],
});

function table(...records: MetricsRecord[]): MetricsTable {
  const made = new MetricsTable();
  for (const one of records) made.push(one);
  return made;
}

describe('runs beside each other', () => {
  const begun = (id: string, name: string, settings: Record<string, string>, started = ''): RunState =>
    ({ id, record: { name, started }, settings }) as RunState;
  const titles = (...runs: RunState[]): string[] => [...runTitles(runs).values()];

  it('bear their names where these tell them apart', () => {
    expect(titles(begun('1', 'A', { x: '1' }), begun('2', 'B', { x: '2' }))).toEqual(['A', 'B']);
  });

  it('bear what was set differently where they have one name, T and α first, and no more than three of it', () => {
    const one = { 'distillation.alpha': '0.5', 'distillation.temperature': '2', 'training.seed': '1' };
    const two = {
      ...one,
      'distillation.temperature': '4',
      'training.batchSize': '8',
      'a.warmup': '0',
      'b.activation': 'relu',
    };
    expect(titles(begun('1', 'A', one), begun('2', 'A', two))).toEqual([
      'T 2 · warmup – · activation –',
      'T 4 · warmup 0 · activation relu',
    ]);
    const other = begun('3', 'B', one);
    expect(titles(begun('1', 'A', one), begun('2', 'A', { ...one, 'distillation.alpha': '0.9' }), other)).toEqual([
      'A · α .5',
      'A · α .9',
      'B',
    ]);
  });

  it('bear the time where they began alike', () => {
    const [first, second] = titles(begun('1', 'A', {}, '2026-01-01T10:00'), begun('2', 'A', {}, '2026-01-02T10:00'));
    expect(first).not.toBe(second);
    expect(first).toContain(new Date('2026-01-01T10:00').toLocaleString());
  });
});

describe('curves', () => {
  it('put a record at its step, its epoch, or the seconds since training began', () => {
    const curves = SeriesCurves.of(table(record(4, { total: 1 }), record(8, { total: 1 })));
    expect(curves.axis('step').toArray()).toEqual([4, 8]);
    expect(curves.axis('epoch').toArray()).toEqual([0.4, 0.8]);
    expect(curves.axis('clock').toArray()).toEqual([0, 2]);
  });

  it('weigh the components as the total does: α · T² · soft + (1 − α) · hard + weight · hidden + weight · attention + weight · relations', () => {
    const metrics = table(record(1, { total: 0, soft: 1, hard: 1, hidden: 1, attention: 1, relations: 1 }));
    expect(componentWeight('soft', metrics, 0, facts)).toBeCloseTo(2.8);
    expect(componentWeight('soft', metrics, 0, { ...facts, scaleByTemperatureSquared: false })).toBeCloseTo(0.7);
    expect(componentWeight('hard', metrics, 0, facts)).toBeCloseTo(0.3);
    expect(componentWeight('hidden', metrics, 0, facts)).toBe(0.5);
    expect(componentWeight('attention', metrics, 0, facts)).toBe(0.25);
    expect(componentWeight('relations', metrics, 0, facts)).toBe(0.75);
  });

  it('weigh the hard loss with 1 where there is no soft loss, as in the control', () => {
    expect(componentWeight('hard', table(record(1, { total: 1, hard: 1 })), 0, facts)).toBe(1);
  });

  it('are smoothed from their first value on, and go on where they were as the training grows', () => {
    const metrics = table(record(1, { total: 4 }), record(2, { total: 0 }));
    const curves = SeriesCurves.of(metrics);
    expect(curves.smoothed('total', 0.5).toArray()).toEqual([4, 2]);
    metrics.push(record(3, { total: 0 }));
    expect(curves.smoothed('total', 0.5).toArray()).toEqual([4, 2, 1]);
    expect(curves.smoothed('total', 0).toArray()).toEqual([4, 0, 0]);
    expect(curves.smoothed('total', 0.75).toArray()).toEqual([4, 3, 2.25]);
  });

  it('are stacked so that their top is the total', () => {
    const metrics = table(record(1, { total: 0, soft: 1, hard: 2, hidden: 3, attention: 4, relations: 5 }));
    const tops = SeriesCurves.of(metrics)
      .stacked(facts, 0)
      .map(({ component, top }) => [component, top.at(0)] as const);
    expect(tops.map(([component]) => component)).toEqual(['hard', 'soft', 'hidden', 'attention', 'relations']);
    expect(tops[3]![1]).toBeCloseTo(0.3 * 2 + 2.8 + 1.5 + 1);
    expect(tops[4]![1]).toBeCloseTo(0.3 * 2 + 2.8 + 1.5 + 1 + 3.75);
  });

  it('are stacked without the student loss at a step that has none', () => {
    const metrics = table(record(1, { total: 2.8, soft: 1 }), record(2, { total: 3.4, soft: 1, hard: 2 }));
    const [hard, soft] = SeriesCurves.of(metrics).stacked(facts, 0);
    const tops = [hard!, soft!].map(({ top }) => Array.from(top.toArray(), (value) => value.toFixed(6)));
    expect(tops).toEqual([
      ['0.000000', '0.600000'],
      ['2.800000', '3.400000'],
    ]);
  });

  it('have the loss of steps on own texts by itself, and are stacked with it', () => {
    const onPolicy = { texts: 4, meanLength: 7, ended: 0.5, seconds: 0.1 };
    const metrics = table(
      { ...record(1, { total: 5.6, soft: 2 }), onPolicy },
      record(2, { total: 3.4, soft: 1, hard: 2 }),
    );
    expect([metrics.at('soft', 0), metrics.at('ownSoft', 0), metrics.at('writtenLength', 0)]).toEqual([NaN, 2, 7]);
    expect([metrics.at('soft', 1), metrics.at('ownSoft', 1), metrics.at('writtenLength', 1)]).toEqual([1, NaN, NaN]);
    const stack = SeriesCurves.of(metrics).stacked(facts, 0);
    expect(stack.map(({ component }) => component)).toEqual(['hard', 'soft', 'ownSoft']);
    expect(stack.map(({ top }) => Array.from(top.toArray(), (value) => value.toFixed(6)))).toEqual([
      ['0.000000', '0.600000'],
      ['0.000000', '3.400000'],
      ['5.600000', '3.400000'],
    ]);
  });

  it('leave early outliers above the top, and nothing else', () => {
    const values = Column.of([100, ...Array.from({ length: 99 }, () => 1)]);
    expect(ceiling(values, 0, 100, true)).toBe(1.25);
    expect(ceiling(values, 0, 100, false)).toBe(106);
  });

  it('are thinned out evenly for a table', () => {
    expect(spread(5, 10)).toEqual([0, 1, 2, 3, 4]);
    expect(spread(101, 5)).toEqual([0, 25, 50, 75, 100]);
  });

  it('are zoomed about a place, moved within their ends, and shown whole when zoomed out', () => {
    expect(zoomAbout([0, 100], 100, 50, 0.5)).toEqual([25, 75]);
    expect(zoomAbout([0, 100], 100, 100, 0.5)).toEqual([50, 100]);
    expect(zoomAbout([25, 75], 100, 50, 4)).toBeUndefined();
    expect(pan([25, 75], 100, 0.1)).toEqual([30, 80]);
    expect(pan([40, 90], 100, 1)).toEqual([50, 100]);
  });

  it('have the same colour for a run each time, no two the same, and the one that a person gave', () => {
    const first = inksOf(['a', 'b', 'c'], {});
    expect(inksOf(['a', 'b', 'c'], {})).toEqual(first);
    expect(new Set(first.values()).size).toBe(3);
    expect(inksOf(['a', 'b'], { b: 5 }).get('b')).toBe(runInks[5]);
  });
});

describe('comma-separated values', () => {
  it('quote what must be quoted, leave out what is not there, and run nothing in a spreadsheet', () => {
    expect(
      csvText([
        ['a,b', 'c"d'],
        [1.5, undefined],
        [NaN, '=1+1'],
      ]),
    ).toBe(`"a,b","c""d"\r\n1.5,\r\n,'=1+1\r\n`);
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
    const summary = summarize(example, teacher, student, ['a', 'b', 'c', 'd'], 2);
    const q = softmax([4, 1, 0, -2], 2);
    const s = softmax([1, 2, 0, -1], 2);
    const kl = q.reduce((sum, p, i) => sum + p * Math.log(p / s[i]!), 0);
    expect(summary.positions[0]!.kl).toBeCloseTo(kl, 12);
    expect(summary.positions[1]).toEqual({ kl: 0, disagrees: false, wrong: false });
    expect(summary).toMatchObject({ disagreements: 1, wrong: 1 });
    expect(summary.mean).toBeCloseTo(kl / 2, 12);
  });

  it('shows the first k, the label with its rank where it is further down, and the mass of the others', () => {
    const compared = compare(teacher.subarray(0, 4), student.subarray(0, 4), { label: 3 }, 1);
    const shown = bars(compared, 3, 'teacher', 2);
    expect(shown.rows.map(({ kind, id }) => [kind, id])).toEqual([
      ['token', 0],
      ['token', 1],
      ['label', 3],
      ['others', -1],
    ]);
    expect(shown.rows.map(({ rank }) => rank)).toEqual([undefined, undefined, 4, undefined]);
    expect(shown.others).toBe(1);
    expect(shown.end).toBe(1);
    for (const side of ['teacher', 'student'] as const) {
      expect(shown.rows.reduce((sum, row) => sum + row[side], 0)).toBeCloseTo(1, 12);
    }
    expect(bars(compared, 3, 'student', 2).rows[0]!.id).toBe(1);
  });

  it('shows all classes and no others where k is not smaller', () => {
    const shown = bars(compare(teacher.subarray(0, 4), student.subarray(0, 4), { label: 0 }, 1), 0, 'teacher', 10);
    expect(shown.rows).toHaveLength(4);
    expect(shown.others).toBe(0);
    expect(shown.rows.every(({ rank }) => rank === undefined)).toBe(true);
  });
});

describe('divergence of models with different tokenizers', () => {
  // Both have the first two; the third is the student's, the fourth the teacher's.
  const names = [' a', ' b', ' wh', ' whale'];
  const teacher = Float32Array.of(1, 0, -Infinity, 3);
  const student = Float32Array.of(1, 0, 2, -Infinity);
  const at = { token: 1, label: 2, teacherLabel: 3 };

  it('is no disagreement where one first choice begins the other', () => {
    const example = { text: '', file: '', line: 1, tokens: [], positions: [at] };
    const whole = (other: readonly string[]): boolean =>
      summarize(example, teacher, student, other, 1).positions[0]!.disagrees;
    expect(whole(names)).toBe(false);
    expect(whole([' a', ' b', ' x', ' whale'])).toBe(true);
    // Of what both have, a beginning is another choice.
    const [of, both] = [Float32Array.of(3, 0), Float32Array.of(0, 3)];
    expect(summarize(example, of, both, [' wh', ' whale'], 1).positions[0]!.disagrees).toBe(true);
  });

  it('shows each model’s own label, and who has no such token', () => {
    const compared = compare(teacher, student, at, 1);
    expect(compared.rank).toEqual({ teacher: 1, student: 1 });
    const { rows, others } = bars(compared, at.label, 'teacher', 4, at.teacherLabel);
    expect(others).toBe(0);
    expect(rows.map(({ id, kind, lacks }) => [names[id], kind, lacks])).toEqual([
      [' whale', 'label', 'student'],
      [' a', 'token', undefined],
      [' b', 'token', undefined],
      [' wh', 'label', 'teacher'],
    ]);
    expect(rows[0]!.student).toBe(0);
    // Each is first with its own model, and the other's is added.
    const few = bars(compared, at.label, 'student', 1, at.teacherLabel);
    expect(few.rows.map(({ id, rank }) => [id, rank])).toEqual([
      [2, undefined],
      [3, 1],
      [-1, undefined],
    ]);
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
  const start = () => reduce(initialState, { type: 'run', run: run([record(1, { total: 2 })]) });

  it('join further metrics to their series, and add a series that is new', () => {
    const next = reduce(start(), {
      type: 'append',
      id: 'a',
      series: [
        { role: 'student', name: 'student', metrics: columnsOf([record(2, { total: 1 })]), evaluations: [] },
        { role: 'control', name: 'no-distillation', metrics: columnsOf([]), evaluations: [] },
      ],
    });
    expect(next.shown?.run.series.map(({ name, metrics }) => [name, metrics.length])).toEqual([
      ['student', 2],
      ['no-distillation', 0],
    ]);
    expect(next.shown?.run.series[0]?.metrics.at('total', 1)).toBe(1);
  });

  it('about a run that is not shown change nothing', () => {
    const state = start();
    expect(reduce(state, { type: 'append', id: 'b', series: [] }).shown).toEqual(state.shown);
  });

  it('keep a run beside the one that is shown, and let it grow', () => {
    const beside = reduce(start(), { type: 'beside', run: { ...run(), id: 'b' } });
    const more = {
      role: 'student',
      name: 'student',
      metrics: columnsOf([record(1, { total: 3 })]),
      evaluations: [],
    } as const;
    const grown = reduce(beside, { type: 'append', id: 'b', series: [{ ...more, evaluations: [] }] });
    expect(grown.shown?.besides.get('b')?.series[0]?.metrics.length).toBe(1);
    expect(grown.shown?.run.series[0]?.metrics.length).toBe(1);
  });

  it('build a completion token by token', () => {
    const told = (token: string) =>
      ({ side: 'student', token: { id: 1, token, probability: 0.5, expected: {} }, text: token }) as const;
    const { student } = withToken(withToken({}, told('sail'), 1000), told('sail on'), 1400);
    expect(student).toMatchObject({ text: 'sail on', begun: 1000, last: 1400 });
    expect(student?.tokens.map((one) => one.token)).toEqual(['sail', 'sail on']);
  });

  it('with probes lead to asking for the chosen step, then the latest, then backwards', () => {
    const examples: ProbeExamples = { task: 'causal-lm', temperature: 2, names: ['a'], examples: [] };
    let state = reduce(start(), { type: 'probes', id: 'a', probes: { examples, teacher: [], steps: [0, 100, 200] } });
    const asked: number[] = [];
    expect(wantedStep(state.shown!.probes!, 0, new Set([0]))).toBe(200);
    for (;;) {
      const step = wantedStep(state.shown!.probes!, 0);
      if (step === undefined) break;
      asked.push(step);
      state = withProbe(state, 'a', step, []);
    }
    expect(asked).toEqual([0, 200, 100]);
    expect(withProbe(state, 'b', 300, [])).toBe(state);
  });
});
