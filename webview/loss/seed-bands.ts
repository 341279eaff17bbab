/** @file What several seeds of a run have in common: the range of their curves, drawn as a band around the first seed's. Pure. */

import { seedSeries } from '../../src/protocol/lab-data';
import type { MetricName } from '../../src/protocol/metrics-table';
import { Column } from '../charts/column';
import type { Band } from '../charts/line';
import { evaluationsIn, type Measure, type Measured } from '../state/quality';
import type { RunState, SeriesState } from '../state/state';
import { SeriesCurves } from './curves';

/** The same training of the run's other seeds, as far as it has begun. */
const othersOf = ({ seeds }: RunState, { name }: Pick<SeriesState, 'name'>): SeriesState[] =>
  seeds.filter((series) => series.name === seedSeries(name, series.seed!) && series.metrics.length > 0);

/** Made anew when a seed has grown. */
const known = new WeakMap<SeriesState['metrics'], Map<string, { lengths: string; band: Band }>>();

/** Of a metric's smoothed curves: every seed makes the same steps. Undefined where there is one seed. */
export function seedBand(
  run: RunState,
  series: Pick<SeriesState, 'name' | 'metrics'>,
  metric: MetricName,
  smoothing: number,
): Band | undefined {
  const others = othersOf(run, series);
  if (others.length === 0) return undefined;
  const all = [series, ...others].map(({ metrics }) => SeriesCurves.of(metrics).smoothed(metric, smoothing));
  const lengths = all.map(({ length }) => length).join();
  const kept = known.get(series.metrics) ?? new Map<string, { lengths: string; band: Band }>();
  known.set(series.metrics, kept);
  const key = `${metric} ${smoothing}`;
  const before = kept.get(key);
  if (before?.lengths === lengths) return before.band;
  const band = rangeOf(all[0]!.length, (i) => all.map((column) => column.at(i)));
  kept.set(key, { lengths, band });
  return band;
}

/** Of evaluations at the steps that the first seed has. */
export function evaluationBand(
  run: RunState,
  series: SeriesState,
  measured: readonly Measured[],
  key: Measure['key'],
): Band | undefined {
  const others = othersOf(run, series).map(
    (other) => new Map(evaluationsIn([other], other.role, key).map(({ step, value }) => [step, value])),
  );
  if (others.length === 0) return undefined;
  return rangeOf(measured.length, (i) => [
    measured[i]!.value,
    ...others.map((values) => values.get(measured[i]!.step) ?? NaN),
  ]);
}

/** Seeds that have no value yet are left out. */
function rangeOf(length: number, valuesAt: (i: number) => number[]): Band {
  const band = { low: new Column(), high: new Column() };
  for (let i = 0; i < length; i++) {
    const values = valuesAt(i).filter((value) => !Number.isNaN(value));
    band.low.push(values.length === 0 ? NaN : Math.min(...values));
    band.high.push(values.length === 0 ? NaN : Math.max(...values));
  }
  return band;
}
