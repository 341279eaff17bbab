/** @file Distributions in plain numbers. */

import { describe, expect, it } from 'vitest';
import { entropy, klDivergence, rankOf, softmax, topIndices } from '../../src/protocol/distribution';
import { heatLevel } from '../../src/protocol/heat';

describe('softmax', () => {
  it('sums to 1 and keeps the order at any temperature', () => {
    for (const temperature of [0.25, 1, 20]) {
      const p = softmax([2, -1, 0.5, 2.1], temperature);
      expect(p.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      expect(topIndices(p, 4)).toEqual([3, 0, 2, 1]);
    }
  });

  it('does not overflow on large logits', () => {
    expect([...softmax([1000, 1000])]).toEqual([0.5, 0.5]);
  });

  it('widens as the temperature rises', () => {
    const logits = [4, 1, 0, -2];
    const spread = [0.5, 1, 2, 4, 8].map((t) => entropy(softmax(logits, t)));
    expect(spread).toEqual([...spread].sort((a, b) => a - b));
    expect(entropy(softmax(logits, 1e6))).toBeCloseTo(Math.log(4), 6);
  });
});

describe('the Kullback-Leibler divergence', () => {
  it('is 0 for equal distributions, though their logits differ by a constant', () => {
    expect(klDivergence([1, 2, 3], [11, 12, 13], 2)).toBeCloseTo(0, 12);
  });

  it('is the sum of q log(q / s)', () => {
    const q = softmax([2, 0, 1], 2);
    const s = softmax([0, 1, 0.5], 2);
    const expected = [0, 1, 2].reduce((sum, i) => sum + q[i]! * Math.log(q[i]! / s[i]!), 0);
    expect(klDivergence([2, 0, 1], [0, 1, 0.5], 2)).toBeCloseTo(expected, 12);
  });

  it('stays finite where a probability underflows', () => {
    expect(klDivergence([0, 0], [0, -2000])).toBeCloseTo(1000 - Math.log(2), 9);
  });
});

describe('ranks', () => {
  it('count from 1, and equals share the better one', () => {
    expect([0, 1, 2, 3].map((i) => rankOf([5, 7, 5, 1], i))).toEqual([2, 1, 2, 4]);
  });

  it('agree with the k largest, the lower index first', () => {
    expect(topIndices([5, 7, 5, 1], 3)).toEqual([1, 0, 2]);
  });
});

describe('the level of heat', () => {
  it('rises at fixed edges and has no end', () => {
    expect([0, 0.029, 0.03, 0.1, 0.3, 0.99, 1, 50].map(heatLevel)).toEqual([0, 0, 1, 2, 3, 3, 4, 4]);
  });
});
