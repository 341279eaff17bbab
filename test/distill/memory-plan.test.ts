import { describe, expect, it } from 'vitest';
import { predictPeakBytes, type PlannedTraining } from '../../src/distill/memory-plan';
import { createArchitecture, parameterCount } from '../../src/model/architecture';

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
  shape: { rows: 4, length: 16, predictions: 60 },
  accumulates: false,
  runsTeacher: false,
  heldBytes: 1e9,
};

describe('the predicted peak', () => {
  it('adds a group of the trained size where gradients are accumulated', () => {
    const added = predictPeakBytes({ ...training, accumulates: true }) - predictPeakBytes(training);
    expect(added).toBe(parameterCount(student) * 4);
  });

  it('grows with the batch, and starts from what is held', () => {
    const larger = { ...training, shape: { rows: 8, length: 16, predictions: 120 } };
    const [small, large] = [predictPeakBytes(training), predictPeakBytes(larger)];
    expect(large).toBeGreaterThan(small);
    expect(small).toBeGreaterThan(1e9 + 4 * 4 * parameterCount(student));
    expect(predictPeakBytes({ ...training, heldBytes: 2e9 }) - small).toBe(1e9);
  });
});
