/** @file Curves over T as a drawing; its x axis is the slider's. */

import { crisp, line, polyline, shape, text, type Drawing, type Shape } from '../../src/protocol/drawing/shapes';
import { linearTicks, logLabels, tickLabels } from '../../src/protocol/ticks';
import { marks, toFraction } from '../tokens/temperature-scale';
import { curveTemperatures } from './curve-set';

export interface CurveLine {
  name: string;
  values: readonly number[];
  ink: string;
  dotted?: boolean;
  /** The value at the chosen T, worked out at once. */
  now: number;
  format: (value: number) => string;
}

export interface CurvePlot {
  width: number;
  height: number;
  /** Room at the right for the curves' names; without it they have none. */
  named: boolean;
  lines: readonly CurveLine[];
  temperature: number;
  logScale: boolean;
  /** A horizontal line with its name: what the curves cannot exceed. */
  limit: { value: number; name: string } | undefined;
  label: string;
}

/** Room left and right of the plot, the slider's too. */
export const chartLeft = 44;
export const chartRight = 116;

/** Where names have no room. */
export const narrowRight = 12;

const [top, bottom] = [8, 6];

/** Undefined where there is no room. */
export function curveDrawing(plot: CurvePlot): Drawing | undefined {
  const { width, height, lines, temperature, logScale, limit, label } = plot;
  const right = width - (plot.named ? chartRight : narrowRight);
  const inner = right - chartLeft;
  if (inner <= 0) return undefined;
  const { low, high, ticks } = scaleOf(plot);
  const scale = logScale ? (value: number): number => Math.log10(Math.max(value, low)) : Number;
  const X = (T: number): number => chartLeft + toFraction(T) * inner;
  const Y = (value: number): number =>
    top + (1 - (scale(value) - scale(low)) / (scale(high) - scale(low) || 1)) * (height - top - bottom);
  const labels = logScale ? logLabels(ticks) : tickLabels(ticks);
  const here = Math.round(X(temperature)) + 0.5;
  const floor = height - bottom;
  const across = (y: number, stroke: string, attributes = {}): Shape =>
    line(chartLeft, y, right, y, stroke, attributes);
  return {
    width,
    height,
    label,
    shapes: [
      ...ticks.flatMap((tick, i) => [
        across(Math.round(Y(tick)), 'var(--grid)', crisp),
        text(chartLeft - 8, Y(tick) + 4, labels[i]!, { 'text-anchor': 'end' }),
      ]),
      ...(limit ? [across(Y(limit.value), 'var(--axis)', { 'stroke-dasharray': '1 3' })] : []),
      ...marks.map((T) => line(X(T), floor - 3, X(T), floor, 'var(--grid)', crisp)),
      across(floor, 'var(--axis)', crisp),
      ...lines.map(({ values, ink, dotted }) =>
        shape('path', {
          d: polyline(values.map((value, i) => [X(curveTemperatures[i]!), Y(value)])),
          fill: 'none',
          stroke: ink,
          'stroke-width': 1.75,
          ...(dotted && { 'stroke-dasharray': '2 3' }),
        }),
      ),
      line(here, 0, here, floor, 'var(--foreground)', { ...crisp, opacity: 0.7 }),
      ...lines.map(({ now, ink }) =>
        shape('circle', { cx: here, cy: Y(now), r: 3.5, fill: ink, stroke: 'var(--background)' }),
      ),
      ...(plot.named ? names(plot, right + 8, Y) : []),
    ],
  };
}

/** Names at the curves' right ends, moved apart where they would meet. */
function names({ lines, limit }: CurvePlot, x: number, Y: (value: number) => number): Shape[] {
  const ends = [
    ...lines.map(({ name, ink, values }) => ({ name, ink, y: Y(values.at(-1) ?? NaN) })),
    ...(limit ? [{ name: limit.name, ink: 'var(--muted)', y: Y(limit.value) }] : []),
  ].filter(({ y }) => Number.isFinite(y));
  let lowest = -Infinity;
  return ends
    .sort((a, b) => a.y - b.y)
    .map(({ name, ink, y }) => {
      lowest = Math.max(y + 4, lowest + 14);
      return text(x, lowest, name, { fill: ink });
    });
}

function scaleOf({ lines, limit, logScale }: CurvePlot): { low: number; high: number; ticks: number[] } {
  const all = [...lines.flatMap(({ values, now }) => [...values, now]), ...(limit ? [limit.value] : [])];
  const finite = all.filter((value) => Number.isFinite(value));
  if (!logScale) {
    const high = Math.max(1e-9, ...finite) * 1.06;
    return { low: 0, high, ticks: linearTicks(0, high, 4) };
  }
  const high = 10 ** Math.ceil(Math.log10(Math.max(1e-6, ...finite)));
  const low = Math.max(high / 1e5, 10 ** Math.floor(Math.log10(Math.max(1e-12, Math.min(...finite)))));
  const powers = Math.round(Math.log10(high / low));
  const step = Math.max(1, Math.ceil(powers / 4));
  return {
    low,
    high,
    ticks: Array.from({ length: Math.floor(powers / step) + 1 }, (_, i) => high / 10 ** (i * step)),
  };
}
