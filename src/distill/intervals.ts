/** @file Intervals of measured quality, in plain numbers: Wilson's for a share, the bootstrap over rows for all else. */

import type { Interval } from '../protocol/records';
import { randomStream } from '../engine/random';
import { NotFinite } from './not-finite';

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
 * @throws NotFinite where a value is no number
 */
export function bootstrap(
  rows: number,
  statistics: (drawn: Int32Array) => readonly (number | undefined)[],
  seed = 0xb007,
): Interval[] {
  const random = randomStream(seed);
  const resamples = Math.max(200, Math.min(mostResamples, Math.floor(mostDrawn / Math.max(1, rows))));
  const drawn = new Int32Array(rows);
  const values: number[][] = [];
  for (let k = 0; k < resamples; k++) {
    for (let i = 0; i < rows; i++) drawn[i] = Math.floor(random() * rows);
    statistics(drawn).forEach((value, s) => {
      const known = (values[s] ??= []);
      if (value === undefined) return;
      if (!Number.isFinite(value)) throw new NotFinite(`statistic ${s} of a resample`, value);
      known.push(value);
    });
  }
  return values.map(percentiles);
}

function percentiles(values: number[]): Interval {
  const sorted = values.sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return [at(0.025), at(0.975)];
}
