/** @file What the teacher gave, row by row: what the student has right and the control wrong, and the reverse. Pure. */

import type { PredictionRecord } from './records';

/** Rows that are listed for each class and direction. */
const mostListed = 5;

/** Of the rows with one hard label. */
export interface TaughtClass {
  label: string;
  rows: number;
  /** Rows that the student has right and the control wrong, and the reverse. */
  gained: number;
  lost: number;
  /** Some of each, those first of which who has them right is surest. */
  gainedRows: PredictionRecord[];
  lostRows: PredictionRecord[];
}

export interface Taught {
  /** Name of the control. */
  control: string;
  rows: number;
  gained: number;
  lost: number;
  /** The classes with the largest difference of gained and lost rows first. */
  classes: TaughtClass[];
}

/** Undefined where rows have no classes, or there is no control. */
export function taughtRows(records: readonly PredictionRecord[]): Taught | undefined {
  const control = Object.keys(records[0]?.models ?? {}).find((name) => name !== 'teacher' && name !== 'student');
  if (control === undefined) return undefined;
  const classes = new Map<string, TaughtClass>();
  for (const record of records) {
    const { label, models } = record;
    const [own, other] = [models.student, models[control]];
    if (label === undefined || !own || !other) continue;
    let one = classes.get(label);
    if (!one) classes.set(label, (one = { label, rows: 0, gained: 0, lost: 0, gainedRows: [], lostRows: [] }));
    one.rows++;
    if (own.correct === other.correct) continue;
    if (own.correct > 0) one.gainedRows.push(record);
    else one.lostRows.push(record);
  }
  if (classes.size === 0) return undefined;
  const surestFirst = (rows: PredictionRecord[], name: string): PredictionRecord[] =>
    rows.sort((a, b) => b.models[name]!.probability! - a.models[name]!.probability!).slice(0, mostListed);
  const all = [...classes.values()].map((one): TaughtClass => ({
    ...one,
    gained: one.gainedRows.length,
    lost: one.lostRows.length,
    gainedRows: surestFirst(one.gainedRows, 'student'),
    lostRows: surestFirst(one.lostRows, control),
  }));
  const sum = (count: (one: TaughtClass) => number): number => all.reduce((total, one) => total + count(one), 0);
  return {
    control,
    rows: sum(({ rows }) => rows),
    gained: sum(({ gained }) => gained),
    lost: sum(({ lost }) => lost),
    classes: all.sort(
      (a, b) => b.gained - b.lost - (a.gained - a.lost) || b.rows - a.rows || (a.label < b.label ? -1 : 1),
    ),
  };
}
