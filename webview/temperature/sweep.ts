/** @file The runs of a sweep, and what each reached. Pure. */

import { formatSetting } from '../../src/protocol/format';
import type { RunListing } from '../../src/protocol/lab-data';
import type { Interval } from '../../src/protocol/records';
import { improvement } from '../../src/protocol/quality';
import { shortName, temperaturePath } from '../base/setting-names';
import type { Measure } from '../state/quality';

export interface SweepPoint {
  id: string;
  name: string;
  values: Record<string, unknown>;
  /** Absent before its first evaluation. */
  quality?: number | undefined;
  interval?: Interval | undefined;
  /** Not its last word: the run goes on, or ended early. */
  soFar: boolean;
}

export interface Sweep {
  /** Paths that are varied, in the order of their names. */
  fields: string[];
  points: SweepPoint[];
}

/** The sweep that a run is part of; undefined where it is part of none. */
export function sweepOf(id: string, runs: readonly RunListing[], measure: Measure): Sweep | undefined {
  const sweep = runs.find((run) => run.id === id)?.record.sweep;
  if (!sweep) return undefined;
  const points = runs
    .filter(({ record }) => record.sweep?.id === sweep.id)
    .map(({ id: run, record, best }): SweepPoint => {
      const student = record.summary?.rows.find(({ role }) => role === 'student');
      const quality = student?.metrics[measure.key] ?? best?.[measure.key];
      const interval = student?.intervals?.[measure.key];
      return {
        id: run,
        name: record.name,
        values: record.sweep!.values,
        quality,
        interval,
        soFar: student === undefined,
      };
    });
  const fields = [...new Set(points.flatMap(({ values }) => Object.keys(values)))].sort();
  return { fields, points: points.sort(byValues(fields)) };
}

/** A swept value as it is shown: numbers and words as they are, whole blocks of settings as JSON. */
export function sweptText(value: unknown): string {
  if (value === undefined) return '–';
  if (typeof value === 'number') return formatSetting(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Points that differ in T alone; `name` says what they share, where a second field is swept: `α .5`. */
export interface SweepLine {
  name?: string | undefined;
  points: SweepPoint[];
}

/** The measured points by the other field's value; empty where T is not swept, or more than one field beside it. */
export function linesOverTemperature({ fields, points }: Sweep): SweepLine[] {
  const [other, ...more] = fields.filter((field) => field !== temperaturePath);
  if (!fields.includes(temperaturePath) || more.length > 0) return [];
  const lines = new Map<string | undefined, SweepLine>();
  for (const point of points.filter(({ quality }) => quality !== undefined)) {
    const name = other === undefined ? undefined : `${shortName(other)} ${sweptText(point.values[other])}`;
    const line = lines.get(name) ?? { name, points: [] };
    lines.set(name, line);
    line.points.push(point);
  }
  return [...lines.values()];
}

function byValues(fields: readonly string[]): (a: SweepPoint, b: SweepPoint) => number {
  return (a, b) => {
    for (const field of fields) {
      const [left, right] = [a.values[field], b.values[field]];
      if (left === right) continue;
      if (typeof left === 'number' && typeof right === 'number') return left - right;
      return sweptText(left).localeCompare(sweptText(right));
    }
    return 0;
  };
}

/** The point that did best; undefined before any is measured. */
export function bestPoint({ points }: Sweep, measure: Measure): SweepPoint | undefined {
  const measured = points.filter(({ quality }) => quality !== undefined);
  return measured.sort((a, b) => improvement(measure, b.quality!, a.quality!))[0];
}
