import { describe, expect, it } from 'vitest';
import {
  accuracy,
  agreement,
  expectedCalibrationError,
  macroF1,
  perplexity,
} from '../../src/distill/evaluation/metrics';

describe('accuracy and agreement', () => {
  it('are the share of equal entries', () => {
    expect(accuracy([0, 1, 2, 2], [0, 1, 1, 2])).toBe(0.75);
    expect(agreement([5, 5], [5, 6])).toBe(0.5);
  });

  it('are NaN, not 0, where there is nothing to compare', () => {
    expect(accuracy([], [])).toBeNaN();
  });
});

describe('macroF1', () => {
  it("gives 0.26… for the example in scikit-learn's documentation of f1_score", () => {
    expect(macroF1([0, 2, 1, 0, 0, 1], [0, 1, 2, 0, 1, 2])).toBeCloseTo(0.8 / 3, 12);
  });

  it('weighs a rare class as much as a common one', () => {
    const labels = [...Array<number>(99).fill(0), 1];
    expect(macroF1(Array<number>(100).fill(0), labels)).toBeCloseTo((2 * 99) / 199 / 2, 12);
  });

  it('counts a class that is only predicted with 0, and leaves out one that occurs nowhere', () => {
    expect(macroF1([0, 3], [0, 0])).toBeCloseTo(2 / 3 / 2, 12);
    expect(macroF1([0, 7], [0, 7])).toBe(1);
  });
});

describe('perplexity', () => {
  it('is the size of the vocabulary for a uniform prediction', () => {
    expect(perplexity(10 * Math.log(50), 10)).toBeCloseTo(50, 10);
  });
});

describe('expectedCalibrationError', () => {
  it('is 0 for predictions that are as often right as they are sure', () => {
    expect(expectedCalibrationError([0.75, 0.75, 0.75, 0.75], [true, true, true, false])).toBeCloseTo(0, 12);
    expect(expectedCalibrationError([1, 0], [true, false])).toBe(0);
  });

  it('weighs the gap of each bin by its predictions', () => {
    // Three at 0.9 of which one is right (gap 0.9 − 1/3), one at 0.5 that is right (gap 0.5).
    const error = expectedCalibrationError([0.9, 0.9, 0.9, 0.5], [true, false, false, true]);
    expect(error).toBeCloseTo((3 * (0.9 - 1 / 3) + 0.5) / 4, 12);
  });

  it('lets gaps cancel within a bin but not between bins', () => {
    expect(expectedCalibrationError([0.5, 0.5], [true, false], 15)).toBeCloseTo(0, 12);
    expect(expectedCalibrationError([0.6, 0.4], [false, true], 2)).toBeCloseTo(0.6, 12);
    expect(expectedCalibrationError([0.6, 0.4], [false, true], 1)).toBeCloseTo(0, 12);
  });
});
