/** @file The comparison's gain and the gap that was closed, of one seed and of several, against numbers worked out by hand. */

import { describe, expect, it } from 'vitest';
import type { RowPrediction } from '../../src/distill/evaluation/row-tally';
import type { ComparisonRow, Role } from '../../src/protocol/records';
import { withIntervals, type MeasuredModel } from '../../src/runner/run/comparison-intervals';
import { comparisonOverSeeds } from '../../src/runner/run/comparison-seeds';

const rows = 40;

function model(role: Role, predictions: RowPrediction[], metrics: ComparisonRow['metrics']): MeasuredModel {
  const name = role === 'control' ? 'no-distillation' : role;
  return {
    row: { run: 'run', role, name, parameters: 1, bytes: 1, latencyMs: 1, split: 'test', metrics },
    predictions,
  };
}

/** A language model that has `nats` a token, give or take what the row does to all models. Rows have 3 tokens. */
function speaker(role: Role, nats: number): MeasuredModel {
  const predictions = Array.from({ length: rows }, (_, i) => ({
    predictions: 3,
    correct: 1,
    negativeLogLikelihood: 3 * (nats + (i % 2 === 0 ? 0.1 : -0.1)),
  }));
  return model(role, predictions, { perplexity: Math.exp(nats) });
}

describe('the gap closed', () => {
  const teacher = speaker('teacher', 2);

  it('of a language model is measured in nats a token', () => {
    const [, student] = withIntervals('causal-lm', [teacher, speaker('student', 2.3), speaker('control', 3)], []);
    expect(student!.gapClosed!.value).toBeCloseTo(0.7, 10);
    expect(student!.gapClosed!.over).toBe('no-distillation');
    expect(student!.gain!.value).toBeCloseTo(Math.exp(3) - Math.exp(2.3), 10);
  });

  it('is nothing where the teacher is no better than the control, by more than its interval', () => {
    for (const control of [2, 1.9]) {
      const models = [teacher, speaker('student', 1.8), speaker('control', control)];
      expect(withIntervals('causal-lm', models, [])[1]!.gapClosed).toBeUndefined();
    }
  });

  it('over seeds is the ratio of the means, with an interval where seeds differ', () => {
    const seeds = [
      { seed: 1, models: [speaker('student', 2.3), speaker('control', 3)] },
      { seed: 2, models: [speaker('student', 2.4), speaker('control', 3.1)] },
      { seed: 3, models: [speaker('student', 2.5), speaker('control', 2.9)] },
    ];
    const { rows: compared, gain } = comparisonOverSeeds('causal-lm', teacher, seeds, []);
    const [, student, control] = compared;
    // (0.7 + 0.7 + 0.4) / (1 + 1.1 + 0.9)
    expect(student!.gapClosed!.value).toBeCloseTo(0.6, 10);
    const [low, high] = student!.gapClosed!.interval;
    expect(low).toBeLessThan(0.6);
    expect(high).toBeGreaterThan(0.6);
    expect(control!.gapClosed).toBeUndefined();
    expect(gain).toMatchObject({ metric: 'perplexity', seeds: 3, rows });
    // All rows move all models alike, in nats: t with 2 degrees of freedom over the seeds' perplexities, and a little more.
    const differences = [Math.exp(3) - Math.exp(2.3), Math.exp(3.1) - Math.exp(2.4), Math.exp(2.9) - Math.exp(2.5)];
    const mean = differences.reduce((sum, one) => sum + one) / 3;
    const error = Math.sqrt(differences.reduce((sum, one) => sum + (one - mean) ** 2, 0) / 2 / 3);
    expect(gain!.mean).toBeCloseTo(mean, 10);
    expect((gain!.interval[1] - mean) / (4.302653 * error)).toBeCloseTo(1, 2);
  });

  it('over seeds is nothing where the teacher is not clearly better', () => {
    const seeds = [2.1, 1.9, 2.05].map((nats, i) => ({
      seed: i,
      models: [speaker('student', 1.8), speaker('control', nats)],
    }));
    expect(comparisonOverSeeds('causal-lm', teacher, seeds, []).rows[1]!.gapClosed).toBeUndefined();
  });

  it('of classes is measured in macro-F1', () => {
    const classifier = (role: Role, wrong: number): MeasuredModel => {
      const predictions = Array.from({ length: rows }, (_, i) => {
        const choice = i < wrong || i >= rows - wrong ? 1 - (i % 2) : i % 2;
        return {
          choice,
          probability: 0.9,
          predictions: 1,
          correct: choice === i % 2 ? 1 : 0,
          negativeLogLikelihood: 1,
        };
      });
      return model(role, predictions, {});
    };
    const labels = Array.from({ length: rows }, (_, i) => i % 2);
    const models = [classifier('teacher', 2), classifier('student', 4), classifier('control', 8)];
    const [, student] = withIntervals('text-classification', models, labels);
    // As many wrong of either class: macro-F1 is the accuracy, .9, .8 and .6.
    expect(student!.gain!.value).toBeCloseTo(0.2, 10);
    expect(student!.gapClosed!.value).toBeCloseTo(2 / 3, 10);
    const [least] = student!.gain!.interval;
    expect(Math.sign(student!.gapClosed!.interval[0])).toBe(Math.sign(least));
  });
});
