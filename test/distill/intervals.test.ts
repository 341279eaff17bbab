/** @file Intervals: Wilson's against published values, the bootstrap against theory and against itself. */

import { describe, expect, it } from 'vitest';
import { bootstrap, wilson } from '../../src/distill/evaluation/intervals';
import { calibrationBins, expectedCalibrationError } from '../../src/distill/evaluation/metrics';
import { randomStream } from '../../src/engine/random';

describe("Wilson's interval", () => {
  // Roots of (p − share)² = z² p (1 − p) / trials, found by bisection.
  it.each([
    [8, 10, 0.490162, 0.943318],
    [0, 10, 0, 0.277533],
    [10, 10, 0.722467, 1],
    [390, 400, 0.954605, 0.986358],
  ])('of %i in %i trials is as published', (successes, trials, low, high) => {
    const interval = wilson(successes, trials);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });
});

describe('the bootstrap', () => {
  const random = randomStream(7);
  const values = Array.from({ length: 400 }, () => random());
  const meanOf = (drawn: Int32Array): number => drawn.reduce((sum, i) => sum + values[i]!, 0) / drawn.length;

  it('of a mean is about 1.96 standard errors to either side', () => {
    const mean = values.reduce((a, b) => a + b) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    const half = (1.96 * deviation) / Math.sqrt(values.length);
    const [[low, high]] = bootstrap(values.length, (drawn) => [meanOf(drawn)]) as [[number, number]];
    expect(low / (mean - half)).toBeCloseTo(1, 1);
    expect(high / (mean + half)).toBeCloseTo(1, 1);
    expect(low).toBeLessThan(mean);
    expect(high).toBeGreaterThan(mean);
  });

  it('pairs: the difference of two statistics of the same rows is sharp where they move together', () => {
    const [difference] = bootstrap(values.length, (drawn) => [meanOf(drawn) + 0.01 - meanOf(drawn)]);
    expect(difference![0]).toBeCloseTo(0.01, 12);
    expect(difference![1]).toBeCloseTo(0.01, 12);
  });

  it('gives the same each time', () => {
    const once = (): unknown => bootstrap(50, (drawn) => [meanOf(drawn)]);
    expect(once()).toEqual(once());
  });
});

it('bins of calibration hold every prediction, and their gaps make the expected calibration error', () => {
  const confidences = [0.51, 0.55, 0.9, 0.95, 1];
  const correct = [true, false, true, true, false];
  const bins = calibrationBins(confidences, correct).filter(({ count }) => count > 0);
  expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(5);
  const error = bins.reduce((sum, bin) => sum + (bin.count / 5) * Math.abs(bin.accuracy - bin.confidence), 0);
  expect(expectedCalibrationError(confidences, correct)).toBeCloseTo(error, 12);
});
