/** @file The comparison over several seeds: means, their spread, and intervals over seeds and rows together. */

import { calibrationBinCount } from '../../distill/evaluation/metrics';
import {
  intervalOverSeeds,
  meanOf,
  ratioOverSeeds,
  spreadOf,
  type SeedStatistic,
} from '../../distill/evaluation/seed-intervals';
import { advantage, improvement, metricFacts, qualityOf, type MetricKey } from '../../protocol/quality';
import type { CalibrationBin, Comparison, ComparisonRow, Interval, Metrics, Task } from '../../protocol/records';
import { kindOf, measurementsOf, withIntervals, type HardLabels, type MeasuredModel } from './comparison-intervals';

/** Student and controls of a seed, in the same order for each. */
export interface MeasuredSeed {
  seed: number;
  models: readonly MeasuredModel[];
}

/** The metrics of which there are intervals. */
type Measured = Partial<Record<MetricKey, SeedStatistic>>;

export function comparisonOverSeeds(
  task: Task,
  teacher: MeasuredModel,
  seeds: readonly MeasuredSeed[],
  labels: HardLabels,
): Comparison {
  const quality = qualityOf(task, kindOf(labels, teacher));
  const models = seeds[0]!.models.map((_, i) => seeds.map((seed) => seed.models[i]!));
  const [ofTeacher, ...ofModels] = measure([seeds.map(() => teacher), ...models], labels);
  const control = models.findIndex(([first]) => first!.row.role === 'control');
  const rows = models.map((model, i): ComparisonRow => {
    const own = ofModels[i]!;
    const row: ComparisonRow = { ...meanRow(model, seeds), intervals: intervalsOf(own) };
    if (control < 0 || control === i) return row;
    const [goal, mine, start] = [ofTeacher!, own, ofModels[control]!].map((measured) => measured[quality.key]!);
    const over = models[control]![0]!.row.name;
    const gain = combined(mine!, start!, (one, other) => improvement(quality, one, other));
    const ahead = (one: number, other: number): number => advantage(quality, one, other);
    const gap = ratioOverSeeds(combined(mine!, start!, ahead), combined(goal!, start!, ahead));
    return {
      ...row,
      gain: { over, value: meanOf(gain.values), interval: intervalOverSeeds(gain) },
      gapClosed: gap && { over, ...gap },
    };
  });
  const student = rows.find(({ role }) => role === 'student')!;
  return {
    // The teacher is one model, whatever the seed.
    rows: [...withIntervals(task, [teacher], labels), ...rows],
    seeds: seeds.map(({ seed }) => seed),
    gain: student.gain && {
      metric: quality.key,
      mean: student.gain.value,
      interval: student.gain.interval,
      level: 0.95,
      seeds: seeds.length,
      rows: teacher.predictions.length,
    },
  };
}

/** @param models [models][seeds] */
function measure(models: readonly (readonly MeasuredModel[])[], labels: HardLabels): Measured[] {
  const distinct = [...new Set(models.flat())];
  const ofAll = measurementsOf(distinct, labels);
  const columns = [...ofAll.values()].flatMap((one) => Object.values(one)).map(({ resampled }) => resampled);
  // Rows of which none counts have nothing to measure.
  const whole = columns[0]!.flatMap((_, k) => (columns.some((values) => values[k] === undefined) ? [] : [k]));
  return models.map((seeds) => {
    const bySeed = seeds.map((model) => ofAll.get(model)!);
    const statistic = (key: MetricKey): SeedStatistic => ({
      values: bySeed.map((one) => one[key]!.value),
      resampled: bySeed.map((one) => whole.map((k) => one[key]!.resampled[k]!)),
      rows: seeds[0]!.predictions.length,
    });
    return Object.fromEntries((Object.keys(bySeed[0]!) as MetricKey[]).map((key) => [key, statistic(key)]));
  });
}

const combined = (
  one: SeedStatistic,
  other: SeedStatistic,
  how: (one: number, other: number) => number,
): SeedStatistic => ({
  values: one.values.map((value, seed) => how(value, other.values[seed]!)),
  resampled: one.resampled.map((values, seed) => values.map((value, k) => how(value, other.resampled[seed]![k]!))),
  rows: one.rows,
});

function intervalsOf(measured: Measured): ComparisonRow['intervals'] {
  return Object.fromEntries(
    Object.entries(measured).map(([key, statistic]) => [key, possible(key as MetricKey, intervalOverSeeds(statistic))]),
  );
}

/** Cut to the values that the metric can have. */
function possible(key: MetricKey, [low, high]: Interval): Interval {
  const { least, isShare } = metricFacts[key];
  return [Math.max(least, low), isShare ? Math.min(1, high) : high];
}

function meanRow(models: readonly MeasuredModel[], seeds: readonly MeasuredSeed[]): ComparisonRow {
  const { row } = models[0]!;
  const keys = Object.keys(row.metrics) as MetricKey[];
  const over = (how: (values: number[]) => number): Metrics =>
    Object.fromEntries(keys.map((key) => [key, how(models.map((model) => model.row.metrics[key]!))]));
  return {
    ...row,
    metrics: over(meanOf),
    spread: over(spreadOf),
    bySeed: models.map((model, i) => ({ seed: seeds[i]!.seed, metrics: model.row.metrics })),
    calibration: joinedBins(models.flatMap((model) => model.row.calibration ?? [])),
  };
}

/** Bins of several models as one: of those with the same place the means, weighed by their predictions. */
function joinedBins(bins: readonly CalibrationBin[]): CalibrationBin[] {
  const joined = new Map<number, CalibrationBin>();
  for (const { confidence, accuracy, count } of bins) {
    const place = Math.ceil(confidence * calibrationBinCount);
    const known = joined.get(place) ?? { confidence: 0, accuracy: 0, count: 0 };
    const sum = known.count + count;
    joined.set(place, {
      confidence: (known.confidence * known.count + confidence * count) / sum,
      accuracy: (known.accuracy * known.count + accuracy * count) / sum,
      count: sum,
    });
  }
  return [...joined].sort(([one], [other]) => one - other).map(([, bin]) => bin);
}
