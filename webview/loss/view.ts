/** @file What the Loss tab's charts are made for: one training, those beside it, and how a person wants to see them. Pure. */

import type { Role } from '../../src/protocol/records';
import type { Choices } from '../state/choices';
import type { RunState, SeriesState } from '../state/state';
import type { Column } from '../charts/column';
import { SeriesCurves } from './curves';
import { inksOf } from '../runs/run-inks';
import { runTitles } from '../runs/run-titles';

export interface View {
  run: RunState;
  main: SeriesState;
  controls: SeriesState[];
  /** The same training of other runs. */
  others: { run: RunState; series: SeriesState }[];
  /** What the runs are called. */
  titles: ReadonlyMap<string, string>;
  /** Colours of the runs, once there are several. */
  inks: ReadonlyMap<string, string>;
  choices: Pick<Choices, 'axis' | 'smoothing' | 'picked'>;
  /** Positions of the main training's records on the axis. */
  x: Column;
  /** Where the axis ends: the planned end while the training goes on, else its last record. */
  end: number;
  /** The part of the axis that is shown. */
  range: [number, number];
}

/** The training to show: the one chosen, else the student's, else (until that has begun) the teacher's. */
function mainSeries(run: RunState, chosen: string | undefined): SeriesState | undefined {
  const begun = run.series.filter(({ metrics }) => metrics.length > 0);
  const byRole = (role: Role): SeriesState | undefined => begun.find((series) => series.role === role);
  return begun.find((series) => series.name === chosen) ?? byRole('student') ?? byRole('teacher') ?? begun[0];
}

export function viewOf(run: RunState, besides: ReadonlyMap<string, RunState>, choices: Choices): View | undefined {
  const main = mainSeries(run, choices.series);
  if (!main) return undefined;
  const controls =
    choices.showControl && main.role === 'student'
      ? run.series.filter((series) => series.role === 'control' && series.metrics.length > 0)
      : [];
  const others = choices.besides.flatMap((id) => {
    const other = besides.get(id);
    const series = other?.series.find(({ name, metrics }) => name === main.name && metrics.length > 0);
    return other && series ? [{ run: other, series }] : [];
  });
  const inks =
    others.length > 0
      ? inksOf([run.id, ...others.map((other) => other.run.id)], choices.inks)
      : new Map<string, string>();
  const titles = runTitles([run, ...others.map((other) => other.run)]);
  const x = SeriesCurves.of(main.metrics).axis(choices.axis);
  const end = axisEnd(run, main, [...controls, ...others.map(({ series }) => series)], choices, x);
  return { run, main, controls, others, titles, inks, choices, x, end, range: choices.zoom ?? [0, end] };
}

function axisEnd(
  { record }: RunState,
  main: SeriesState,
  others: readonly SeriesState[],
  { axis }: Pick<Choices, 'axis'>,
  x: Column,
): number {
  const going = record.status === 'running' || record.status === 'paused';
  const step = main.metrics.at('step', main.metrics.length - 1);
  const planned = going && record.progress?.role === main.role && step > 0 ? record.progress.steps / step : 1;
  const ends = others.map(({ metrics }) => SeriesCurves.of(metrics).axis(axis).last);
  return Math.max(1e-9, x.last * Math.max(1, planned), ...ends);
}

/** Where a step of a training stands on an axis. */
export function positionOfStep({ metrics }: SeriesState, axis: Choices['axis'], step: number): number {
  if (axis === 'step') return step;
  const curves = SeriesCurves.of(metrics);
  const index = curves.axis('step').nearest(step);
  const near = metrics.at('step', index);
  return near > 0 ? (curves.axis(axis).at(index) * step) / near : 0;
}
