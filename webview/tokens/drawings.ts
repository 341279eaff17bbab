/** @file Small drawings of the Tokens tab, made to measure: divergence by position, by probe, and the label's probability. */

import {
  crisp,
  halo,
  line,
  mark,
  polyline,
  shape,
  strong,
  text,
  type Drawing,
} from '../../src/protocol/drawing/shapes';
import { formatCount, formatShare } from '../../src/protocol/format';
import { heatLevel } from '../../src/protocol/heat';
import { wholeTicks } from '../../src/protocol/ticks';
import { roleNames } from '../look/role-names';
import type { ExampleSummary } from './divergence';

const left = 40;
const heat = { fill: 'var(--heat)' };
const toTheLeft = { 'text-anchor': 'end' };
const centred = { 'text-anchor': 'middle' };

/** Bars of KL at each position, on a square-root scale up to 1 nat, so that small ones show. */
export function stripDrawing(width: number, { positions }: ExampleSummary, chosen: number, label: string): Drawing {
  const [height, top, bottom] = [96, 6, 18];
  const n = positions.length;
  const step = (width - left) / n;
  const floor = height - bottom;
  const Y = (kl: number): number => top + (1 - Math.sqrt(Math.min(kl, 1))) * (floor - top);
  const middle = (i: number): number => left + (i + 0.5) * step;
  const clear = Math.ceil(18 / step);
  const numbered = wholeTicks(1, n, Math.min(6, n))
    .map((tick) => tick - 1)
    .filter((i) => i >= 0 && i < n && Math.abs(i - chosen) > clear);
  return {
    width,
    height,
    label,
    shapes: [
      ...[0.1, 0.3, 1].flatMap((kl) => [
        line(left, Math.round(Y(kl)), width, Math.round(Y(kl)), 'var(--grid)', crisp),
        text(left - 8, Y(kl) + 4, String(kl), toTheLeft),
      ]),
      ...positions.map(({ kl }, i) =>
        shape('rect', {
          ...heat,
          x: left + i * step + 1,
          y: Y(kl),
          width: Math.max(1, step - 2),
          height: floor - Y(kl),
          'fill-opacity': i === chosen ? 1 : 0.55,
        }),
      ),
      line(left, floor, width, floor, 'var(--axis)', crisp),
      line(middle(chosen), floor, middle(chosen), floor + 4, 'var(--vscode-focusBorder)', { 'stroke-width': 2 }),
      ...numbered.map((i) => text(middle(i), height - 2, String(i + 1), centred)),
      text(middle(chosen), height - 2, String(chosen + 1), { ...centred, ...strong }),
    ],
  };
}

/** The position at a place of the strip or the matrix; undefined beside them. @param x pixels from the drawing's left */
export function positionUnder(x: number, width: number, { positions }: ExampleSummary): number | undefined {
  const i = Math.floor(((x - left) / (width - left)) * positions.length);
  return i >= 0 && i < positions.length ? i : undefined;
}

export interface Recorded {
  step: number;
  summary: ExampleSummary;
}

/** A row for each probe, a cell for each position, shaded in the five levels of heat. */
export function matrixDrawing(
  width: number,
  rowHeight: number,
  recorded: readonly Recorded[],
  chosen: { position: number; step: number },
  label: string,
): Drawing {
  const height = recorded.length * rowHeight;
  const cell = (width - left) / recorded[0]!.summary.positions.length;
  const opacity = [0.04, 0.16, 0.34, 0.6, 1];
  const row = recorded.findIndex(({ step }) => step === chosen.step);
  const every = Math.ceil(16 / rowHeight) * Math.ceil(recorded.length / 8);
  const isNamed = (r: number): boolean => r === row || (r % every === 0 && Math.abs(r - row) * rowHeight >= 14);
  const frame = { fill: 'none', stroke: 'var(--vscode-focusBorder)' };
  return {
    width,
    height: height + 2,
    label,
    shapes: [
      ...recorded.flatMap(({ step, summary }, r) => [
        ...(isNamed(r)
          ? [
              text(left - 8, r * rowHeight + rowHeight / 2 + 4, formatCount(step), {
                ...toTheLeft,
                ...(r === row && strong),
              }),
            ]
          : []),
        ...summary.positions.map(({ kl }, i) =>
          shape('rect', {
            ...heat,
            x: left + i * cell + 0.5,
            y: r * rowHeight + 0.5,
            width: Math.max(0.5, cell - 1),
            height: rowHeight - 1,
            'fill-opacity': opacity[heatLevel(kl)]!,
          }),
        ),
      ]),
      ...(row < 0
        ? []
        : [shape('rect', { ...frame, x: left + 0.5, y: row * rowHeight, width: width - left - 1, height: rowHeight })]),
      shape('rect', { ...frame, x: left + chosen.position * cell, y: 0, width: cell, height }),
    ],
  };
}

export interface Growth {
  step: number;
  probability: number;
}

/**
 * The hard label's probability under the student at each probe, with the teacher's as a line.
 * @param last where the axis of steps ends
 */
export function growthDrawing(
  width: number,
  points: readonly Growth[],
  teacher: number,
  shown: number,
  last: number,
  label: string,
): Drawing {
  const [height, top, bottom, axis] = [112, 8, 18, 32];
  const right = width - 92;
  const floor = height - bottom;
  const most = points.reduce((a, { probability }) => Math.max(a, probability), teacher) * 1.04;
  const end = [0.01, 0.02, 0.04, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1].find((value) => value >= most) ?? 1;
  const X = (step: number): number => axis + (step / Math.max(1, last)) * (right - axis);
  const Y = (p: number): number => top + (1 - p / end) * (floor - top);
  const here = points.find(({ step }) => step === shown) ?? points.at(-1)!;
  const latest = X(points.at(-1)!.step);
  const at = Math.round(X(here.step)) + 0.5;
  let [teacherY, studentY] = [Y(teacher), Y(here.probability)];
  if (Math.abs(teacherY - studentY) < 14) {
    if (teacherY <= studentY) [teacherY, studentY] = [Math.min(teacherY, floor - 16), teacherY + 14];
    else [teacherY, studentY] = [studentY + 14, studentY];
  }
  const share = (p: number): string => (p === 0 ? '0' : String(Number(p.toFixed(3))).replace(/^0/, ''));
  return {
    width,
    height,
    label,
    shapes: [
      ...[0, end / 2, end].flatMap((p) => [
        line(axis, Math.round(Y(p)), right, Math.round(Y(p)), p === 0 ? 'var(--axis)' : 'var(--grid)', crisp),
        text(axis - 6, Y(p) + 4, share(p), toTheLeft),
      ]),
      ...wholeTicks(0, last, 3).map((step) => text(X(step), height - 3, formatCount(step), centred)),
      line(at, top, at, floor, 'var(--foreground)', { ...crisp, opacity: 0.7 }),
      line(axis, Y(teacher), latest, Y(teacher), 'var(--teacher)', { 'stroke-width': 1.5 }),
      shape('path', {
        d: polyline(points.map(({ step, probability }) => [X(step), Y(probability)])),
        fill: 'none',
        stroke: 'var(--student)',
        'stroke-width': 1.5,
      }),
      mark('teacher', latest, Y(teacher), 2.6),
      ...points.map(({ step, probability }) =>
        mark('student', X(step), Y(probability), step === here.step ? 4 : 2.2, step > here.step),
      ),
      text(latest + 10, teacherY + 4, `${roleNames.teacher} ${formatShare(teacher)}`, {
        ...halo,
        fill: 'var(--teacher)',
      }),
      text(latest + 10, studentY + 4, `${roleNames.student} ${formatShare(here.probability)}`, {
        ...halo,
        fill: 'var(--student)',
      }),
    ],
  };
}
