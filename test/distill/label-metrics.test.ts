/** @file Measures where several labels may apply, and where the label is a number, as scikit-learn and scipy have them (`label_metrics_by_sklearn.py`). */

import { describe, expect, it } from 'vitest';
import {
  AveragePrecision,
  labelF1,
  pearson,
  RankCorrelation,
  rootMeanSquare,
} from '../../src/distill/evaluation/metrics';
import { isSaid } from '../../src/protocol/independent-labels';
import golden from './label-metrics.json';

const [, labels] = golden.shape as [number, number];
const { weights } = golden;

describe('measures of labels of which several may apply', () => {
  const { applies, scores, ...expected } = golden.several;
  const said = scores.map((score) => Number(isSaid(score)));

  it('are F1 as scikit-learn has it, of all decisions and as the mean of the labels', () => {
    const { micro, macro } = labelF1(said, applies, labels);
    expect(micro).toBeCloseTo(expected.microF1, 12);
    expect(macro).toBeCloseTo(expected.macroF1, 12);
  });

  it('are the mean average precision, of weighted rows too', () => {
    const precision = new AveragePrecision(scores, applies, labels);
    expect(precision.mean()).toBeCloseTo(expected.meanAveragePrecision, 12);
    expect(precision.mean(weights)).toBeCloseTo(expected.weighted, 12);
  });

  it('are 0, and no NaN, where nothing applies and nothing is said', () => {
    expect(labelF1([0, 0], [0, 0], 2)).toEqual({ micro: 0, macro: 0 });
    expect(new AveragePrecision([1, 2], [0, 0], 2).mean()).toBe(0);
  });
});

describe('measures of numbers', () => {
  const { labels: hard, values, ...expected } = golden.numbers;

  it('are the root of the mean squared error, and the correlations of scipy', () => {
    expect(rootMeanSquare(values, hard)).toBeCloseTo(expected.rmse, 12);
    expect(pearson(values, hard)).toBeCloseTo(expected.pearson, 12);
    const ranks = new RankCorrelation(values, hard);
    expect(ranks.of()).toBeCloseTo(expected.spearman, 12);
    expect(pearson(values, hard, weights)).toBeCloseTo(expected.weightedPearson, 12);
    expect(ranks.of(weights)).toBeCloseTo(expected.weightedSpearman, 12);
  });

  it('are no correlation, and no NaN, of a constant', () => {
    expect(pearson([2, 2, 2], [1, 2, 3])).toBe(0);
    expect(new RankCorrelation([2, 2, 2], [1, 2, 3]).of()).toBe(0);
  });
});
