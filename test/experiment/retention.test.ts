/** @file Retention of the teacher's quality. */

import { describe, expect, it } from 'vitest';
import { retention } from '../../src/experiment/retention';

describe('retention', () => {
  it("is macro-F1 over the teacher's for classes", () => {
    expect(
      retention('text-classification', { macroF1: 0.8, accuracy: 0.9 }, { macroF1: 0.6, accuracy: 0.9 }),
    ).toBeCloseTo(0.75);
  });

  it("is the teacher's perplexity over its own for language models", () => {
    expect(retention('causal-lm', { perplexity: 20 }, { perplexity: 25 })).toBeCloseTo(0.8);
    expect(retention('masked-lm', { perplexity: 20 }, { perplexity: 10 })).toBeCloseTo(2);
  });

  it('is unknown where a metric is missing or the teacher has no quality', () => {
    expect(retention('causal-lm', { perplexity: 20 }, {})).toBeUndefined();
    expect(retention('text-classification', { macroF1: 0 }, { macroF1: 0 })).toBeUndefined();
    expect(retention('text-classification', { macroF1: 0 }, { macroF1: 1 })).toBeUndefined();
  });
});
