/** @file Intervals over several seeds and the rows together (decision 26), in plain numbers. */

import type { Interval } from '../../protocol/records';
import { quantileOfT } from './intervals';

/** A statistic of each seed: on all rows, and on resamples of them, in each of which the seeds have the same rows. */
export interface SeedStatistic {
  /** [seeds]. */
  values: readonly number[];
  /** [seeds][resamples]. */
  resampled: readonly (readonly number[])[];
  /** Rows that are resampled. */
  rows: number;
}

export const meanOf = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

/** Standard deviation, with n − 1. */
export const spreadOf = (values: readonly number[]): number => Math.sqrt(covariance(values, values));

/** With n − 1. */
function covariance(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - meanA) * (b[i]! - meanB);
  return sum / (a.length - 1);
}

/** The covariance of two means over seeds, in its parts. */
interface Parts {
  /** By the seeds that were taken, and by what each makes of the rows. */
  seeds: number;
  /** By the rows that were taken, as far as all seeds feel it alike. */
  rows: number;
}

function partsOf(a: SeedStatistic, b: SeedStatistic): Parts {
  const seeds = a.values.length;
  let shared = 0;
  for (let i = 0; i < seeds; i++) {
    for (let j = 0; j < seeds; j++) if (i !== j) shared += covariance(a.resampled[i]!, b.resampled[j]!);
  }
  return { seeds: covariance(a.values, b.values) / seeds, rows: shared / (seeds * (seeds - 1)) };
}

/** Half the width of the 95 % interval: the quantiles of both parts' degrees of freedom, weighed by the parts (Cochran, 1964). */
function halfWidth(parts: Parts, { values, rows }: SeedStatistic): number {
  const [ofSeeds, ofRows] = [Math.max(0, parts.seeds), Math.max(0, parts.rows)];
  const variance = ofSeeds + ofRows;
  if (variance === 0) return 0;
  return (quantileOfT(values.length - 1) * ofSeeds + quantileOfT(rows - 1) * ofRows) / Math.sqrt(variance);
}

/** 95 % interval of the mean over all seeds and rows that there could be. From two seeds and two rows on. */
export function intervalOverSeeds(statistic: SeedStatistic): Interval {
  const mean = meanOf(statistic.values);
  const half = halfWidth(partsOf(statistic, statistic), statistic);
  return [mean - half, mean + half];
}

/**
 * A ratio of means over seeds with its 95 % interval, after Fieller (1954): the ratios r for which 0 lies in the interval of
 * `numerator − r · denominator`. Undefined where the denominator is not above 0 by more than its own interval.
 */
export function ratioOverSeeds(
  numerator: SeedStatistic,
  denominator: SeedStatistic,
): { value: number; interval: Interval } | undefined {
  if (!(intervalOverSeeds(denominator)[0] > 0)) return undefined;
  const [above, below] = [meanOf(numerator.values), meanOf(denominator.values)];
  const squares = [partsOf(numerator, numerator), partsOf(denominator, denominator)] as const;
  const [mixed, mirrored] = [partsOf(numerator, denominator), partsOf(denominator, numerator)];
  /** How far 0 is from the interval for a ratio; below 0 within it. */
  const excess = (ratio: number): number => {
    const of = (part: keyof Parts): number =>
      squares[0][part] - ratio * (mixed[part] + mirrored[part]) + ratio ** 2 * squares[1][part];
    return Math.abs(above - ratio * below) - halfWidth({ rows: of('rows'), seeds: of('seeds') }, numerator);
  };
  const value = above / below;
  return { value, interval: [end(excess, value, -1), end(excess, value, 1)] };
}

/** Where `excess` rises above 0 on the way from `value` in a direction. */
function end(excess: (ratio: number) => number, value: number, direction: 1 | -1): number {
  let step = 1e-3;
  while (excess(value + direction * step) <= 0) step *= 2;
  let [inside, outside] = [0, step];
  for (let k = 0; k < 60; k++) {
    const middle = (inside + outside) / 2;
    if (excess(value + direction * middle) <= 0) inside = middle;
    else outside = middle;
  }
  return value + direction * inside;
}
