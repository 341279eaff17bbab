/** @file Intervals of measured quality, in plain numbers: Wilson's for a share, the bootstrap over rows for all else; Student's t. */

import type { Interval } from '../../protocol/records';
import { randomStream } from '../../engine/random';
import { NotFinite } from '../not-finite';

/** The 97.5 % quantile of the standard normal distribution. */
const z = 1.959963984540054;

/** Resamples of the bootstrap (Efron and Tibshirani, 1993, advise 1,000 or more for intervals). */
const mostResamples = 2000;

/** Rows drawn in all, at most: beyond it there are fewer resamples. */
const mostDrawn = 1e8;

/** 95 % interval of a share of independent trials (Wilson, 1927). NaN for no trials. */
export function wilson(successes: number, trials: number): Interval {
  const share = successes / trials;
  const scale = 1 + z ** 2 / trials;
  const centre = (share + z ** 2 / (2 * trials)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/**
 * 95 % percentile intervals of several statistics of the same rows: rows are drawn with replacement, the same for all, so that
 * a difference between two models is a paired one.
 * @param statistics values of one resample, from the indices of its rows; undefined where these have nothing to measure, which leaves
 *   the resample out
 * @param width values that a row has, where the statistics go over all of them
 * @throws NotFinite where a value is no number
 */
export function bootstrap(
  rows: number,
  statistics: (drawn: Int32Array) => readonly (number | undefined)[],
  { seed = 0xb007, width = 1 } = {},
): Interval[] {
  const resampled = resample(rows, statistics, { seed, resamples: resamplesOf(rows * width) });
  return resampled[0]!.map((_, s) => percentiles(resampled.flatMap((values) => values[s] ?? [])));
}

/**
 * The statistics of resamples of the rows: [resamples, statistics].
 * @param resamples as many as there is time for, if left out
 * @throws NotFinite where a value is no number
 */
export function resample<T extends number | undefined>(
  rows: number,
  statistics: (drawn: Int32Array) => readonly T[],
  { seed = 0xb007, resamples = resamplesOf(rows) } = {},
): (readonly T[])[] {
  const random = randomStream(seed);
  const drawn = new Int32Array(rows);
  return Array.from({ length: resamples }, () => {
    for (let i = 0; i < rows; i++) drawn[i] = Math.floor(random() * rows);
    const values = statistics(drawn);
    const wrong = values.findIndex((value) => value !== undefined && !Number.isFinite(value));
    if (wrong >= 0) throw new NotFinite(`statistic ${wrong} of a resample`, values[wrong]!);
    return values;
  });
}

export const resamplesOf = (rows: number): number =>
  Math.max(200, Math.min(mostResamples, Math.floor(mostDrawn / Math.max(1, rows))));

/** From the 2.5th to the 97.5th percentile. */
export function percentiles(values: readonly number[]): Interval {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return [at(0.025), at(0.975)];
}

/** Degrees of freedom from which Student's t is the normal distribution to four decimals. */
const manyDegrees = 20_000;

/**
 * The 97.5 % quantile of Student's t: 12.71 for one degree of freedom, 4.30 for two, 1.96 for very many. By bisection of its
 * distribution, which is a finite sum for whole degrees (Abramowitz and Stegun, 26.7.3 and 26.7.4).
 * @param degrees a whole number from 1 on
 */
export function quantileOfT(degrees: number): number {
  if (degrees >= manyDegrees) return z;
  const known = quantiles.get(degrees);
  if (known !== undefined) return known;
  let [low, high] = [0, Math.PI / 2];
  for (let k = 0; k < 60; k++) {
    const angle = (low + high) / 2;
    if (shareWithin(angle, degrees) < 0.95) low = angle;
    else high = angle;
  }
  const quantile = Math.tan(low) * Math.sqrt(degrees);
  quantiles.set(degrees, quantile);
  return quantile;
}

const quantiles = new Map<number, number>();

/** P(|t| < tan(angle) · √degrees). */
function shareWithin(angle: number, degrees: number): number {
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const isOdd = degrees % 2 === 1;
  let [term, sum] = [isOdd ? cosine : 1, 0];
  for (let k = isOdd ? 3 : 2; k <= degrees; k += 2) {
    sum += term;
    term *= (cosine ** 2 * (k - 1)) / k;
  }
  return isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}
