/** @file What the teacher gave, row by row: what the student has right and the control wrong, and the reverse. Pure. */

import type { ModelPrediction, PredictionRecord } from './records';

/** Rows that are listed for each class and direction. */
const mostListed = 5;

/** Of the rows with one hard label. */
export interface TaughtClass {
  label: string;
  rows: number;
  /** Rows that the student has right and the control wrong, and the reverse: where several labels may apply, of which one said this label and the other did not. */
  gained: number;
  lost: number;
  /** Some of each, those first of which who has them right is surest. */
  gainedRows: PredictionRecord[];
  lostRows: PredictionRecord[];
}

export interface Taught {
  /** Name of the control. */
  control: string;
  /** Where several labels may apply: then all counts are of hard labels, of which a row may have more than one, or none. */
  several?: true | undefined;
  rows: number;
  gained: number;
  lost: number;
  /** The classes with the largest difference of gained and lost rows first. */
  classes: TaughtClass[];
}

/** The hard labels of a row by which it is listed: of several each. A row without any is in no list. */
function labelsIn({ label }: PredictionRecord): readonly string[] {
  if (label === undefined || typeof label === 'number') return [];
  return typeof label === 'string' ? [label] : label;
}

/** How probable a model finds a label that it says; undefined where it does not say it. */
function probabilityOf({ choice, probability, choices }: ModelPrediction, label: string): number | undefined {
  if (choices) return choices.find((one) => one.choice === label)?.probability;
  return choice === label ? probability : undefined;
}

const says = (prediction: ModelPrediction, label: string): boolean => probabilityOf(prediction, label) !== undefined;

/** What a model says of a row, in its words: a class, or several. */
export function choiceText({ choice, choices }: ModelPrediction): string | undefined {
  if (!choices) return choice;
  return choices.length === 0 ? undefined : choices.map((one) => one.choice).join(', ');
}

/** Undefined where rows have no classes, or there is no control. */
export function taughtRows(records: readonly PredictionRecord[]): Taught | undefined {
  const control = Object.keys(records[0]?.models ?? {}).find((name) => name !== 'teacher' && name !== 'student');
  if (control === undefined) return undefined;
  const classes = new Map<string, TaughtClass>();
  for (const record of records) {
    const { models } = record;
    const [own, other] = [models.student, models[control]];
    if (!own || !other) continue;
    for (const label of labelsIn(record)) {
      let one = classes.get(label);
      if (!one) classes.set(label, (one = { label, rows: 0, gained: 0, lost: 0, gainedRows: [], lostRows: [] }));
      one.rows++;
      const [isRight, isOtherRight] = [says(own, label), says(other, label)];
      if (isRight === isOtherRight) continue;
      (isRight ? one.gainedRows : one.lostRows).push(record);
    }
  }
  if (classes.size === 0) return undefined;
  const surestFirst = (rows: PredictionRecord[], name: string, label: string): PredictionRecord[] => {
    const sureOf = ({ models }: PredictionRecord): number => probabilityOf(models[name]!, label) ?? 0;
    return rows.sort((a, b) => sureOf(b) - sureOf(a)).slice(0, mostListed);
  };
  const all = [...classes.values()].map((one): TaughtClass => ({
    ...one,
    gained: one.gainedRows.length,
    lost: one.lostRows.length,
    gainedRows: surestFirst(one.gainedRows, 'student', one.label),
    lostRows: surestFirst(one.lostRows, control, one.label),
  }));
  const sum = (count: (one: TaughtClass) => number): number => all.reduce((total, one) => total + count(one), 0);
  return {
    control,
    several: records.some(({ label }) => Array.isArray(label)) ? true : undefined,
    rows: sum(({ rows }) => rows),
    gained: sum(({ gained }) => gained),
    lost: sum(({ lost }) => lost),
    classes: all.sort(
      (a, b) => b.gained - b.lost - (a.gained - a.lost) || b.rows - a.rows || (a.label < b.label ? -1 : 1),
    ),
  };
}
