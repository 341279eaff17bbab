import { describe, expect, it } from 'vitest';
import { countedPredictions, inverseOf, maskedCapacity, predictionRows } from '../../src/distill/losses/shift';

const labelled = (rows: number, length: number, labels: number[]) => ({
  rows,
  length,
  labels: Int32Array.from(labels),
});

describe('countedPredictions', () => {
  it.each(['text-classification', 'causal-lm', 'masked-lm'] as const)('is what predictionRows counts: %s', (task) => {
    const rows =
      task === 'text-classification' ? [[2], [-100]] : [[-100, 3, 0, -100], [7, 1], [5, -100, -100, 4, 0], [-100]];
    for (const labels of rows) {
      const batch = {
        ...labelled(1, task === 'text-classification' ? 9 : labels.length, labels),
        indices: Int32Array.of(0),
      };
      expect(countedPredictions(batch.labels, task)).toBe(predictionRows(batch, task).count);
    }
  });
});

describe('predictionRows', () => {
  it('shifts causal labels once: position i predicts token i + 1, the last position nothing', () => {
    const batch = labelled(2, 4, [-100, 11, 12, 13, 20, 21, -100, -100]);
    expect(predictionRows(batch, 'causal-lm')).toEqual({
      rows: Int32Array.of(0, 1, 2, 4, 5, 6),
      labels: Int32Array.of(11, 12, 13, 21, 0, 0),
      counted: Float32Array.of(1, 1, 1, 1, 0, 0),
      count: 4,
      labelled: Float32Array.of(1, 1, 1, 1, 0, 0),
      labelledCount: 4,
    });
  });

  it('never lets the last position of one row predict the first token of the next', () => {
    const { rows } = predictionRows(labelled(3, 5, Array<number>(15).fill(7)), 'causal-lm');
    expect([...rows].filter((row) => row % 5 === 4)).toEqual([]);
    expect(rows.length).toBe(3 * 4);
  });

  it('counts an end-of-text token with id 0 and a prompt not at all', () => {
    const { counted, labels, count } = predictionRows(labelled(1, 5, [-100, -100, 3, 0, -100]), 'causal-lm');
    expect([[...counted], [...labels], count]).toEqual([[0, 1, 1, 0], [0, 3, 0, 0], 2]);
  });

  it('takes one row an example for classes: without a label it counts but is not labelled, filler does neither', () => {
    const batch = { ...labelled(4, 9, [2, 0, -100, -100]), indices: Int32Array.of(5, 0, 3, -1) };
    expect(predictionRows(batch, 'text-classification')).toEqual({
      rows: Int32Array.of(0, 1, 2, 3),
      labels: Int32Array.of(2, 0, 0, 0),
      counted: Float32Array.of(1, 1, 1, 0),
      count: 3,
      labelled: Float32Array.of(1, 1, 0, 0),
      labelledCount: 2,
    });
  });

  it('takes the masked positions unshifted and fills up to a fixed number of rows', () => {
    const labels = Array<number>(64).fill(-100);
    labels[3] = 8;
    labels[40] = 9;
    const { rows, counted, labels: targets, count } = predictionRows(labelled(4, 16, labels), 'masked-lm');
    expect(count).toBe(2);
    expect(rows.length).toBe(maskedCapacity(4, 16));
    expect([rows[0], rows[1], rows[2]]).toEqual([3, 40, 0]);
    expect([targets[0], targets[1], targets[2]]).toEqual([8, 9, 0]);
    expect(counted.reduce((a, b) => a + b)).toBe(2);
  });

  it('makes room for every masked position, even where there are more than could be expected', () => {
    const { rows, count } = predictionRows(labelled(8, 128, Array<number>(1024).fill(5)), 'masked-lm');
    expect(count).toBe(1024);
    expect(rows.length).toBe(1024);
  });
});

describe('maskedCapacity', () => {
  it.each([
    [1, 8],
    [8, 128],
    [32, 512],
  ])('is a multiple of 8 that holds the mean of %d × %d tokens with room to spare', (rows, length) => {
    const capacity = maskedCapacity(rows, length);
    expect(capacity % 8).toBe(0);
    expect(capacity).toBeGreaterThan(0.15 * rows * length);
    expect(capacity).toBeLessThanOrEqual(rows * length);
  });

  it('reserves less than a quarter of the positions of an ordinary batch', () => {
    expect(maskedCapacity(8, 128)).toBeLessThan(0.25 * 8 * 128);
  });
});

describe('inverseOf', () => {
  it('is 1 / N, and 0 where nothing counts', () => {
    expect([inverseOf(4), inverseOf(0)]).toEqual([0.25, 0]);
  });
});
