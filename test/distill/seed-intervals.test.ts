/** @file Intervals over seeds and rows against scipy, and how often they hold the truth in simulated comparisons. */

import { describe, expect, it } from 'vitest';
import { bootstrap, percentiles, quantileOfT, resample } from '../../src/distill/evaluation/intervals';
import { intervalOverSeeds, ratioOverSeeds, type SeedStatistic } from '../../src/distill/evaluation/seed-intervals';
import { randomStream } from '../../src/engine/random';
import type { Interval } from '../../src/protocol/records';
import { allOr, torture } from '../torture';
import scipy from './intervals-by-scipy.json';

const [seeds, rows] = [4, 60];

/** As in intervals_by_scipy.py. */
const number = (model: number, seed: number, row: number): number =>
  ((model * 7919 + seed * 1543 + row * 104729 + model * seed * 613 + row * row * 31 + seed * row * 17) % 1009) / 1009;

/** [seeds][rows]. */
type Table = number[][];

const table = (value: (seed: number, row: number) => number): Table =>
  Array.from({ length: seeds }, (_, seed) => Array.from({ length: rows }, (_, row) => value(seed, row)));

const control = table((seed, row) => number(2, seed, row));
const shifts = [0, 0.2, -0.15, 0.1];
const student = table((s, r) => 0.3 + 0.5 * number(1, s, r) + 0.4 * control[s]![r]! + shifts[s]! + (r % 5) / 10);
const gain = table((s, r) => student[s]![r]! - control[s]![r]!);
const room = table((s, r) => 1.2 - control[s]![r]!);

const meanOf = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
/** Every row as its seed's mean: then rows tell nothing. */
const withoutRows = (values: Table): Table => values.map((row) => row.map(() => meanOf(row)));
/** Every seed as the mean of all: then seeds tell nothing. */
const withoutSeeds = (values: Table): Table =>
  values.map(() => values[0]!.map((_, row) => meanOf(values.map((seed) => seed[row]!))));

/** The mean of each seed. */
function meansOf(values: Table, resamples?: number): SeedStatistic {
  const count = values[0]!.length;
  const meanOfDrawn = (row: number[], drawn: Int32Array): number => {
    let sum = 0;
    for (const i of drawn) sum += row[i]!;
    return sum / count;
  };
  const options = { ...(resamples !== undefined && { resamples }) };
  const resampled = resample(count, (drawn) => values.map((row) => meanOfDrawn(row, drawn)), options);
  return {
    values: values.map(meanOf),
    resampled: values.map((_, seed) => resampled.map((means) => means[seed]!)),
    rows: count,
  };
}

/** Both ends, to a share of the interval's width. */
function expectClose(found: readonly number[], expected: readonly number[], share: number): void {
  const width = expected[1]! - expected[0]!;
  found.forEach((end, i) => expect(Math.abs(end - expected[i]!) / width, `end ${i}`).toBeLessThan(share));
}

describe('beside scipy', () => {
  it("quantiles of Student's t are the same", () => {
    for (const [degrees, quantile] of Object.entries(scipy.quantiles)) {
      expect(quantileOfT(Number(degrees)), degrees).toBeCloseTo(quantile, 8);
    }
    expect(quantileOfT(1e7)).toBeCloseTo(1.96, 3);
  });

  it('the interval is that of a paired t-test over seeds where rows tell nothing', () => {
    expectClose(intervalOverSeeds(meansOf(withoutRows(gain))), scipy.pairedOverSeeds, 1e-6);
  });

  // What is drawn at random is near, not the same: the deviation of 2,000 resamples is right to about 2 %.
  it('the interval is that of a paired t-test over rows where seeds tell nothing', () => {
    expectClose(intervalOverSeeds(meansOf(withoutSeeds(gain))), scipy.pairedOverRows, 0.04);
  });

  it('the interval over both has the parts that an analysis of variance finds', () => {
    expect(Math.min(scipy.partsOfBoth.seeds, scipy.partsOfBoth.rows)).toBeGreaterThan(0);
    expectClose(intervalOverSeeds(meansOf(gain)), scipy.overBoth, 0.04);
  });

  it('the percentiles of one seed are those of its paired bootstrap', () => {
    const mean = (row: number[], drawn: Int32Array): number => drawn.reduce((sum, i) => sum + row[i]!, 0) / rows;
    const [interval] = bootstrap(rows, (drawn) => [mean(student[0]!, drawn) - mean(control[0]!, drawn)]);
    expectClose(interval!, scipy.percentiles, 0.05);
  });

  it("the interval of a ratio is Fieller's in closed form", () => {
    const over = (way: (values: Table) => Table) => ratioOverSeeds(meansOf(way(gain)), meansOf(way(room)))!;
    expectClose(over(withoutRows).interval, scipy.fiellerOverSeeds, 1e-6);
    expectClose(over(withoutSeeds).interval, scipy.fiellerOverRows, 0.04);
    expect(over((values) => values).value).toBeCloseTo(meanOf(gain.map(meanOf)) / meanOf(room.map(meanOf)), 12);
  });
});

it('a ratio has no interval where its denominator is not clearly above 0', () => {
  const around = (centre: number): SeedStatistic => meansOf(table((s, r) => centre + number(3, s, r) - 0.5));
  expect(ratioOverSeeds(meansOf(gain), around(0))).toBeUndefined();
  expect(ratioOverSeeds(meansOf(gain), around(-1))).toBeUndefined();
  expect(ratioOverSeeds(meansOf(gain), around(1))).toBeDefined();
});

it('a ratio lies above 0 exactly where its numerator does', () => {
  for (const shift of [-0.3, -0.24, -0.2, 0]) {
    const numerator = meansOf(gain.map((row) => row.map((value) => value + shift)));
    const [low, high] = ratioOverSeeds(numerator, meansOf(room))!.interval;
    const [least, most] = intervalOverSeeds(numerator);
    expect([Math.sign(low), Math.sign(high)]).toEqual([Math.sign(least), Math.sign(most)]);
  }
});

const comparisons = torture ? 10_000 : 1000;

/** How many of a hundred simulated comparisons have an interval that holds the truth. */
function covered(truth: number, simulate: (random: () => number) => Interval): number {
  const random = randomStream(0x5eed);
  let count = 0;
  for (let k = 0; k < comparisons; k++) {
    const [low, high] = simulate(random);
    if (low <= truth && truth <= high) count++;
  }
  return (100 * count) / comparisons;
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

interface World {
  seeds: number;
  rows: number;
  /** Deviation of a model's accuracy from seed to seed. */
  bySeed: number;
  /** Share of rows on which all models agree how hard they are. */
  shared: number;
}

/** Whether each of a seed's models is right on each row: [accuracies, seeds, rows]. */
function rightOrWrong(random: () => number, accuracies: readonly number[], world: World): Table[] {
  const hardness = Array.from({ length: world.rows }, () => (random() < world.shared ? random() : undefined));
  return accuracies.map((accuracy) =>
    Array.from({ length: world.seeds }, () => {
      const own = accuracy + world.bySeed * normal(random);
      return hardness.map((hard) => ((hard ?? random()) < own ? 1 : 0));
    }),
  );
}

/** Fewer than a run takes: a deviation needs fewer than its percentiles. */
const resamples = 200;
const minus = (a: Table, b: Table): Table => a.map((row, s) => row.map((value, i) => value - b[s]![i]!));

describe(`of ${comparisons} simulated comparisons, 93 to 97 % have an interval that holds the truth`, () => {
  const between = (share: number): void => {
    expect(share).toBeGreaterThanOrEqual(93);
    expect(share).toBeLessThanOrEqual(97);
  };
  const worlds: World[] = [
    { seeds: 2, rows: 60, bySeed: 0.03, shared: 0.5 },
    { seeds: 3, rows: 60, bySeed: 0.01, shared: 0.5 },
    { seeds: 3, rows: 60, bySeed: 0.08, shared: 0.8 },
    { seeds: 5, rows: 60, bySeed: 0.03, shared: 0.5 },
  ];

  it.each(
    allOr([...worlds, ...worlds.map((world) => ({ ...world, rows: 400 })), { ...worlds[1]!, seeds: 10 }], worlds),
  )('of the gain: $seeds seeds that differ by $bySeed', (world) => {
    between(
      covered(0.15, (random) => {
        const [student, control] = rightOrWrong(random, [0.75, 0.6], world) as [Table, Table];
        return intervalOverSeeds(meansOf(minus(student, control), resamples));
      }),
    );
  });

  it('of the gain in perplexity', () => {
    const world = { seeds: 3, rows: 60 };
    // The mean over seeds of exp(mean + deviation · normal), and the rows' part of it.
    const truth = (Math.exp(2.2) - Math.exp(2)) * Math.exp(0.02 ** 2 / 2);
    between(
      covered(truth, (random) => {
        const base = Array.from({ length: world.rows }, () => 0.4 * normal(random));
        const losses = (mean: number): Table =>
          Array.from({ length: world.seeds }, () => {
            const own = mean + 0.02 * normal(random);
            return base.map((one) => own + one + 0.2 * normal(random));
          });
        const perplexities = (values: Table): SeedStatistic => {
          const { values: means, resampled, rows } = meansOf(values, resamples);
          return { values: means.map(Math.exp), resampled: resampled.map((one) => one.map(Math.exp)), rows };
        };
        const [control, student] = [perplexities(losses(2.2)), perplexities(losses(2))];
        return intervalOverSeeds({
          values: control.values.map((value, s) => value - student.values[s]!),
          resampled: control.resampled.map((one, s) => one.map((value, k) => value - student.resampled[s]![k]!)),
          rows: world.rows,
        });
      }),
    );
  });

  it('of the gap closed', () => {
    const world: World = { seeds: 3, rows: 100, bySeed: 0.02, shared: 0.5 };
    between(
      covered(0.5, (random) => {
        const [student, control] = rightOrWrong(random, [0.75, 0.6], world) as [Table, Table];
        const [[teacher]] = rightOrWrong(random, [0.9], { ...world, seeds: 1, bySeed: 0 }) as [[number[]]];
        const all = student.map(() => teacher);
        const gap = ratioOverSeeds(
          meansOf(minus(student, control), resamples),
          meansOf(minus(all, control), resamples),
        );
        return gap?.interval ?? [-Infinity, Infinity];
      }),
    );
  });

  it('of the gain of one seed, by percentiles', () => {
    const world: World = { seeds: 1, rows: 100, bySeed: 0, shared: 0.5 };
    between(
      covered(0.15, (random) => {
        const [[student], [control]] = rightOrWrong(random, [0.75, 0.6], world) as [[number[]], [number[]]];
        const { resampled } = meansOf(minus([student], [control]), resamples);
        return percentiles(resampled[0]!);
      }),
    );
  });
});
