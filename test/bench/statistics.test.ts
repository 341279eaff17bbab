/** @file The numbers that the benchmark makes of its timings. */

import { describe, expect, it } from 'vitest';
import { median, relativeDifference, relativeSpread } from '../../bench/statistics';

describe('the median', () => {
  it('is the middle value, whatever the order', () => {
    expect(median([9, 1, 100])).toBe(9);
  });

  it('is the mean of the two middle values of an even number', () => {
    expect(median([4, 1, 100, 2])).toBe(3);
  });

  it('does not exist of nothing', () => {
    expect(() => median([])).toThrow('no value');
  });
});

describe('the spread', () => {
  it('is half the range, as a share of the median', () => {
    expect(relativeSpread([90, 100, 120])).toBeCloseTo(0.15, 12);
  });
});

describe('the relative difference', () => {
  it('is a share of the larger value', () => {
    expect(relativeDifference(99, 100, 1)).toBeCloseTo(0.01, 12);
    expect(relativeDifference(-2, 2, 1)).toBe(2);
  });

  it('is a share of the floor where both values are below it', () => {
    expect(relativeDifference(0.001, 0.003, 0.1)).toBeCloseTo(0.02, 12);
    expect(relativeDifference(0, 0, 0.1)).toBe(0);
  });
});
