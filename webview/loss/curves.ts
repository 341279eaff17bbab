/** @file From metrics records to the numbers that are drawn. Pure. */

import type { ExperimentFacts } from '../../src/protocol/lab-data';
import type { LossComponents, MetricsRecord } from '../../src/protocol/records';

export type Axis = 'step' | 'epoch' | 'clock';
export type Component = Exclude<keyof LossComponents, 'total'>;

/** From the bottom of the stack to its top. */
export const components: readonly Component[] = ['hard', 'soft', 'hidden', 'attention'];

/** Where each record stands on the axis: its step, its epoch, or seconds since the first record of its training. */
export function axisPositions(metrics: readonly MetricsRecord[], axis: Axis): number[] {
  if (axis === 'step') return metrics.map((record) => record.step);
  if (axis === 'epoch') return metrics.map((record) => record.epoch);
  const begin = metrics[0] ? Date.parse(metrics[0].time) : 0;
  return metrics.map((record) => (Date.parse(record.time) - begin) / 1000);
}

/** Exponential moving average that starts at the first value: m ← weight · m + (1 − weight) · x. */
export function smooth(values: readonly number[], weight: number): number[] {
  let mean = values[0] ?? 0;
  return values.map((value) => (mean = weight * mean + (1 - weight) * value));
}

/** The factor with which a component enters the total at one step: α · T², 1 − α, or its own weight. */
export function componentWeight(component: Component, record: MetricsRecord, facts: ExperimentFacts): number {
  const temperature = record.temperature ?? 1;
  switch (component) {
    case 'soft':
      return (record.alpha ?? 1) * (facts.scaleByTemperatureSquared ? temperature ** 2 : 1);
    case 'hard':
      return record.loss.soft === undefined ? 1 : 1 - (record.alpha ?? 0);
    case 'hidden':
      return facts.hidden?.weight ?? 1;
    case 'attention':
      return facts.attention?.weight ?? 1;
  }
}

/** Components that this training has, judged by its records. */
export function presentComponents(metrics: readonly MetricsRecord[]): Component[] {
  const last = metrics.at(-1);
  return last ? components.filter((component) => last.loss[component] !== undefined) : [];
}

/**
 * Top of a chart that starts at 0. With `ignoreOutliers` it leaves room for what came after the first drop, and what is above
 * is cut, which the chart must say.
 */
export function ceiling(values: readonly number[], ignoreOutliers: boolean): number {
  const largest = values.reduce((a, b) => Math.max(a, b), 0);
  if (!ignoreOutliers || values.length < 20) return largest * 1.06;
  const sorted = [...values].sort((a, b) => a - b);
  return Math.min(largest * 1.06, sorted[Math.floor(0.96 * (sorted.length - 1))]! * 1.25);
}

/** Index of the value nearest to x in ascending values; −1 if there are none. */
export function nearestIndex(values: readonly number[], x: number): number {
  if (values.length === 0) return -1;
  let low = 0;
  let high = values.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= x) low = middle;
    else high = middle;
  }
  return x - values[low]! <= values[high]! - x ? low : high;
}

/** At most `count` indices of `length`, evenly spread, first and last included: what a table shows of a long curve. */
export function spread(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / (count - 1)));
}
