/** @file What the runs of a study need beside their comparisons, to tell how far these go up and down together on the rows that they share. */

import { resample } from '../../distill/evaluation/intervals';
import { meanOf } from '../../distill/evaluation/seed-intervals';
import { qualityOf } from '../../protocol/quality';
import type { SharedResamples, Task } from '../../protocol/records';
import { kindOf, statisticsOf, type HardLabels, type MeasuredModel } from './comparison-intervals';

/** A correlation that is estimated from so many is off by .07 at most, and a run's record grows by 4 kB. */
const RESAMPLES = 200;

/**
 * The quality of student and first control on resamples of the rows, which are the same in every run that has as many rows; means over
 * the seeds. Undefined without a control, and where a resample has nothing to measure.
 * @param seeds student and controls of each seed
 */
export function sharedResamples(
  task: Task,
  seeds: readonly (readonly MeasuredModel[])[],
  labels: HardLabels,
): SharedResamples | undefined {
  const of = (role: 'student' | 'control'): MeasuredModel[] =>
    seeds.flatMap((models) => models.find(({ row }) => row.role === role) ?? []);
  const [students, controls] = [of('student'), of('control')];
  if (controls.length === 0) return undefined;
  const { key } = qualityOf(task, kindOf(labels, students[0]!));
  const statistics = [...students, ...controls].map((model) => statisticsOf(model, labels)[key]!);
  const drawn = resample(students[0]!.predictions.length, (rows) => statistics.map((statistic) => statistic(rows)), {
    resamples: RESAMPLES,
  });
  if (!drawn.every((values): values is readonly number[] => !values.includes(undefined))) return undefined;
  const mean = (values: readonly number[]): number => Number(meanOf(values).toPrecision(5));
  return {
    rows: students[0]!.predictions.length,
    student: drawn.map((values) => mean(values.slice(0, students.length))),
    control: drawn.map((values) => mean(values.slice(students.length))),
  };
}
