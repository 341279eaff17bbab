/** @file Seeded random numbers: repeatable, separate, evenly spread. */

import { describe, expect, it } from 'vitest';
import { randomStream, shuffled } from '../../src/engine/random';

const first = (count: number, ...keys: number[]) => {
  const random = randomStream(...keys);
  return Array.from({ length: count }, () => random());
};

describe('randomStream', () => {
  it('gives the same numbers for the same keys, and others for other keys', () => {
    expect(first(5, 1, 2)).toEqual(first(5, 1, 2));
    const streams = [[], [0], [0, 0], [1], [2], [1, 2], [2, 1], [1, 2, 0], [-1]].map((keys) =>
      first(3, ...keys).join(),
    );
    expect(new Set(streams).size).toBe(streams.length);
  });

  it('does not change from one version to the next', () => {
    expect(first(3, 1, 2).map((value) => Math.floor(value * 2 ** 32))).toMatchInlineSnapshot(`
      [
        785555773,
        2376096314,
        3016348326,
      ]
    `);
  });

  it('spreads evenly over [0, 1)', () => {
    const values = first(100_000, 7);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    const bins = new Array<number>(10).fill(0);
    for (const value of values) bins[Math.floor(value * 10)]!++;
    // 10,000 expected, standard deviation 95.
    for (const count of bins) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it('gives neighbouring keys independent first numbers', () => {
    const values = Array.from({ length: 10_000 }, (_, key) => first(1, 3, key)[0]!);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const correlation = values.slice(1).reduce((sum, value, i) => sum + (value - 0.5) * (values[i]! - 0.5), 0) * 12;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.015);
    expect(Math.abs(correlation / values.length)).toBeLessThan(0.05);
  });
});

describe('shuffled', () => {
  it('keeps every item and leaves the original alone', () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    const result = shuffled(items, randomStream(1));
    expect(result).not.toEqual(items);
    expect(result.toSorted((a, b) => a - b)).toEqual(items);
    expect(items[0]).toBe(0);
  });
});
