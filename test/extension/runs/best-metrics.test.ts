/** @file The best result so far. */

import { expect, it } from 'vitest';
import { bestMetrics } from '../../../src/extension/runs/best-metrics';
import type { EvaluationRecord, Metrics, Role } from '../../../src/protocol/records';

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
