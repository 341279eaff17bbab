/** @file Adds intervals to the comparison's rows, from what each model said of each row of the dataset. */

import { bootstrap, wilson } from '../../distill/evaluation/intervals';
import type { RowPrediction } from '../../distill/evaluation/row-tally';
import { advantage, gapClosed, improvement, qualityOf, type MetricKey, type Quality } from '../../protocol/quality';
import type { ComparisonRow, Metrics, Task } from '../../protocol/records';

/** A model's row of the comparison, and its predictions by example. */
export interface MeasuredModel {
  row: ComparisonRow;
  predictions: readonly RowPrediction[];
}

/** Undefined where the rows drawn have no prediction that counts. */
export type Statistic = (drawn: Int32Array) => number | undefined;

/**
 * For a run with one seed: the intervals speak of these trained models, on all rows that there could be.
 * @param labels class index of each example; empty for a language model
 */
export function withIntervals(
  task: Task,
  models: readonly MeasuredModel[],
  labels: readonly number[],
): ComparisonRow[] {
  const quality = qualityOf(task);
  const statisticsOfAll = new Map(models.map((model) => [model, statisticsOf(model, labels)]));
  const qualityIn = (model: MeasuredModel | undefined): Statistic | undefined =>
    model && statisticsOfAll.get(model)![quality.key];
  const control = models.find(({ row }) => row.role === 'control');
  const teacher = qualityIn(models.find(({ row }) => row.role === 'teacher'));
  const without = qualityIn(control);
  return models.map((model) => {
    const own = statisticsOfAll.get(model)!;
    const names = Object.keys(own) as MetricKey[];
    const isHeld = without !== undefined && control !== model && model.row.role !== 'teacher';
    const student = isHeld ? qualityIn(model)! : undefined;
    const compared = student && { student, control: without! };
    const gainIn = compared && difference((own, other) => improvement(quality, own, other), student, without!);
    const gapIn = compared && teacher && gapStatistics(quality, { teacher, ...compared });
    const statistics = [
      ...names.map((name) => own[name]!),
      ...(gainIn ? [gainIn] : []),
      ...(gapIn ? [gapIn.headroom, gapIn.closed] : []),
    ];
    const intervals = bootstrap(model.predictions.length, (drawn) => statistics.map((statistic) => statistic(drawn)));
    const [ofGain, ofHeadroom, ofGap] = intervals.slice(names.length);
    const all = Int32Array.from(model.predictions.keys());
    const over = control?.row.name ?? '';
    const measured = Object.fromEntries(names.map((name, i) => [name, intervals[i]!]));
    return {
      ...model.row,
      intervals: { ...measured, ...sharesOf(task, model) },
      gain: gainIn && { over, value: gainIn(all)!, interval: ofGain! },
      gapClosed: gapIn && ofHeadroom![0] > 0 ? { over, value: gapIn.closed(all)!, interval: ofGap! } : undefined,
    };
  });
}

const difference =
  (between: (own: number, other: number) => number, own: Statistic, other: Statistic): Statistic =>
  (drawn) => {
    const [mine, others] = [own(drawn), other(drawn)];
    return mine === undefined || others === undefined ? undefined : between(mine, others);
  };

/** How far the teacher is ahead of the control, and how much of that way the student went. */
function gapStatistics(
  quality: Quality,
  { teacher, student, control }: Record<'teacher' | 'student' | 'control', Statistic>,
): { headroom: Statistic; closed: Statistic } {
  const metricsIn = (statistic: Statistic, drawn: Int32Array): Metrics => ({ [quality.key]: statistic(drawn) });
  return {
    headroom: difference((own, other) => advantage(quality, own, other), teacher, control),
    // Where hardly any resample has no way to go, leaving it out changes no percentile.
    closed: (drawn) =>
      gapClosed(quality, {
        teacher: metricsIn(teacher, drawn),
        student: metricsIn(student, drawn),
        control: metricsIn(control, drawn),
      }),
  };
}

/** Of a classifier's independent rows; a language model's tokens are not independent of each other. */
function sharesOf(task: Task, { predictions }: MeasuredModel): ComparisonRow['intervals'] {
  if (task !== 'text-classification') return {};
  const count = (key: 'correct' | 'agreeing'): number => predictions.reduce((sum, one) => sum + (one[key] ?? 0), 0);
  return {
    accuracy: wilson(count('correct'), predictions.length),
    ...(predictions[0]?.agreeing !== undefined && { agreement: wilson(count('agreeing'), predictions.length) }),
  };
}

export function statisticsOf(
  { predictions }: MeasuredModel,
  labels: readonly number[],
): Partial<Record<MetricKey, Statistic>> {
  const column = (read: (one: RowPrediction) => number): Float64Array => Float64Array.from(predictions, read);
  const weights = column((one) => one.predictions);
  const mean =
    (values: Float64Array): Statistic =>
    (drawn) => {
      let [sum, weight] = [0, 0];
      for (const i of drawn) {
        sum += values[i]!;
        weight += weights[i]!;
      }
      return weight === 0 ? undefined : sum / weight;
    };
  const hasTeacher = predictions[0]?.teacherKl !== undefined;
  const shares = {
    accuracy: mean(column((one) => one.correct)),
    ...(hasTeacher && {
      agreement: mean(column((one) => one.agreeing!)),
      teacherKl: mean(column((one) => one.teacherKl!)),
    }),
  };
  if (labels.length > 0) {
    const choices = Int32Array.from(predictions, ({ choice }) => choice!);
    const classes = 1 + [...labels, ...choices].reduce((most, one) => Math.max(most, one), 0);
    return { macroF1: (drawn) => macroF1Of(drawn, choices, labels, classes), ...shares };
  }
  const nll = mean(column((one) => one.negativeLogLikelihood));
  return {
    perplexity: (drawn) => {
      const mean = nll(drawn);
      return mean === undefined ? undefined : Math.exp(mean);
    },
    ...shares,
  };
}

/** As `macroF1` of distill/metrics.ts, with counts in arrays: it is worked out thousands of times. */
function macroF1Of(drawn: Int32Array, choices: Int32Array, labels: readonly number[], classes: number): number {
  const hits = new Float64Array(classes);
  const occurrences = new Float64Array(classes);
  for (const i of drawn) {
    occurrences[labels[i]!]!++;
    occurrences[choices[i]!]!++;
    if (labels[i] === choices[i]) hits[labels[i]!]!++;
  }
  let [sum, present] = [0, 0];
  for (let c = 0; c < classes; c++) {
    if (occurrences[c] === 0) continue;
    sum += (2 * hits[c]!) / occurrences[c]!;
    present++;
  }
  return sum / present;
}
