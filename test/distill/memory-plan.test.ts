import { describe, expect, it } from 'vitest';
import { predictPeakBytes, type PlannedTraining } from '../../src/distill/memory-plan';
import { createArchitecture, parameterCount } from '../../src/model/config';

const student = createArchitecture({
  family: 'gpt2',
  head: 'causal-lm',
  layers: 2,
  hiddenSize: 32,
  heads: 2,
  vocabularySize: 300,
  maxPositions: 16,
});

const training: PlannedTraining = {
  pairing: { student },
  shapes: [{ rows: 4, length: 16, predictions: 60 }],
  evaluationShapes: [{ rows: 4, length: 16, predictions: 60 }],
  workingMemory: 'freed',
  accumulates: false,
  runsTeacher: false,
  heldBytes: 1e9,
};

describe('the predicted peak', () => {
  it('adds a group of the trained size where gradients are accumulated', () => {
    const added = predictPeakBytes({ ...training, accumulates: true }) - predictPeakBytes(training);
    expect(added).toBe(parameterCount(student) * 4);
  });

  it('counts every length where programs keep their memory, evaluations too, and otherwise the largest', () => {
    const short = { rows: 4, length: 8, predictions: 28 };
    const more = { ...training, shapes: [...training.shapes, short] };
    const evaluating = { ...training, evaluationShapes: [...training.shapes, short] };
    expect(predictPeakBytes(more)).toBe(predictPeakBytes(training));
    expect(predictPeakBytes(evaluating)).toBe(predictPeakBytes(training));
    const kept = (plan: PlannedTraining): number => predictPeakBytes({ ...plan, workingMemory: 'kept' });
    expect(kept(training)).toBeGreaterThan(predictPeakBytes(training));
    expect(kept(more)).toBeGreaterThan(kept(training));
    expect(kept(evaluating)).toBeGreaterThan(kept(training));
  });

  it('grows with the batch, and starts from what is held', () => {
    const larger = { ...training, shapes: [{ rows: 8, length: 16, predictions: 120 }] };
    const [small, large] = [predictPeakBytes(training), predictPeakBytes(larger)];
    expect(large).toBeGreaterThan(small);
    expect(small).toBeGreaterThan(1e9 + 4 * 4 * parameterCount(student));
    expect(predictPeakBytes({ ...training, heldBytes: 2e9 }) - small).toBe(1e9);
  });
});
