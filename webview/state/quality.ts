/** @file What a run's evaluations say: its measure of quality, the best, the teacher's, the control's. Pure. */

import * as l10n from '@vscode/l10n';
import {
  gapClosed,
  improvement,
  isTeacherAtChance,
  qualityOf,
  retention,
  type Quality,
  type QualityKey,
} from '../../src/protocol/quality';
import type { EvaluationRecord, Metrics, Role } from '../../src/protocol/records';
import type { RunState, SeriesState } from './state';

/** Quality in the reader's language. */
export interface Measure extends Quality {
  /** At the start of a sentence. */
  title: string;
  /** Within a sentence. */
  name: string;
}

const words: Record<QualityKey, Pick<Measure, 'title' | 'name'>> = {
  entityF1: { title: l10n.t('Entity F1'), name: l10n.t('entity F1') },
  meanAveragePrecision: { title: 'mAP', name: 'mAP' },
  rmse: { title: 'RMSE', name: 'RMSE' },
  macroF1: { title: l10n.t('Macro-F1'), name: l10n.t('macro-F1') },
  perplexity: { title: l10n.t('Perplexity'), name: l10n.t('perplexity') },
  accuracy: { title: l10n.t('Accuracy'), name: l10n.t('accuracy') },
  spearman: { title: 'Spearman', name: 'Spearman' },
  teacherCosine: { title: l10n.t('Cosine to teacher'), name: l10n.t('cosine to teacher') },
};

export function measureOf({ record }: RunState): Measure {
  const quality = qualityOf(record.task, record.labels);
  return { ...quality, ...words[quality.key] };
}

export interface Measured {
  step: number;
  value: number;
}

/**
 * Evaluations of one role by step, of the validation split where there is any. `series` picks one of several controls.
 */
export function evaluationsOf(run: RunState, role: Role, key: Measure['key'], series?: string): Measured[] {
  return evaluationsIn(
    run.series.filter(({ name }) => series === undefined || name === series),
    role,
    key,
  );
}

/** Of the trainings that are given. */
export function evaluationsIn(trainings: readonly SeriesState[], role: Role, key: Measure['key']): Measured[] {
  const records: EvaluationRecord[] = trainings
    .flatMap(({ evaluations }) => evaluations)
    .filter((record) => record.role === role && record.metrics[key] !== undefined);
  const split = records.some((record) => record.split === 'validation') ? 'validation' : records[0]?.split;
  return records
    .filter((record) => record.split === split)
    .map(({ step, metrics }) => ({ step, value: metrics[key]! }))
    .sort((a, b) => a.step - b.step);
}

export function best(measured: readonly Measured[], measure: Measure): Measured | undefined {
  return measured.reduce<Measured | undefined>(
    (top, one) => (top && improvement(measure, one.value, top.value) <= 0 ? top : one),
    undefined,
  );
}

/** The numbers in the page's header: from the final comparison where there is one, else from the evaluations so far. */
export interface Standing {
  measure: Measure;
  /** On which split, where the final comparison says so. */
  split?: string;
  student?: number;
  /** Step of the student's best evaluation; absent for the final comparison. */
  at?: number;
  kept?: number;
  /** How much of the way from the control to the teacher the student went. */
  gapClosed?: number;
  control?: number;
  controlKept?: number;
}

export function standing(run: RunState): Standing {
  const measure = measureOf(run);
  const rows = run.record.summary?.rows;
  if (rows?.some((row) => row.role === 'student' && row.metrics[measure.key] !== undefined)) {
    const student = rows.find((row) => row.role === 'student')!;
    const control = rows.find((row) => row.role === 'control');
    return {
      measure,
      split: student.split,
      ...defined({
        student: student.metrics[measure.key],
        kept: student.retention,
        gapClosed: student.gapClosed?.value,
        control: control?.metrics[measure.key],
        controlKept: control?.retention,
      }),
    };
  }
  const student = best(evaluationsOf(run, 'student', measure.key), measure);
  const control = best(evaluationsOf(run, 'control', measure.key), measure);
  const teacher = best(evaluationsOf(run, 'teacher', measure.key), measure);
  const atChance = isTeacherAtChance(run.record.alerts);
  const kept = (own: Measured | undefined): number | undefined =>
    own && teacher && !atChance
      ? retention(measure, { [measure.key]: teacher.value }, { [measure.key]: own.value })
      : undefined;
  const metrics = (one: Measured | undefined): Metrics => (one ? { [measure.key]: one.value } : {});
  return {
    measure,
    ...defined({
      gapClosed: gapClosed(measure, {
        teacher: metrics(atChance ? undefined : teacher),
        student: metrics(student),
        control: metrics(control),
      }),
      student: student?.value,
      at: student?.step,
      kept: kept(student),
      control: control?.value,
      controlKept: kept(control),
    }),
  };
}

/** Without the properties that are undefined. */
function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
