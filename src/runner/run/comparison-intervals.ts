/** @file Adds intervals to the comparison's rows, from what each model said of each row of the dataset. */

import { bootstrap, wilson } from '../../distill/intervals';
import type { RowPrediction } from '../../distill/row-tally';
import { improvement, qualityOf, type MetricKey } from '../../protocol/quality';
import type { ComparisonRow, Gain, Task } from '../../protocol/records';

/** A model's row of the comparison, and its predictions by example. */
export interface MeasuredModel {
  row: ComparisonRow;
  predictions: readonly RowPrediction[];
}

/** Undefined where the rows drawn have no prediction that counts. */
type Statistic = (drawn: Int32Array) => number | undefined;

/** @param labels class index of each example; empty for a language model */
export function withIntervals(
  task: Task,
  models: readonly MeasuredModel[],
  labels: readonly number[],
): ComparisonRow[] {
  const quality = qualityOf(task);
  const control = models.find(({ row }) => row.role === 'control');
  return models.map((model) => {
    const own = statisticsOf(model, labels);
    const names = Object.keys(own) as MetricKey[];
    const other =
      control && control !== model && model.row.role !== 'teacher' ? statisticsOf(control, labels) : undefined;
    const gainIn: Statistic | undefined =
      other &&
      ((drawn) => {
        const [mine, others] = [own[quality.key]!(drawn), other[quality.key]!(drawn)];
        return mine === undefined || others === undefined ? undefined : improvement(quality, mine, others);
      });
    const statistics = [...names.map((name) => own[name]!), ...(gainIn ? [gainIn] : [])];
    const intervals = bootstrap(model.predictions.length, (drawn) => statistics.map((statistic) => statistic(drawn)));
    const gain: Gain | undefined = gainIn && {
      over: control!.row.name,
      value: gainIn(Int32Array.from(model.predictions.keys()))!,
      interval: intervals[names.length]!,
    };
    const measured = Object.fromEntries(names.map((name, i) => [name, intervals[i]!]));
    return { ...model.row, intervals: { ...measured, ...sharesOf(task, model) }, gain };
  });
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

function statisticsOf(
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
  const closeness = hasTeacher && { teacherKl: mean(column((one) => one.teacherKl!)) };
  if (labels.length > 0) {
    const choices = Int32Array.from(predictions, ({ choice }) => choice!);
    const classes = 1 + [...labels, ...choices].reduce((most, one) => Math.max(most, one), 0);
    return { macroF1: (drawn) => macroF1Of(drawn, choices, labels, classes), ...closeness };
  }
  const nll = mean(column((one) => one.negativeLogLikelihood));
  return {
    perplexity: (drawn) => {
      const mean = nll(drawn);
      return mean === undefined ? undefined : Math.exp(mean);
    },
    accuracy: mean(column((one) => one.correct)),
    ...(hasTeacher && { agreement: mean(column((one) => one.agreeing!)) }),
    ...closeness,
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
