/** @file From a training's metrics to the columns that are drawn, each worked out once and grown with the training. */

import { imitationNames } from '../../src/protocol/imitation';
import type { ExperimentFacts } from '../../src/protocol/lab-data';
import type { Axis } from '../charts/line';
import type { MetricName, MetricsTable } from '../../src/protocol/metrics-table';
import type { LossComponents } from '../../src/protocol/records';
import { Column } from '../charts/column';

/** `ownSoft`: the distillation loss of steps on what the student has written, whose `soft` it is in the records. */
export type Component = Exclude<keyof LossComponents, 'total'> | 'ownSoft';

/** From the bottom of the stack to its top. */
const components: readonly Component[] = ['hard', 'soft', 'ownSoft', ...imitationNames];

/** Components that this training has. */
export function presentComponents(metrics: MetricsTable): Component[] {
  return components.filter((component) => metrics.has(component));
}

/** The factor with which a component enters the total at one record: α · T², 1 − α, or its own weight. */
export function componentWeight(
  component: Component,
  metrics: MetricsTable,
  i: number,
  facts: ExperimentFacts,
): number {
  const alpha = metrics.at('alpha', i);
  const temperature = metrics.has('temperature') ? metrics.at('temperature', i) : 1;
  switch (component) {
    case 'soft':
    case 'ownSoft':
      return (Number.isNaN(alpha) ? 1 : alpha) * (facts.scaleByTemperatureSquared ? temperature ** 2 : 1);
    case 'hard':
      return metrics.has('soft') ? 1 - (Number.isNaN(alpha) ? 0 : alpha) : 1;
    default:
      return facts[component]?.weight ?? 1;
  }
}

/** Exponential moving average that starts at the first value: m ← weight · m + (1 − weight) · x. Values that are absent are passed over. */
function smoothing(weight: number, value: (i: number) => number): (i: number) => number {
  let mean = NaN;
  return (i) => {
    const next = value(i);
    if (!Number.isNaN(next)) mean = Number.isNaN(mean) ? next : weight * mean + (1 - weight) * next;
    return mean;
  };
}

interface Kept {
  column: Column;
  /** The value of record i; called once for each, in their order. */
  next: (i: number) => number;
}

const known = new WeakMap<MetricsTable, SeriesCurves>();

export class SeriesCurves {
  readonly #kept = new Map<string, Kept>();
  #weight = NaN;

  private constructor(private readonly metrics: MetricsTable) {}

  static of(metrics: MetricsTable): SeriesCurves {
    let curves = known.get(metrics);
    if (!curves) known.set(metrics, (curves = new SeriesCurves(metrics)));
    return curves;
  }

  /** Where each record stands: its step, its epoch, or seconds since the first record of its training. */
  axis(axis: Axis): Column {
    const { metrics } = this;
    if (axis !== 'clock') return this.values(axis);
    return this.#column('clock', () => (i) => (metrics.at('time', i) - metrics.at('time', 0)) / 1000);
  }

  values(name: MetricName): Column {
    return this.#column(name, () => (i) => this.metrics.at(name, i));
  }

  /** @param weight of the moving average; 0 gives the values themselves */
  smoothed(name: MetricName, weight: number): Column {
    if (weight === 0) return this.values(name);
    this.#forgetOthers(weight);
    return this.#column(`${name}~`, () => smoothing(weight, (i) => this.metrics.at(name, i)));
  }

  /** The components times their weights, smoothed and stacked: the top of each, from the lowest up. */
  stacked(facts: ExperimentFacts, weight: number): { component: Component; top: Column }[] {
    this.#forgetOthers(weight);
    let below: Column | undefined;
    return presentComponents(this.metrics).map((component) => {
      const under = below;
      const top = this.#column(`${component}~stacked`, () => {
        const share = smoothing(weight, (i) => {
          const value = this.metrics.at(component, i);
          // A step without labelled rows has no student loss, and one on the student's own texts one distillation loss: others add nothing to its total.
          return Number.isNaN(value) ? 0 : value * componentWeight(component, this.metrics, i, facts);
        });
        return (i) => share(i) + (under?.at(i) ?? 0);
      });
      below = top;
      return { component, top };
    });
  }

  /** Of the smoothed columns only those of one weight are kept. */
  #forgetOthers(weight: number): void {
    if (weight === this.#weight) return;
    this.#weight = weight;
    for (const key of this.#kept.keys()) if (key.includes('~')) this.#kept.delete(key);
  }

  #column(key: string, make: () => (i: number) => number): Column {
    let kept = this.#kept.get(key);
    if (!kept) this.#kept.set(key, (kept = { column: new Column(), next: make() }));
    for (let i = kept.column.length; i < this.metrics.length; i++) kept.column.push(kept.next(i));
    return kept.column;
  }
}

/** At most `count` indices of `length`, evenly spread, first and last included: what a table shows of a long curve. */
export function spread(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / (count - 1)));
}
