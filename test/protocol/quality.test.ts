/** @file The metric by which a task's models are judged. */

import { describe, expect, it } from 'vitest';
import { bestMetrics, gapClosed, hasBetterQuality, qualityOf, retention, verdictOf } from '../../src/protocol/quality';
import type { EvaluationRecord, Metrics, Role } from '../../src/protocol/records';

describe('retention', () => {
  it("is macro-F1 over the teacher's for classes", () => {
    expect(
      retention(qualityOf('text-classification'), { macroF1: 0.8, accuracy: 0.9 }, { macroF1: 0.6, accuracy: 0.9 }),
    ).toBeCloseTo(0.75);
  });

  it("is the teacher's perplexity over its own for language models", () => {
    expect(retention(qualityOf('causal-lm'), { perplexity: 20 }, { perplexity: 25 })).toBeCloseTo(0.8);
    expect(retention(qualityOf('masked-lm'), { perplexity: 20 }, { perplexity: 10 })).toBeCloseTo(2);
  });

  it('is unknown where a metric is missing or the teacher has no quality', () => {
    expect(retention(qualityOf('causal-lm'), { perplexity: 20 }, {})).toBeUndefined();
    expect(retention(qualityOf('text-classification'), { macroF1: 0 }, { macroF1: 0 })).toBeUndefined();
    expect(retention(qualityOf('text-classification'), { macroF1: 0 }, { macroF1: 1 })).toBeUndefined();
  });
});

describe('the gap closed', () => {
  const classes = qualityOf('text-classification');

  it('is the way from the control to the teacher that the student went, in macro-F1', () => {
    const trio = { teacher: { macroF1: 0.9 }, student: { macroF1: 0.85 }, control: { macroF1: 0.7 } };
    expect(gapClosed(classes, trio)).toBeCloseTo(0.75);
    expect(gapClosed(classes, { ...trio, student: { macroF1: 0.6 } })).toBeCloseTo(-0.5);
    expect(gapClosed(classes, { ...trio, student: { macroF1: 1 } })).toBeCloseTo(1.5);
  });

  it('is in nats a token for language models', () => {
    const nats = (value: number): Metrics => ({ perplexity: Math.exp(value) });
    const trio = { teacher: nats(2), student: nats(2.5), control: nats(4) };
    expect(gapClosed(qualityOf('causal-lm'), trio)).toBeCloseTo(0.75);
  });

  it('is unknown where the teacher is no better than the control, or something is missing', () => {
    const trio = { teacher: { macroF1: 0.7 }, student: { macroF1: 0.85 }, control: { macroF1: 0.7 } };
    expect(gapClosed(classes, trio)).toBeUndefined();
    expect(gapClosed(classes, { ...trio, teacher: { macroF1: 0.6 } })).toBeUndefined();
    expect(gapClosed(classes, { ...trio, control: {} })).toBeUndefined();
  });
});

it('an interval decides whether distillation helped', () => {
  expect([verdictOf([0.01, 0.2]), verdictOf([-0.2, -0.01]), verdictOf([-0.1, 0.1]), verdictOf([0, 0])]).toEqual([
    'helped',
    'hurt',
    'unclear',
    'unclear',
  ]);
});

describe('the best result so far', () => {
  const evaluation = (metrics: Metrics, role: Role = 'student'): EvaluationRecord => ({
    step: 1,
    split: 'validation',
    role,
    metrics,
  });

  it("is the student's largest macro-F1 on validation", () => {
    const test: EvaluationRecord = { ...evaluation({ macroF1: 0.99 }), split: 'test' };
    const all = [evaluation({ macroF1: 0.8 }), evaluation({ macroF1: 0.9 }), evaluation({ macroF1: 0.7 }), test];
    expect(bestMetrics([...all, evaluation({ macroF1: 1 }, 'teacher')])).toEqual({ macroF1: 0.9 });
  });

  it('is the least perplexity where there are no classes', () => {
    expect(bestMetrics([evaluation({ perplexity: 40 }), evaluation({ perplexity: 30 })])).toEqual({ perplexity: 30 });
  });

  it('does not exist before the first evaluation', () => {
    expect(bestMetrics([])).toBeUndefined();
  });
});

describe('the better quality', () => {
  it('is the larger macro-F1, and the smaller perplexity', () => {
    expect(hasBetterQuality({ macroF1: 0.9 }, { macroF1: 0.8 })).toBe(true);
    expect(hasBetterQuality({ perplexity: 30 }, { perplexity: 40 })).toBe(true);
    expect(hasBetterQuality({ perplexity: 40 }, { perplexity: 30 })).toBe(false);
    expect(hasBetterQuality({ macroF1: 0.8 }, { macroF1: 0.8 })).toBe(false);
  });

  it('is that of the one that has any', () => {
    expect(hasBetterQuality({ perplexity: 40 }, {})).toBe(true);
    expect(hasBetterQuality({ perplexity: 40 }, undefined)).toBe(true);
    expect(hasBetterQuality({ agreement: 0.9 }, undefined)).toBe(false);
    expect(hasBetterQuality({}, { perplexity: 40 })).toBe(false);
  });
});
