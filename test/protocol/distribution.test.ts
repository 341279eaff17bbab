/** @file Distributions in plain numbers. */

import { describe, expect, it } from 'vitest';
import {
  beginsTheOther,
  entropy,
  klDivergence,
  rankOf,
  softenedPair,
  softmax,
  topIndices,
} from '../../src/protocol/distribution';
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

describe('distributions of which some tokens are of one model alone', () => {
  // Of the first three both have a probability, of the fourth the teacher, of the last the student.
  const none = -Infinity;
  const teacher = [2, 0, 1, 1.5, none];
  const student = [0, 1, 0.5, none, 0.25];

  it('have the I-divergence of what both have: Σ q log(q / s) − Σ q + Σ s', () => {
    const [q, s] = [softmax(teacher, 2), softmax(student, 2)];
    expect([q[4], s[3]]).toEqual([0, 0]);
    const expected = [0, 1, 2].reduce((sum, i) => sum + q[i]! * Math.log(q[i]! / s[i]!) - q[i]! + s[i]!, 0);
    expect(expected).toBeGreaterThan(0.01);
    expect(klDivergence(teacher, student, 2)).toBeCloseTo(expected, 12);
    const { kl, entropy: entropies } = softenedPair(teacher, student, 2);
    expect(kl).toBeCloseTo(expected, 12);
    expect(entropies.teacher).toBeCloseTo(entropy(q), 12);
    expect(entropies.student).toBeCloseTo(entropy(s), 12);
  });

  it('have its gradient in the student’s logits', () => {
    for (const [own, theirs] of [
      [student, teacher],
      [student.slice(0, 3), teacher.slice(0, 3)],
    ] as const) {
      const at = (i: number, by: number): number =>
        klDivergence(
          theirs,
          own.map((logit, k) => (k === i ? logit + by : logit)),
          2,
        );
      const gradient = own.map((logit, i) => (logit === none ? 0 : (at(i, 1e-5) - at(i, -1e-5)) / 2e-5));
      expect(softenedPair(theirs, own, 2).gradientNorm).toBeCloseTo(Math.hypot(...gradient), 8);
    }
  });

  it('are 0 apart where both have the same and nothing else', () => {
    expect(klDivergence([1, 2, none], [1, 2, none])).toBe(0);
  });
});

it('a token begins another, or the other way round', () => {
  expect([beginsTheOther(' wh', ' whale'), beginsTheOther(' whale', ' wh'), beginsTheOther('a', ' a')]).toEqual([
    true,
    true,
    false,
  ]);
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
