/** @file Adds intervals to the comparison's rows, from what each model said of each row of the dataset. */

import { bootstrap, wilson } from '../../distill/evaluation/intervals';
import type { RowPrediction } from '../../distill/evaluation/row-tally';
import { AveragePrecision, f1FromCounts, pearson, RankCorrelation } from '../../distill/evaluation/metrics';
import { isSaid } from '../../protocol/independent-labels';
import { advantage, gapClosed, improvement, qualityOf, type MetricKey, type Quality } from '../../protocol/quality';
import type { ComparisonRow, LabelKind, Metrics, Task } from '../../protocol/records';

/** A model's row of the comparison, and its predictions by example. */
export interface MeasuredModel {
  row: ComparisonRow;
  predictions: readonly RowPrediction[];
}

/** Of each row, as its example has it: the index of its class, a 1 or 0 for each label that may apply, or its number alone; none of a language model. */
export type HardLabels = readonly (number | Float32Array)[];

/** Values that a row has. */
export const widthOf = ([first]: HardLabels): number => (first instanceof Float32Array ? first.length : 1);

/** What the labels are, by those and by what a model says. */
export function kindOf(labels: HardLabels, { predictions }: MeasuredModel): LabelKind {
  if (!(labels[0] instanceof Float32Array)) return 'single';
  return predictions[0]?.value === undefined ? 'multiple' : 'regression';
}

/** Undefined where the rows drawn have no prediction that counts. */
export type Statistic = (drawn: Int32Array) => number | undefined;

/**
 * For a run with one seed: the intervals speak of these trained models, on all rows that there could be.
 */
export function withIntervals(task: Task, models: readonly MeasuredModel[], labels: HardLabels): ComparisonRow[] {
  const quality = qualityOf(task, kindOf(labels, models[0]!));
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
    const intervals = bootstrap(model.predictions.length, (drawn) => statistics.map((statistic) => statistic(drawn)), {
      width: widthOf(labels),
    });
    const [ofGain, ofHeadroom, ofGap] = intervals.slice(names.length);
    const all = Int32Array.from(model.predictions.keys());
    const over = control?.row.name ?? '';
    const measured = Object.fromEntries(names.map((name, i) => [name, intervals[i]!]));
    return {
      ...model.row,
      intervals: { ...measured, ...(kindOf(labels, model) === 'single' && sharesOf(task, model)) },
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
  labels: HardLabels,
): Partial<Record<MetricKey, Statistic>> {
  const kind = kindOf(labels, { predictions } as MeasuredModel);
  if (kind === 'regression') return numberStatistics(predictions, labels as readonly Float32Array[]);
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
    ...(kind === 'single' && { accuracy: mean(column((one) => one.correct!)) }),
    ...(hasTeacher && {
      agreement: mean(column((one) => one.agreeing!)),
      teacherKl: mean(column((one) => one.teacherKl!)),
    }),
  };
  if (kind === 'multiple') return { ...labelStatistics(predictions, labels as readonly Float32Array[]), ...shares };
  if (labels.length > 0) {
    const classIndices = labels as readonly number[];
    const choices = Int32Array.from(predictions, ({ choice }) => choice!);
    const classes = 1 + [...classIndices, ...choices].reduce((most, one) => Math.max(most, one), 0);
    return { macroF1: (drawn) => macroF1Of(drawn, choices, classIndices, classes), ...shares };
  }
  const nll = mean(column((one) => one.negativeLogLikelihood!));
  return {
    perplexity: (drawn) => {
      const mean = nll(drawn);
      return mean === undefined ? undefined : Math.exp(mean);
    },
    ...shares,
  };
}

/** How often each row was drawn. */
function weightsOf(drawn: Int32Array, rows: number): Float64Array {
  const weights = new Float64Array(rows);
  for (const row of drawn) weights[row]!++;
  return weights;
}

/** Where several labels may apply. */
function labelStatistics(
  predictions: readonly RowPrediction[],
  labels: readonly Float32Array[],
): Partial<Record<MetricKey, Statistic>> {
  const width = labels[0]!.length;
  const flat = (of: (row: number, label: number) => number): Float32Array =>
    Float32Array.from({ length: labels.length * width }, (_, i) => of(Math.floor(i / width), i % width));
  const applies = flat((row, label) => labels[row]![label]!);
  const scores = flat((row, label) => predictions[row]!.logits![label]!);
  const precision = new AveragePrecision(scores, applies, width);
  const f1In = (drawn: Int32Array): ReturnType<typeof f1FromCounts> => {
    const [hits, occurrences] = [new Float64Array(width), new Float64Array(width)];
    for (const row of drawn) {
      for (let label = 0; label < width; label++) {
        const [there, said] = [applies[row * width + label]!, Number(isSaid(scores[row * width + label]!))];
        occurrences[label]! += there + said;
        hits[label]! += there * said;
      }
    }
    return f1FromCounts(hits, occurrences);
  };
  return {
    meanAveragePrecision: (drawn) => precision.mean(weightsOf(drawn, labels.length)),
    microF1: (drawn) => f1In(drawn).micro,
    macroF1: (drawn) => f1In(drawn).macro,
  };
}

/** Of labels that are numbers. */
function numberStatistics(
  predictions: readonly RowPrediction[],
  labels: readonly Float32Array[],
): Partial<Record<MetricKey, Statistic>> {
  const own = Float64Array.from(predictions, ({ value }) => value!);
  const hard = Float64Array.from(labels, ([value]) => value!);
  const teacher = Float64Array.from(predictions, ({ teacherValue }) => teacherValue ?? NaN);
  const ranks = new RankCorrelation(own, hard);
  const rootMean =
    (other: Float64Array): Statistic =>
    (drawn) =>
      Math.sqrt(drawn.reduce((sum, row) => sum + (own[row]! - other[row]!) ** 2, 0) / drawn.length);
  return {
    rmse: rootMean(hard),
    pearson: (drawn) => pearson(own, hard, weightsOf(drawn, own.length)),
    spearman: (drawn) => ranks.of(weightsOf(drawn, own.length)),
    ...(predictions[0]?.teacherValue !== undefined && { teacherRmse: rootMean(teacher) }),
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
