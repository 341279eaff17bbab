/** @file The comparison's drawings: quality with its intervals, calibration, size against quality. */

import type { CalibrationBin, Interval, Role } from '../records';
import { axisNumbers, linearTicks, logTicks } from '../ticks';
import { formatLarge, formatNumber } from '../format';
import { halo, line, mark, polyline, round, shape, text, type Drawing, type Shape } from './shapes';

export interface DrawnModel {
  role: Role;
  name: string;
  /** Another run's: its disc is open. */
  other?: boolean | undefined;
  value: number;
  interval?: Interval | undefined;
  /** The value of each seed, where there are several: `value` is their mean. */
  seeds?: readonly number[] | undefined;
  /** Absent where nobody knows. */
  parameters?: number | undefined;
  calibration?: readonly CalibrationBin[] | undefined;
}

type Format = (value: number) => string;

/** `2 M`, where a value that was measured would be `2.00 M`. */
const shortLarge = (tick: number): string =>
  formatLarge(tick)
    .replace(/\.0+(?=\D)/, '')
    .replace(/(\.\d)0(?=\D)/, '$1');

/** Fewer predictions than this say little of how often such are right. */
const leastPredictions = 10;

/** Neighbouring bins joined until each has enough predictions; of all there are, where those are fewer. */
export function steadyBins(bins: readonly CalibrationBin[]): CalibrationBin[] {
  const joined: CalibrationBin[] = [];
  for (const bin of bins) {
    const last = joined.at(-1);
    if (last && last.count < leastPredictions) joined[joined.length - 1] = together(last, bin);
    else joined.push(bin);
  }
  const rest = joined.length > 1 && joined.at(-1)!.count < leastPredictions ? joined.pop() : undefined;
  return rest ? [...joined.slice(0, -1), together(joined.at(-1)!, rest)] : joined;
}

function together(a: CalibrationBin, b: CalibrationBin): CalibrationBin {
  const count = a.count + b.count;
  const mean = (key: 'confidence' | 'accuracy'): number => (a.count * a[key] + b.count * b[key]) / count;
  return { confidence: mean('confidence'), accuracy: mean('accuracy'), count };
}

const inkOf = (role: Role): string => `var(--${role})`;

/** Where the values and their intervals lie, with some room. */
function valueRange(models: readonly DrawnModel[]): [number, number] {
  const all = models
    .flatMap(({ value, interval, seeds }) => [value, ...(interval ?? []), ...(seeds ?? [])])
    .filter(Number.isFinite);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = 0.08 * (high - low) || 0.05 * Math.abs(high) || 1;
  return [low - room, high + room];
}

/** A mark for each model over a line for its interval, one below the other at `pitch` pixels. */
export function intervalDrawing(
  models: readonly DrawnModel[],
  title: string,
  format: Format,
  { width, pitch, head = 24, names = false }: { width: number; pitch: number; head?: number; names?: boolean },
): Drawing {
  const [low, high] = valueRange(models);
  const left = names ? 168 : 8;
  const X = (value: number): number => left + ((value - low) / (high - low)) * (width - left - 16);
  const height = head + models.length * pitch;
  const ticks = linearTicks(low, high, Math.max(3, Math.floor(width / 90)));
  const labels = axisNumbers(ticks, format);
  return {
    width,
    height,
    label: `${title}: ${models.map(({ name, value, interval, seeds }) => `${name} ${format(value)}${interval ? `, 95 % interval ${format(interval[0])} to ${format(interval[1])}` : ''}${seeds ? `, seeds ${seeds.map(format).join(', ')}` : ''}`).join('; ')}`,
    shapes: [
      ...ticks.map((tick, i) => text(X(tick), 12, labels[i]!, { 'text-anchor': 'middle' })),
      ...ticks.map((tick) => line(X(tick), 18, X(tick), height, 'var(--grid)')),
      ...models.flatMap(({ role, name, other, value, interval, seeds }, i): Shape[] => {
        const y = head + (i + 0.5) * pitch;
        return [
          ...(names ? [text(8, y + 4, name, { fill: 'var(--foreground)' })] : []),
          ...(interval ? [line(X(interval[0]), y, X(interval[1]), y, inkOf(role), { 'stroke-width': 2 })] : []),
          mark(role, X(value), y, 4, other === true),
          ...(seeds ?? []).map((seed) =>
            shape('circle', { cx: round(X(seed)), cy: round(y + 8), r: 2, fill: inkOf(role) }),
          ),
        ];
      }),
    ],
  };
}

/** How often predictions of a confidence are right; on the dotted line they are as right as they are sure. */
export function calibrationDrawing(models: readonly DrawnModel[], width: number, height: number): Drawing {
  const shown = models
    .filter(({ calibration }) => calibration && calibration.length > 0)
    .map((model) => ({ ...model, calibration: steadyBins(model.calibration!) }));
  const controls = shown.filter(({ role, other }) => role === 'control' && !other);
  const bins = shown.flatMap(({ calibration }) => calibration);
  const lowest = Math.min(...bins.map(({ confidence, accuracy }) => Math.min(confidence, accuracy)), 0.9);
  const low = Math.max(0, Math.floor(lowest * 10) / 10);
  const [left, right, top, bottom] = [36, 12, 10, 22];
  const X = (value: number): number => left + ((value - low) / (1 - low)) * (width - left - right);
  const Y = (value: number): number => top + (1 - (value - low) / (1 - low)) * (height - top - bottom);
  const ticks = linearTicks(low, 1, 4);
  const label = (tick: number): string => (tick === 0 ? '0' : String(Number(tick.toFixed(2))).replace(/^0/, ''));
  return {
    width,
    height,
    label: `Calibration: ${shown.map(({ name, calibration }) => `${name} ${calibration.map(({ confidence, accuracy }) => `sure ${label(confidence)}, right ${label(accuracy)}`).join(', ')}`).join('; ')}`,
    shapes: [
      ...ticks.flatMap((tick) => [
        line(left, Y(tick), width - right, Y(tick), 'var(--grid)'),
        text(left - 8, Y(tick) + 4, label(tick), { 'text-anchor': 'end' }),
        text(X(tick), height - 6, label(tick), { 'text-anchor': 'middle' }),
      ]),
      line(left, height - bottom, width - right, height - bottom, 'var(--axis)'),
      line(X(low), Y(low), X(1), Y(1), 'var(--axis)', { 'stroke-dasharray': '1 3' }),
      ...shown.flatMap((model) => calibrationCurve(model, controls.indexOf(model), X, Y)),
      // Of one model a role its colour and mark tell which it is; two controls need their names.
      ...(controls.length > 1 ? apart(controls.map((model) => beginning(model, X, Y))) : []).map(({ name, x, y }) =>
        text(x + 9, y + 4, name, { ...halo, fill: inkOf('control') }),
      ),
    ],
  };
}

/** Where a curve begins: at its least sure predictions. */
function beginning(
  { name, calibration }: CalibratedModel,
  X: (value: number) => number,
  Y: (value: number) => number,
): { name: string; x: number; y: number } {
  const { confidence, accuracy } = calibration[0]!;
  return { name, x: X(confidence), y: Y(accuracy) };
}

type CalibratedModel = DrawnModel & { calibration: readonly CalibrationBin[] };

/** The first control's dashes, and those of another. */
const controlDashes = ['4 3', '9 3 2 3'];

/** @param control its number among the run's own controls, -1 of other models */
function calibrationCurve(
  { role, other, calibration: bins }: CalibratedModel,
  control: number,
  X: (value: number) => number,
  Y: (value: number) => number,
): Shape[] {
  const most = Math.max(...bins.map(({ count }) => count));
  const dashes = role === 'control' ? { 'stroke-dasharray': controlDashes[Math.max(0, control)]! } : {};
  const path = polyline(bins.map(({ confidence, accuracy }) => [X(confidence), Y(accuracy)]));
  return [
    shape('path', { d: path, fill: 'none', stroke: inkOf(role), 'stroke-width': 1.5, ...dashes }),
    // The area of a mark says how many predictions it stands for.
    ...bins.map(({ confidence, accuracy, count }) =>
      mark(role, X(confidence), Y(accuracy), 1.5 + 4 * Math.sqrt(count / most), other === true),
    ),
  ];
}

/** Whose size is known. */
type SizedModel = DrawnModel & { parameters: number };

export const isSized = (model: DrawnModel): model is SizedModel => model.parameters !== undefined;

/** Quality over parameters, on a logarithmic scale; models whose size nobody knows are left out. */
export function sizeDrawing(all: readonly DrawnModel[], format: Format, width: number, height: number): Drawing {
  const models = all.filter(isSized);
  const [low, high] = valueRange(models);
  const sizes = models.map(({ parameters }) => parameters);
  const [least, most] = [Math.min(...sizes) / 1.6, Math.max(...sizes) * 1.6];
  const [left, right, top, bottom] = [44, 12, 10, 22];
  const X = (value: number): number =>
    left + (Math.log(value / least) / Math.log(most / least)) * (width - left - right);
  const Y = (value: number): number => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
  const rows = models.map((model) => ({ ...model, x: X(model.parameters), y: Y(model.value) }));
  const ticks = linearTicks(low, high, 4);
  const labels = axisNumbers(ticks, format);
  return {
    width,
    height,
    label: `Quality over parameters: ${models.map(({ name, value, parameters }) => `${name} ${format(value)} with ${formatLarge(parameters)}`).join('; ')}`,
    shapes: [
      ...ticks.flatMap((tick, i) => [
        line(left, Y(tick), width - right, Y(tick), 'var(--grid)'),
        text(left - 8, Y(tick) + 4, labels[i]!, { 'text-anchor': 'end' }),
      ]),
      ...logTicks(least, most, 4).map((tick) =>
        text(X(tick), height - 6, shortLarge(tick), { 'text-anchor': 'middle' }),
      ),
      line(left, height - bottom, width - right, height - bottom, 'var(--axis)'),
      ...rows.map(({ role, other, x, y }) => mark(role, x, y, 4, other === true)),
      ...apart(rows).map(({ role, name, x, y }) => {
        const toLeft = x > width / 2;
        const anchor = { fill: inkOf(role), 'text-anchor': toLeft ? 'end' : 'start' };
        return text(x + (toLeft ? -9 : 9), y + 4, name, anchor);
      }),
    ],
  };
}

/** Names that would meet are moved down, one below the other. */
function apart<T extends { x: number; y: number }>(rows: readonly T[]): T[] {
  const placed: T[] = [];
  for (const row of rows.toSorted((a, b) => a.y - b.y)) {
    const above = placed.filter((other) => Math.abs(other.x - row.x) < 120).map((other) => other.y);
    placed.push({ ...row, y: Math.max(row.y, ...above.map((y) => y + 13)) });
  }
  return placed;
}

/** What a model says over hard labels that are numbers; on the dotted line they are the same. @param range of both axes */
export function numbersDrawing(
  { role, points }: { role: Role; points: readonly (readonly [label: number, value: number])[] },
  [least, most]: Interval,
  label: string,
  width: number,
  height: number,
): Drawing {
  const room = 0.04 * (most - least) || 1;
  const [low, high] = [least - room, most + room];
  const [left, right, top, bottom] = [44, 12, 10, 22];
  const X = (value: number): number => left + ((value - low) / (high - low)) * (width - left - right);
  const Y = (value: number): number => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
  const ticks = linearTicks(low, high, 4);
  const labels = ticks.map(formatNumber);
  return {
    width,
    height,
    label,
    shapes: [
      ...ticks.flatMap((tick, i) => [
        line(left, Y(tick), width - right, Y(tick), 'var(--grid)'),
        text(left - 8, Y(tick) + 4, labels[i]!, { 'text-anchor': 'end' }),
        text(X(tick), height - 6, labels[i]!, { 'text-anchor': 'middle' }),
      ]),
      line(left, height - bottom, width - right, height - bottom, 'var(--axis)'),
      line(X(low), Y(low), X(high), Y(high), 'var(--axis)', { 'stroke-dasharray': '1 3' }),
      ...points.map(([hard, value]) => mark(role, X(hard), Y(value), 2.5, true)),
    ],
  };
}
