/** @file A study's picture: learning curves, gains of families, or a map over T and α. */

import { formatCount, formatSetting, formatSigned } from '../format';
import { isEncoder, type FamiliesAnswer, type LabelsAnswer, type StudyAnswer, type TemperatureAnswer } from '../study';
import type { Role } from '../records';
import { axisNumbers, linearTicks, logTicks } from '../ticks';
import { halo, line, mark, polyline, shape, text, type Drawing, type Shape } from './shapes';

/** What is written in the picture, in the reader's language. */
export interface StudyWords {
  /** Read out in place of the picture. */
  label: string;
  teacher: string;
  student: string;
  control: string;
  encoder: string;
  decoder: string;
  /** `20,000 texts without labels` */
  texts: (count: number) => string;
}

/** Undefined before a run is done. */
export function studyDrawing(answer: StudyAnswer, width: number, words: StudyWords): Drawing | undefined {
  switch (answer.kind) {
    case 'labels':
      return answer.curves.length === 0 ? undefined : labelsDrawing(answer, width, words);
    case 'families':
      return answer.points.length === 0 ? undefined : familiesDrawing(answer, width, words);
    case 'temperature':
      return answer.points.length === 0 ? undefined : mapDrawing(answer, width, words);
  }
}

/** Of a student's curves, by how many texts they had: the most is drawn whole. */
const dashes = ['none', '6 3', '2 3', '8 3 2 3'];

interface DrawnCurve {
  role: Role;
  name: string;
  dash: string;
  points: { x: number; value: number; interval: readonly [number, number] }[];
}

function labelsDrawing({ curves, teacher, quality }: LabelsAnswer, width: number, words: StudyWords): Drawing {
  const [height, left, right, top, bottom] = [240, 48, 190, 10, 24];
  const last = curves.length - 1;
  const named = (unlabelled: number | undefined): string =>
    unlabelled === undefined ? words.student : `${words.student}, ${words.texts(unlabelled)}`;
  const drawn: DrawnCurve[] = [
    ...curves.map(({ unlabelled, points }, i): DrawnCurve => ({
      role: 'student',
      name: named(unlabelled),
      dash: dashes[(last - i) % dashes.length]!,
      points: points.map(({ labels, student }) => ({ x: labels, ...student })),
    })),
    {
      role: 'control',
      name: words.control,
      dash: '4 3',
      points: curves[last]!.points.map(({ labels, control }) => ({ x: labels, ...control })),
    },
  ];
  const all = drawn.flatMap(({ points }) => points);
  const values = [
    ...all.flatMap(({ value, interval }) => [value, ...interval]),
    ...(teacher === undefined ? [] : [teacher]),
  ];
  const [low, high] = withRoom(Math.min(...values), Math.max(...values));
  const [least, most] = [Math.min(...all.map(({ x }) => x)) / 1.2, Math.max(...all.map(({ x }) => x)) * 1.2];
  const X = (value: number): number =>
    left + (Math.log(value / least) / Math.log(most / least)) * (width - left - right);
  const Y = (value: number): number => top + ((high - value) / (high - low)) * (height - top - bottom);
  const counts = [...new Set(all.map(({ x }) => x))].sort((a, b) => a - b);
  const ticks = counts.length > 8 ? logTicks(least, most, 6) : apart(counts, X);
  const grid = linearTicks(low, high, 5);
  const labels = axisNumbers(grid, quality.format);
  const names = [
    ...(teacher === undefined
      ? []
      : [{ name: `${words.teacher} ${quality.format(teacher)}`, y: Y(teacher), ink: 'var(--teacher)' }]),
    ...drawn.map(({ name, role, points }) => ({ name, y: Y(points.at(-1)!.value), ink: `var(--${role})` })),
  ];
  return {
    width,
    height,
    label: words.label,
    shapes: [
      ...grid.flatMap((tick, i) => [
        line(left, Y(tick), width - right, Y(tick), 'var(--grid)'),
        text(left - 8, Y(tick) + 4, labels[i]!, { 'text-anchor': 'end' }),
      ]),
      ...ticks.map((tick) => text(X(tick), height - 6, formatCount(tick), { 'text-anchor': 'middle' })),
      line(left, height - bottom, width - right, height - bottom, 'var(--axis)'),
      ...(teacher === undefined
        ? []
        : [line(left, Y(teacher), width - right, Y(teacher), 'var(--teacher)', { 'stroke-width': 1.5 })]),
      ...drawn.flatMap(({ role, dash, points }): Shape[] => [
        shape('path', {
          d: polyline(points.map(({ x, value }) => [X(x), Y(value)])),
          fill: 'none',
          stroke: `var(--${role})`,
          'stroke-width': 1.5,
          ...(dash !== 'none' && { 'stroke-dasharray': dash }),
        }),
        ...points.flatMap(({ x, value, interval }) => [
          line(X(x), Y(interval[0]), X(x), Y(interval[1]), `var(--${role})`, { 'stroke-width': 2, opacity: 0.7 }),
          mark(role, X(x), Y(value), 4),
        ]),
      ]),
      ...namesAt(names, width - right + 10),
    ],
  };
}

/** Those of the counts whose names do not meet. */
function apart(counts: readonly number[], X: (count: number) => number): number[] {
  const kept: number[] = [];
  for (const count of counts) if (kept.length === 0 || X(count) - X(kept.at(-1)!) >= 34) kept.push(count);
  return kept;
}

function namesAt(names: { name: string; y: number; ink: string }[], x: number): Shape[] {
  let limit = -Infinity;
  return names
    .sort((one, other) => one.y - other.y)
    .map(({ name, y, ink }) => {
      limit = Math.max(y + 4, limit + 14);
      return text(x, limit, name, { fill: ink });
    });
}

function withRoom(low: number, high: number): [number, number] {
  const room = 0.06 * (high - low) || 0.05 * Math.abs(high) || 1;
  return [low - room, high + room];
}

/** Gains over the control as marks over their intervals, with a line at 0. */
function familiesDrawing({ points, quality }: FamiliesAnswer, width: number, words: StudyWords): Drawing {
  const [left, right, head, pitch] = [136, 24, 22, 34];
  const all = [0, ...points.flatMap(({ gain }) => [gain.value, ...gain.interval])];
  const [low, high] = withRoom(Math.min(...all), Math.max(...all));
  const X = (value: number): number => left + ((value - low) / (high - low)) * (width - left - right);
  const height = head + points.length * pitch + 4;
  const signed = (value: number): string => `${value > 0 ? '+' : ''}${formatSigned(value, quality.format)}`;
  return {
    width,
    height,
    label: words.label,
    shapes: [
      ...linearTicks(low, high, 6).flatMap((tick) => [
        line(X(tick), head - 4, X(tick), height, tick === 0 ? 'var(--axis)' : 'var(--grid)'),
        text(X(tick), 12, signed(tick), { 'text-anchor': 'middle' }),
      ]),
      ...points.flatMap(({ family, gain }, i): Shape[] => {
        const y = head + (i + 0.5) * pitch;
        return [
          text(8, y + 4, `${isEncoder(family) ? words.encoder : words.decoder} ${family}`, {
            fill: 'var(--foreground)',
          }),
          line(X(gain.interval[0]), y, X(gain.interval[1]), y, 'var(--student)', { 'stroke-width': 2 }),
          mark('student', X(gain.value), y, 4),
        ];
      }),
    ],
  };
}

/** A cell for each T and α, the stronger the better its student; the best on validation is framed. */
function mapDrawing({ points, best, quality }: TemperatureAnswer, width: number, { label }: StudyWords): Drawing {
  const axis = (of: (point: (typeof points)[number]) => number): number[] =>
    [...new Set(points.map(of))].sort((a, b) => a - b);
  const [temperatures, alphas] = [axis(({ temperature }) => temperature), axis(({ alpha }) => alpha)];
  const [left, head, pitch] = [64, 22, 34];
  const cell = Math.min(96, (width - left) / temperatures.length);
  const values = points.map(({ student }) => student.value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const goodness = (value: number): number => {
    const share = (value - low) / (high - low || 1);
    return quality.higherIsBetter ? share : 1 - share;
  };
  const height = head + alphas.length * pitch + 4;
  return {
    // No narrower than the title that stands above it in a report.
    width: Math.max(left + cell * temperatures.length, Math.min(width, 480)),
    height,
    label,
    shapes: [
      ...temperatures.map((T, i) =>
        text(left + (i + 0.5) * cell, 14, `T ${formatSetting(T)}`, { 'text-anchor': 'middle' }),
      ),
      ...alphas.map((alpha, j) => text(8, head + (j + 0.5) * pitch + 4, `α ${formatSetting(alpha)}`)),
      ...points.flatMap((point): Shape[] => {
        const [x, y] = [
          left + temperatures.indexOf(point.temperature) * cell,
          head + alphas.indexOf(point.alpha) * pitch,
        ];
        return [
          shape('rect', {
            x: x + 1,
            y: y + 1,
            width: cell - 2,
            height: pitch - 2,
            fill: 'var(--student)',
            'fill-opacity': Math.round((0.08 + 0.5 * goodness(point.student.value)) * 100) / 100,
            ...(point === best && { stroke: 'var(--foreground)', 'stroke-width': 2 }),
          }),
          text(x + cell / 2, y + pitch / 2 + 4, quality.format(point.student.value), {
            fill: 'var(--foreground)',
            'text-anchor': 'middle',
            ...halo,
          }),
        ];
      }),
    ],
  };
}
