/** @file What a sweep over T measured, as a drawing on the slider's axis. */

import * as l10n from '@vscode/l10n';
import {
  crisp,
  halo,
  line,
  mark,
  polyline,
  shape,
  text,
  type Drawing,
  type Shape,
} from '../../src/protocol/drawing/shapes';
import { axisNumbers, linearTicks } from '../../src/protocol/ticks';
import { roleNames } from '../look/role-names';
import type { Measure } from '../state/quality';
import { marks, toFraction } from '../tokens/temperature-scale';
import { chartLeft, chartRight, narrowRight } from './curve-drawing';
import { temperaturePath } from '../base/setting-names';
import { type SweepLine, type SweepPoint } from './sweep';

/** Of the lines over T, one for each value of a second field. */
const dashes = ['none', '6 3', '2 3', '8 3 2 3'];

const [height, top, bottom] = [132, 8, 20];

export interface SweepPlot {
  width: number;
  /** Room at the right for names; without it they are left out. */
  named: boolean;
  lines: readonly SweepLine[];
  /** Qualities drawn as lines across, where they are known. */
  across: Record<'teacher' | 'control', number | undefined>;
  temperature: number;
  format: Measure['format'];
  label: string;
}

type Scale = (value: number) => number;

/** Undefined where there is no room. */
export function sweepDrawing(plot: SweepPlot): Drawing | undefined {
  const { width, lines, across, temperature, format, label } = plot;
  const right = width - (plot.named ? chartRight : narrowRight);
  if (right <= chartLeft) return undefined;
  const measured = lines.flatMap(({ points }) => points);
  const all = [
    ...measured.flatMap(({ quality, interval }) => [quality!, ...(interval ?? [])]),
    across.teacher,
    across.control,
  ].filter((value) => value !== undefined);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const room = 0.1 * (most - least) || 0.05 * Math.abs(most) || 1;
  const [low, high] = [least - room, most + room];
  const X: Scale = (T) => chartLeft + toFraction(T) * (right - chartLeft);
  const Y: Scale = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
  const ticks = linearTicks(low, high, 4);
  const labels = axisNumbers(ticks, format);
  const here = Math.round(X(temperature)) + 0.5;
  const floor = height - bottom;
  return {
    width,
    height,
    label,
    shapes: [
      ...ticks.flatMap((tick, i) => [
        line(chartLeft, Math.round(Y(tick)), right, Math.round(Y(tick)), 'var(--grid)', crisp),
        text(chartLeft - 8, Y(tick) + 4, labels[i]!, { 'text-anchor': 'end' }),
      ]),
      ...marks.map((T) => text(X(T), height - 4, String(T), { 'text-anchor': 'middle' })),
      line(chartLeft, floor, right, floor, 'var(--axis)', crisp),
      line(here, 0, here, floor, 'var(--foreground)', { ...crisp, opacity: 0.7 }),
      ...reference('teacher', plot, right, Y),
      ...reference('control', plot, right, Y),
      ...lines.flatMap((one, i) => lineShapes(one, i, plot, X, Y)),
      ...names(lines, X, Y),
    ],
  };
}

function reference(
  role: 'teacher' | 'control',
  { across, named, format }: SweepPlot,
  right: number,
  Y: Scale,
): Shape[] {
  const value = across[role];
  if (value === undefined) return [];
  const [y, ink] = [Y(value), `var(--${role})`];
  const dash = role === 'control' ? { 'stroke-dasharray': '4 3' } : {};
  return [
    line(chartLeft, y, right, y, ink, { 'stroke-width': 1.5, ...dash }),
    ...(named
      ? [mark(role, right + 12, y, 3), text(right + 20, y + 4, `${roleNames[role]} ${format(value)}`, { fill: ink })]
      : []),
  ];
}

/** Points by themselves where T alone is swept, else joined to a line that says what they share. */
function lineShapes({ name, points }: SweepLine, index: number, plot: SweepPlot, X: Scale, Y: Scale): Shape[] {
  if (name === undefined) return points.flatMap((point) => dot(point, plot, X, Y, true));
  const marks = points.map(({ values, quality }) => [X(Number(values[temperaturePath])), Y(quality!)] as const);
  return [
    shape('path', {
      d: polyline(marks),
      fill: 'none',
      stroke: 'var(--student)',
      'stroke-width': 1.5,
      'stroke-dasharray': dashes[index % dashes.length]!,
    }),
    ...points.flatMap((point) => dot(point, plot, X, Y, false)),
  ];
}

function dot(
  { values, quality, interval, soFar }: SweepPoint,
  { format }: SweepPlot,
  X: Scale,
  Y: Scale,
  isNamed: boolean,
): Shape[] {
  const [x, y] = [X(Number(values[temperaturePath])), Y(quality!)];
  const said = `${format(quality)}${soFar ? ` ${l10n.t('so far')}` : ''}`;
  return [
    ...(interval ? [line(x, Y(interval[0]), x, Y(interval[1]), 'var(--student)', { 'stroke-width': 2 })] : []),
    mark('student', x, y, 4, soFar),
    ...(isNamed ? [text(x + 9, y + 4, said, halo)] : []),
  ];
}

/** Names at the lines' ends, moved apart where they would meet. */
function names(lines: readonly SweepLine[], X: Scale, Y: Scale): Shape[] {
  const named = lines.flatMap(({ name, points }) => {
    const last = points.at(-1)!;
    return name === undefined ? [] : [{ name, x: X(Number(last.values[temperaturePath])), y: Y(last.quality!) }];
  });
  named.sort((a, b) => a.y - b.y);
  named.forEach((one, i) => (one.y = Math.max(one.y, (named[i - 1]?.y ?? -Infinity) + 13)));
  return named.map(({ name, x, y }) => text(x + 9, y + 4, name, halo));
}
