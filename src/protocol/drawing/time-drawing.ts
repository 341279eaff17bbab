/** @file Curves over training time as a drawing. */

import type { Role } from '../records';
import { line, mark, polyline, round, shape, text, titleShapes, type Drawing, type Shape } from './shapes';

export interface DrawnLine {
  name: string;
  x: readonly number[];
  y: readonly (number | null)[];
  ink: string;
  dashed?: boolean;
  width?: number;
  /** Opacity of the line. */
  opacity?: number;
  /** Filled down to the line before it, or to 0 where it is the first. */
  area?: boolean;
  /** What lies between two further curves is filled. */
  band?: Record<'low' | 'high', Pick<DrawnLine, 'x' | 'y'>>;
  mark?: Role;
  /** Written at the line's end. */
  label?: string;
}

interface Tick {
  at: number;
  label: string;
}

export interface TimePlot {
  title: string;
  note?: string | undefined;
  width: number;
  height: number;
  lines: readonly DrawnLine[];
  x: { from: number; to: number; ticks: readonly Tick[] };
  y: { from: number; to: number; ticks: readonly Tick[]; logarithmic?: boolean };
}

const [top, bottom] = [46, 22];

/** Pixels left of the plot, for the longest number of the value axis. */
const roomForNumbers = (ticks: readonly Tick[]): number =>
  Math.max(48, 8 + 6.2 * Math.max(0, ...ticks.map(({ label }) => label.length)));

/** Pixels for the longest name at a line's end. */
const roomForNames = (lines: readonly DrawnLine[]): number =>
  Math.max(96, 16 + 6.2 * Math.max(0, ...lines.map(({ label }) => label?.length ?? 0)));

export function timeDrawing(plot: TimePlot): Drawing {
  const { width, height, lines, x, y } = plot;
  const [left, right] = [roomForNumbers(y.ticks), roomForNames(lines)];
  const scale = y.logarithmic ? (value: number): number => Math.log10(Math.max(value, Number.MIN_VALUE)) : Number;
  const X = (value: number): number => left + ((value - x.from) / (x.to - x.from || 1)) * (width - left - right);
  const Y = (value: number): number => {
    const share = (scale(value) - scale(y.from)) / (scale(y.to) - scale(y.from) || 1);
    return top + (1 - Math.min(1, Math.max(0, share))) * (height - top - bottom);
  };
  const place = ({ x: xs, y: ys }: Pick<DrawnLine, 'x' | 'y'>): [number, number | null][] =>
    xs.map((value, i) => [X(value), ys[i] === null || ys[i] === undefined ? null : Y(ys[i])]);
  return {
    width,
    height,
    label: `${plot.title}: ${lines.map(({ name }) => name).join(', ')}`,
    shapes: [
      ...titleShapes(plot.title, plot.note),
      ...y.ticks.map(({ at }) => line(left, Y(at), width - right, Y(at), 'var(--grid)')),
      ...y.ticks.map(({ at, label }) => text(left - 8, Y(at) + 4, label, { 'text-anchor': 'end' })),
      ...x.ticks.map(({ at, label }) => text(X(at), height - 6, label, { 'text-anchor': 'middle' })),
      line(left, height - bottom, width - right, height - bottom, 'var(--axis)'),
      ...lines.flatMap(({ band, ink }) => (band ? [bandShape(place(band.low), place(band.high), ink)] : [])),
      ...lines.flatMap((one, i) => lineShapes(one, place(one), lines[i - 1] && place(lines[i - 1]!), Y(y.from))),
      ...endLabels(lines, X, Y),
    ],
  };
}

function bandShape(low: [number, number | null][], high: [number, number | null][], ink: string): Shape {
  const [out, back] = [polyline(high), polyline(low.toReversed()).replaceAll('M', 'L')];
  return shape('path', { d: out === '' ? '' : `${out}${back}Z`, fill: ink, 'fill-opacity': 0.2 });
}

function lineShapes(
  one: DrawnLine,
  points: [number, number | null][],
  below: [number, number | null][] | undefined,
  floor: number,
): Shape[] {
  const path = polyline(points);
  const drawn = shape('path', {
    d: path,
    fill: 'none',
    stroke: one.ink,
    'stroke-width': one.width ?? 1.5,
    ...(one.dashed && { 'stroke-dasharray': '4 3' }),
    ...(one.opacity !== undefined && { 'stroke-opacity': one.opacity }),
  });
  const marks = one.mark ? points.flatMap(([x, y]) => (y === null ? [] : [mark(one.mark!, x, y, 3)])) : [];
  if (!one.area || path === '') return [drawn, ...marks];
  const back = (below ?? points.map(([x]): [number, number] => [x, floor])).toReversed();
  const filled = `${path}${polyline(back).replaceAll('M', 'L')}Z`;
  return [shape('path', { d: filled, fill: one.ink, 'fill-opacity': 0.3 }), drawn, ...marks];
}

/** Names at the lines' ends, moved apart where they would meet. */
function endLabels(lines: readonly DrawnLine[], X: (x: number) => number, Y: (y: number) => number): Shape[] {
  const ends = lines.flatMap(({ label, x, y, ink }) => {
    const last = y.findLastIndex((value) => value !== null);
    return label === undefined || last < 0 ? [] : [{ label, ink, x: X(x[last]!), y: Y(y[last]!) }];
  });
  let limit = -Infinity;
  return ends
    .sort((a, b) => a.y - b.y)
    .map((end) => {
      limit = Math.max(end.y + 4, limit + 13);
      return text(round(end.x + 6), limit, end.label, { fill: end.ink });
    });
}
