/** @file Adds intervals to the comparison's rows, from what each model said of each row of the dataset. */

import { percentiles, resample, resamplesOf, wilson } from '../../distill/evaluation/intervals';
import type { RowPrediction } from '../../distill/evaluation/row-tally';
import { AveragePrecision, f1FromCounts, pearson, RankCorrelation } from '../../distill/evaluation/metrics';
import { isSaid } from '../../protocol/independent-labels';
import { advantage, improvement, qualityOf, type MetricKey } from '../../protocol/quality';
import type { ComparisonRow, Interval, LabelKind, Task } from '../../protocol/records';
import { isPerToken } from '../../protocol/tasks';
import { addCounts, entityF1, noEntities } from '../../protocol/entities';

/** A model's row of the comparison, and its predictions by example. */
export interface MeasuredModel {
  row: ComparisonRow;
  predictions: readonly RowPrediction[];
}

/** Of each row, as its example has it: the index of its class, a 1 or 0 for each label that may apply, or its number alone; none of a language model. */
export type HardLabels = readonly (number | Float32Array)[];

/** Values that a row has. */
const widthOf = ([first]: HardLabels): number => (first instanceof Float32Array ? first.length : 1);

/** What the labels are, by those and by what a model says. */
export function kindOf(labels: HardLabels, { predictions }: Pick<MeasuredModel, 'predictions'>): LabelKind {
  if (predictions.some(({ entities }) => entities !== undefined)) return 'entities';
  if (areEmbeddings(predictions)) return labels.some((one) => !Number.isNaN(scoreOf(one))) ? 'similarity' : 'single';
  if (!(labels[0] instanceof Float32Array)) return 'single';
  return predictions[0]?.value === undefined ? 'multiple' : 'regression';
}

const areEmbeddings = (predictions: readonly RowPrediction[]): boolean =>
  predictions.some(({ teacherCosine }) => teacherCosine !== undefined);

/** Of a pair of texts; NaN where it has none. */
const scoreOf = (label: HardLabels[number]): number => (label instanceof Float32Array ? label[0]! : NaN);

/** Undefined where the rows drawn have no prediction that counts. */
export type Statistic = (drawn: Int32Array) => number | undefined;

/** A metric on all rows, and on resamples of them; undefined where the rows drawn have no prediction that counts. */
interface Measurement {
  value: number;
  resampled: readonly (number | undefined)[];
}

export type Measurements = Partial<Record<MetricKey, Measurement>>;

/**
 * All models on the same resamples, so that every difference is a paired one; what a resample says of a model is worked out once.
 * @param wanted which of a model's metrics
 */
export function measurementsOf(
  models: readonly MeasuredModel[],
  labels: HardLabels,
  wanted: (model: MeasuredModel, key: MetricKey) => boolean = () => true,
): Map<MeasuredModel, Measurements> {
  const rows = models[0]!.predictions.length;
  const columns = models.flatMap((model) =>
    Object.entries(statisticsOf(model, labels))
      .filter(([key]) => wanted(model, key as MetricKey))
      .map(([key, statistic]) => ({ model, key, statistic })),
  );
  const resampled = resample(rows, (drawn) => columns.map(({ statistic }) => statistic(drawn)), {
    resamples: resamplesOf(rows * widthOf(labels)),
  });
  const all = Int32Array.from({ length: rows }, (_, i) => i);
  const measurements = new Map(models.map((model): [MeasuredModel, Measurements] => [model, {}]));
  for (const [i, { model, key, statistic }] of columns.entries())
    measurements.get(model)![key as MetricKey] = {
      value: statistic(all)!,
      resampled: resampled.map((values) => values[i]),
    };
  return measurements;
}

/**
 * For a run with one seed: the intervals speak of these trained models, on all rows that there could be.
 */
export function withIntervals(task: Task, models: readonly MeasuredModel[], labels: HardLabels): ComparisonRow[] {
  const quality = qualityOf(task, kindOf(labels, models[0]!));
  const shares = new Map(
    models.map((model) => [
      model,
      kindOf(labels, model) === 'single' && !areEmbeddings(model.predictions) ? sharesOf(task, model) : {},
    ]),
  );
  const ofAll = measurementsOf(models, labels, (model, key) => !(key in shares.get(model)!));
  const qualityIn = (model: MeasuredModel | undefined): Measurement | undefined =>
    model && ofAll.get(model)![quality.key];
  const control = models.find(({ row }) => row.role === 'control');
  const goal = qualityIn(models.find(({ row }) => row.role === 'teacher'));
  const start = qualityIn(control);
  const ahead = (one: number, other: number): number => advantage(quality, one, other);
  return models.map((model) => {
    const isHeld = start !== undefined && control !== model && model.row.role !== 'teacher';
    const own = isHeld ? qualityIn(model)! : undefined;
    const gain = own && between(own, start!, (one, other) => improvement(quality, one, other));
    const headroom = own && goal && between(goal, start!, ahead);
    // Where hardly any resample has no way to go, leaving it out changes no percentile.
    const closed =
      headroom && between(between(own, start!, ahead), headroom, (gone, way) => (way > 0 ? gone / way : undefined));
    const over = control?.row.name ?? '';
    const intervals = Object.entries(ofAll.get(model)!).map(([key, one]) => [key, intervalOf(one)]);
    return {
      ...model.row,
      intervals: {
        ...(Object.fromEntries(intervals) as ComparisonRow['intervals']),
        ...shares.get(model)!,
      },
      gain: gain && { over, value: gain.value, interval: intervalOf(gain) },
      gapClosed:
        headroom && intervalOf(headroom)[0] > 0
          ? { over, value: closed!.value, interval: intervalOf(closed!) }
          : undefined,
    };
  });
}

const intervalOf = ({ resampled }: Pick<Measurement, 'resampled'>): Interval =>
  percentiles(resampled.flatMap((value) => value ?? []));

/** What two metrics are to each other, on all rows and on each resample. */
function between(
  { value, resampled }: Measurement,
  other: Measurement,
  how: (one: number, other: number) => number | undefined,
): Measurement {
  const both = (one: number | undefined, two: number | undefined): number | undefined =>
    one === undefined || two === undefined ? undefined : how(one, two);
  return {
    value: both(value, other.value)!,
    resampled: resampled.map((one, k) => both(one, other.resampled[k])),
  };
}

/** By Wilson's formula, of a classifier's independent rows; a language model's tokens are not independent of each other. */
function sharesOf(task: Task, { predictions }: MeasuredModel): ComparisonRow['intervals'] {
  if (isPerToken(task)) return {};
  const count = (key: 'correct' | 'agreeing'): number => predictions.reduce((sum, one) => sum + (one[key] ?? 0), 0);
  return {
    accuracy: wilson(count('correct'), predictions.length),
    ...(predictions[0]?.agreeing !== undefined && { agreement: wilson(count('agreeing'), predictions.length) }),
  };
}

export function statisticsOf(model: MeasuredModel, labels: HardLabels): Partial<Record<MetricKey, Statistic>> {
  const { row, predictions } = model;
  const kind = kindOf(labels, model);
  if (areEmbeddings(predictions)) return embeddingStatistics(model, labels);
  if (kind === 'regression') return numberStatistics(predictions, labels as readonly Float32Array[]);
  const column = (read: (one: RowPrediction) => number): Float64Array => Float64Array.from(predictions, read);
  const weights = column((one) => one.predictions);
  const mean =
    (values: Float64Array): Statistic =>
    (drawn) => {
      let [sum, weight] = [0, 0];
      for (let k = 0; k < drawn.length; k++) {
        const i = drawn[k]!;
        sum += values[i]!;
        weight += weights[i]!;
      }
      return weight === 0 ? undefined : sum / weight;
    };
  const hasTeacher = predictions[0]?.teacherKl !== undefined;
  const shares = {
    ...(kind !== 'multiple' && row.metrics.accuracy !== undefined && { accuracy: mean(column((one) => one.correct!)) }),
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
    return { macroF1: macroF1Of(choices, classIndices, classes), ...shares };
  }
  // Words have no perplexity.
  if (row.metrics.perplexity === undefined)
    return { ...(kind === 'entities' && { entityF1: entityF1Of(predictions) }), ...shares };
  const nll = mean(column((one) => one.negativeLogLikelihood!));
  return {
    perplexity: (drawn) => {
      const mean = nll(drawn);
      return mean === undefined ? undefined : Math.exp(mean);
    },
    ...shares,
  };
}

/** Of named entities, over all of the rows drawn. */
function entityF1Of(predictions: readonly RowPrediction[]): Statistic {
  return (drawn) => {
    const sum = noEntities();
    for (const row of drawn) {
      const { entities } = predictions[row]!;
      if (entities) addCounts(sum, entities);
    }
    return entityF1(sum);
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

/** Of embeddings; what pairs say is said of those with a score. */
function embeddingStatistics(
  { row, predictions }: MeasuredModel,
  labels: HardLabels,
): Partial<Record<MetricKey, Statistic>> {
  const cosines = Float64Array.from(predictions, ({ teacherCosine = 0 }) => teacherCosine);
  const texts = Float64Array.from(predictions, (one) => one.predictions);
  const sumOf = (values: Float64Array, drawn: Int32Array): number => drawn.reduce((sum, row) => sum + values[row]!, 0);
  const scored = Array.from(predictions.keys()).filter(
    (i) => predictions[i]!.similarity !== undefined && !Number.isNaN(scoreOf(labels[i]!)),
  );
  const own = Float64Array.from(scored, (i) => predictions[i]!.similarity!);
  const scores = Float64Array.from(scored, (i) => scoreOf(labels[i]!));
  const ranks = new RankCorrelation(own, scores);
  /** How often each of those was drawn; undefined where none was. */
  const drawnOf = (drawn: Int32Array): Float64Array | undefined => {
    const all = weightsOf(drawn, predictions.length);
    const weights = Float64Array.from(scored, (i) => all[i]!);
    return weights.some((weight) => weight > 0) ? weights : undefined;
  };
  const ofScored =
    (of: (weights: Float64Array) => number): Statistic =>
    (drawn) => {
      const weights = drawnOf(drawn);
      return weights && of(weights);
    };
  return {
    ...(scored.length > 0 && {
      spearman: ofScored((weights) => ranks.of(weights)),
      pearson: ofScored((weights) => pearson(own, scores, weights)),
    }),
    // Of a teacher only where it is all that is measured.
    ...(row.metrics.teacherCosine !== undefined && {
      teacherCosine: (drawn: Int32Array) => sumOf(cosines, drawn) / sumOf(texts, drawn),
    }),
  };
}

/** As `macroF1` of distill/metrics.ts, with counts in arrays that are made once: it is worked out thousands of times. */
function macroF1Of(choices: Int32Array, labels: readonly number[], classes: number): Statistic {
  const hits = new Float64Array(classes);
  const occurrences = new Float64Array(classes);
  return (drawn) => {
    hits.fill(0);
    occurrences.fill(0);
    for (let k = 0; k < drawn.length; k++) {
      const i = drawn[k]!;
      const label = labels[i]!;
      const choice = choices[i]!;
      occurrences[label]!++;
      occurrences[choice]!++;
      if (label === choice) hits[label]!++;
    }
    let [sum, present] = [0, 0];
    for (let c = 0; c < classes; c++) {
      if (occurrences[c] === 0) continue;
      sum += (2 * hits[c]!) / occurrences[c]!;
      present++;
    }
    return sum / present;
  };
}
