/** @file What a run's evaluations say: its measure of quality, the best, the teacher's, the control's. Pure. */

import * as l10n from '@vscode/l10n';
import { formatQuantity, formatShare } from '../../src/protocol/format';
import type { EvaluationRecord, Metrics, Role } from '../../src/protocol/records';
import type { RunState } from './state';

/** The one measure by which a task's models are compared. */
export interface Measure {
  key: 'macroF1' | 'accuracy' | 'perplexity';
  /** At the start of a sentence. */
  title: string;
  /** Within a sentence. */
  name: string;
  higherIsBetter: boolean;
  format: (value: number | undefined) => string;
}

const measures = {
  macroF1: {
    key: 'macroF1',
    title: l10n.t('Macro-F1'),
    name: l10n.t('macro-F1'),
    higherIsBetter: true,
    format: formatShare,
  },
  accuracy: {
    key: 'accuracy',
    title: l10n.t('Accuracy'),
    name: l10n.t('accuracy'),
    higherIsBetter: true,
    format: formatShare,
  },
  perplexity: {
    key: 'perplexity',
    title: l10n.t('Perplexity'),
    name: l10n.t('perplexity'),
    higherIsBetter: false,
    format: formatQuantity,
  },
} as const satisfies Record<string, Measure>;

/** Macro-F1 for classes (accuracy where a record has only that), perplexity for language models. */
export function measureOf(run: RunState): Measure {
  if (run.record.task !== 'text-classification') return measures.perplexity;
  const all: Metrics[] = run.series.flatMap(({ evaluations }) => evaluations.map(({ metrics }) => metrics));
  return all.length > 0 && all.every(({ macroF1 }) => macroF1 === undefined) ? measures.accuracy : measures.macroF1;
}

export interface Measured {
  step: number;
  value: number;
}

/**
 * Evaluations of one role by step, of the validation split where there is any. `series` picks one of several controls.
 */
export function evaluationsOf(run: RunState, role: Role, key: Measure['key'], series?: string): Measured[] {
  const records: EvaluationRecord[] = run.series
    .filter(({ name }) => series === undefined || name === series)
    .flatMap(({ evaluations }) => evaluations)
    .filter((record) => record.role === role && record.metrics[key] !== undefined);
  const split = records.some((record) => record.split === 'validation') ? 'validation' : records[0]?.split;
  return records
    .filter((record) => record.split === split)
    .map(({ step, metrics }) => ({ step, value: metrics[key]! }))
    .sort((a, b) => a.step - b.step);
}

export function best(measured: readonly Measured[], measure: Measure): Measured | undefined {
  return measured.reduce<Measured | undefined>((top, one) => {
    if (!top) return one;
    return (measure.higherIsBetter ? one.value > top.value : one.value < top.value) ? one : top;
  }, undefined);
}

/** Share of the teacher's quality that is kept: own over the teacher's, or for perplexity the teacher's over own. */
export function retention(own: number, teacher: number, measure: Measure): number {
  return measure.higherIsBetter ? own / teacher : teacher / own;
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
        control: control?.metrics[measure.key],
        controlKept: control?.retention,
      }),
    };
  }
  const student = best(evaluationsOf(run, 'student', measure.key), measure);
  const control = best(evaluationsOf(run, 'control', measure.key), measure);
  const teacher = best(evaluationsOf(run, 'teacher', measure.key), measure);
  const kept = (own: Measured | undefined): number | undefined =>
    own && teacher ? retention(own.value, teacher.value, measure) : undefined;
  return {
    measure,
    ...defined({
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
