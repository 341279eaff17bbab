/** @file The value axis of a chart: its range and its ticks. Pure. */

import { clockLabels, clockTicks, linearTicks, logTicks, tickLabels, wholeTicks } from '../../src/protocol/ticks';
import type { Column } from './column';
import type { Axis, Line } from './line';

interface ScaleOptions {
  zero: boolean;
  logScale: boolean;
  ignoreOutliers: boolean;
}

/** Indices of a line's values within a stretch of the axis. */
function visible({ x }: Line, [from, to]: readonly [number, number]): [number, number] {
  return [Math.max(0, x.firstFrom(from) - 1), Math.min(x.length, x.firstFrom(to) + 1)];
}

/** Of the curve and its band. */
function extremesOf({ y, band }: Line, within: [number, number]): { low: number; high: number } {
  const own = y.extremes(...within);
  const [below, above] = [band?.low.extremes(...within).low ?? NaN, band?.high.extremes(...within).high ?? NaN];
  return {
    low: Number.isNaN(below) ? own.low : Math.min(own.low, below),
    high: Number.isNaN(above) ? own.high : Math.max(own.high, above),
  };
}

/** What of the values fits into the plot: least to largest, for the stretch of the axis that is shown. */
export function valueRange(
  lines: readonly Line[],
  range: readonly [number, number],
  { zero, logScale, ignoreOutliers }: ScaleOptions,
): [number, number] {
  const parts = lines
    .map((line) => ({ line, within: visible(line, range) }))
    .filter(({ within: [from, to] }) => to > from)
    .map(({ line, within }) => ({ line, within, ...extremesOf(line, within) }))
    .filter(({ low }) => !Number.isNaN(low));
  if (parts.length === 0) return [0, 1];
  if (logScale) return logarithmicRange(parts);
  if (zero) return [0, Math.max(...parts.map(({ line, within }) => ceiling(line.y, ...within, ignoreOutliers))) || 1];
  const low = Math.min(...parts.map((part) => part.low));
  const high = Math.max(...parts.map((part) => part.high));
  const margin = 0.08 * (high - low) || 0.05 * Math.abs(high) || 1;
  // A reference at the edge has its name beyond it.
  const named = lines.filter(({ kind }) => kind === 'reference').map((line) => line.y.at(0));
  const room = (edge: number): number => (named.includes(edge) ? 3 * margin : margin);
  return [low - room(low), high + room(high)];
}

function logarithmicRange(
  parts: readonly { line: Line; within: [number, number]; low: number; high: number }[],
): [number, number] {
  const all = parts.flatMap(({ line, within, low, high }) => {
    const raw = line.raw?.extremes(...within);
    return [low, high, ...(raw ? [raw.low, raw.high] : [])];
  });
  const positive = all.filter((value) => value > 0);
  return positive.length === 0 ? [0.1, 1] : [Math.min(...positive) * 0.9, Math.max(...positive) * 1.1];
}

export function valueTicks(low: number, high: number, height: number, logScale: boolean): number[] {
  const count = Math.max(2, Math.floor(height / 36));
  return logScale ? logTicks(low, high, count) : linearTicks(low, high, count);
}

/** @param share the values cannot exceed 1: labels have no leading zero */
export function valueLabels(ticks: readonly number[], unit: number, share: boolean): string[] {
  const labels = tickLabels(ticks.map((tick) => tick / unit));
  return share ? labels.map((label) => label.replace(/^0\./, '.').replace(/^1\.0+$/, '1')) : labels;
}

export function axisTicks(axis: Axis, low: number, high: number, width: number): number[] {
  const count = Math.max(2, Math.min(6, Math.floor(width / 96)));
  if (axis === 'clock') return clockTicks(high, count, low);
  return axis === 'step' ? wholeTicks(low, high, count) : linearTicks(low, high, count);
}

export function axisLabels(axis: Axis, ticks: readonly number[]): string[] {
  return axis === 'clock' ? clockLabels(ticks) : tickLabels(ticks);
}

/** Values looked at to tell what is usual. */
const sampled = 1000;

/**
 * Top of a chart that starts at 0. With `ignoreOutliers` it leaves room for what came after the first drop, and what is above
 * is cut, which the chart must say.
 */
export function ceiling(column: Column, from: number, to: number, ignoreOutliers: boolean): number {
  const largest = column.extremes(from, to).high;
  if (!ignoreOutliers || to - from < 20) return largest * 1.06;
  const stride = Math.max(1, Math.floor((to - from) / sampled));
  const some: number[] = [];
  for (let i = from; i < to; i += stride) if (!Number.isNaN(column.at(i))) some.push(column.at(i));
  some.sort((a, b) => a - b);
  return Math.min(largest * 1.06, (some[Math.floor(0.96 * (some.length - 1))] ?? largest) * 1.25);
}
