/** @file The bands that several seeds make of a curve. */

import { describe, expect, it } from 'vitest';
import { initialState, reduce } from '../../webview/state/state';
import { evaluationBand, seedBand } from '../../webview/loss/seed-bands';
import { evaluationsOf } from '../../webview/state/quality';
import { spamRun } from './sample/spam-run';

const shown = (change: (run: ReturnType<typeof spamRun>['run']) => ReturnType<typeof spamRun>['run'] = (run) => run) =>
  reduce(initialState, { type: 'run', run: change(spamRun().run) }).shown!.run;

describe('the band of several seeds', () => {
  const run = shown();
  const [student] = run.series;
  const all = [student!, ...run.seeds.filter(({ role }) => role === 'student')];

  it('lies at every step between the least and the largest of all seeds', () => {
    expect(all).toHaveLength(3);
    const band = seedBand(run, student!, 'total', 0)!;
    for (const i of [0, 17, student!.metrics.length - 1]) {
      const values = all.map(({ metrics }) => metrics.at('total', i));
      expect([band.low.at(i), band.high.at(i)]).toEqual([Math.min(...values), Math.max(...values)]);
    }
    expect(band.low.length).toBe(student!.metrics.length);
    expect(seedBand(run, student!, 'total', 0)).toBe(band);
  });

  it('is of evaluations at the same step, and of a control with its own kind', () => {
    for (const series of run.series) {
      const measured = evaluationsOf(run, series.role, 'macroF1', series.name);
      const band = evaluationBand(run, series, measured, 'macroF1')!;
      const { step, value } = measured[3]!;
      const others = run.seeds.flatMap(({ evaluations }) =>
        evaluations.filter((one) => one.role === series.role && one.step === step),
      );
      const values = [value, ...others.map(({ metrics }) => metrics.macroF1!)];
      expect(values).toHaveLength(3);
      expect([band.low.at(3), band.high.at(3)]).toEqual([Math.min(...values), Math.max(...values)]);
    }
  });

  it('grows with the seeds, and leaves out those that have not come so far', () => {
    const begun = shown((one) => ({ ...one, series: one.series.filter(({ seed }) => seed !== 3) }));
    const before = seedBand(begun, begun.series[0]!, 'total', 0)!;
    const width = ({ low, high }: typeof before): number => high.at(5) - low.at(5);
    const two = width(before);
    const third = spamRun().run.series.filter(({ seed }) => seed === 3);
    const state = { ...initialState, shown: { run: begun, besides: new Map() } };
    const grown = reduce(state, { type: 'append', id: begun.id, series: third }).shown!.run;
    expect([grown.series.length, grown.seeds.length]).toEqual([2, 4]);
    expect(width(seedBand(grown, grown.series[0]!, 'total', 0)!)).toBeGreaterThan(two);
  });

  it('is none where there is one seed', () => {
    const alone = shown((one) => ({ ...one, series: one.series.filter(({ seed }) => seed === undefined) }));
    expect(seedBand(alone, alone.series[0]!, 'total', 0)).toBeUndefined();
  });
});
