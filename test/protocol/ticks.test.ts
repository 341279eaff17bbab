/** @file Labels of axes: round, told apart, and short enough to stand beside a chart. */

import { describe, expect, it } from 'vitest';
import { linearTicks, logLabels, tickLabels } from '../../src/protocol/ticks';

describe('labels of an axis', () => {
  it.each([
    [
      [0, 0.25, 0.5],
      ['0', '0.25', '0.50'],
    ],
    [
      [0, 5000, 10_000],
      ['0', '5k', '10k'],
    ],
    [
      [0, 1000, 2000],
      ['0', '1,000', '2,000'],
    ],
    [
      [0, 50_000_000, 100_000_000],
      ['0', '50M', '100M'],
    ],
    [
      [0, 2.5e10],
      ['0', '25G'],
    ],
    [
      [0, 1e21],
      ['0', '1 × 10²¹'],
    ],
    [
      [0, 0.00002, 0.00004],
      ['0', '2 × 10⁻⁵', '4 × 10⁻⁵'],
    ],
    [
      [-0.5, 0, 0.5],
      ['-0.5', '0', '0.5'],
    ],
  ])('of %j are %j', (ticks, labels) => {
    expect(tickLabels(ticks).map((label) => label.replace(/\s/g, ' '))).toEqual(labels);
  });

  it('are told apart and short, whatever the range', () => {
    for (let power = -12; power <= 15; power++) {
      for (const high of [1, 2.3, 7].map((digit) => digit * 10 ** power)) {
        const labels = tickLabels(linearTicks(0, high, 5));
        expect(new Set(labels).size, `to ${high}`).toBe(labels.length);
        for (const label of labels) expect(label.length, label).toBeLessThanOrEqual(11);
      }
    }
  });
});

describe('labels of a logarithmic axis', () => {
  it('have powers of ten where the zeros would have to be counted', () => {
    const labels = logLabels([1e-7, 2e-5, 5e-4, 0.001, 0.05, 1, 200]).map((label) => label.replace(/\s/g, ' '));
    expect(labels).toEqual(['10⁻⁷', '2 × 10⁻⁵', '5 × 10⁻⁴', '0.001', '0.05', '1', '200']);
  });
});
