/** @file Measures of quality from predictions and labels, in plain numbers. All are NaN where there is nothing to measure. */

import type { CalibrationBin } from '../../protocol/records';
import { NotFinite } from '../not-finite';

type Numbers = ArrayLike<number>;

/** Share of predictions that equal their labels. */
export function accuracy(predictions: Numbers, labels: Numbers): number {
  return shareOfEqual(predictions, labels);
}

/** Share of positions where student and teacher have the same first choice. */
export function agreement(student: Numbers, teacher: Numbers): number {
  return shareOfEqual(student, teacher);
}

/**
 * Mean F1 over the classes that occur among labels or predictions, as scikit-learn's f1_score(average="macro"): F1 is
 * 2 TP / (2 TP + FP + FN), and each class weighs the same however rare it is.
 */
export function macroF1(predictions: Numbers, labels: Numbers): number {
  const hits = new Map<number, number>();
  const occurrences = new Map<number, number>(); // in labels and in predictions: 2 TP + FP + FN
  const increment = (counts: Map<number, number>, key: number): void => {
    counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  for (let i = 0; i < labels.length; i++) {
    increment(occurrences, labels[i]!);
    increment(occurrences, predictions[i]!);
    if (predictions[i] === labels[i]) increment(hits, labels[i]!);
  }
  let sum = 0;
  for (const [key, count] of occurrences) sum += (2 * (hits.get(key) ?? 0)) / count;
  return sum / occurrences.size;
}

/** exp of the mean negative log-likelihood (nats) over `count` positions. */
export function perplexity(summedNegativeLogLikelihood: number, count: number): number {
  return Math.exp(summedNegativeLogLikelihood / count);
}

/** As Guo et al. (2017) have them. */
export const calibrationBinCount = 15;

/**
 * Predictions in bins of equal width by confidence (a bin includes its upper end): mean confidence and share that is right.
 * Empty bins have NaN for both.
 * @param confidences probability of each prediction, 0 to 1
 * @param correct whether each prediction was right
 * @throws NotFinite where a confidence is no number
 */
export function calibrationBins(
  confidences: Numbers,
  correct: ArrayLike<boolean>,
  bins = calibrationBinCount,
): CalibrationBin[] {
  const sums = Array.from({ length: bins }, () => ({ confidence: 0, accuracy: 0, count: 0 }));
  for (let i = 0; i < confidences.length; i++) {
    if (!Number.isFinite(confidences[i]!)) {
      throw new NotFinite('the confidence', confidences[i]!, `prediction ${i}`);
    }
    const bin = sums[Math.min(bins - 1, Math.max(0, Math.ceil(confidences[i]! * bins) - 1))]!;
    bin.confidence += confidences[i]!;
    bin.accuracy += correct[i] ? 1 : 0;
    bin.count++;
  }
  return sums.map(({ confidence, accuracy, count }) => ({
    confidence: confidence / count,
    accuracy: accuracy / count,
    count,
  }));
}

/** Expected calibration error (Guo et al., 2017): the mean over all predictions of |accuracy − mean confidence| of their bin. */
export function expectedCalibrationError(
  confidences: Numbers,
  correct: ArrayLike<boolean>,
  bins = calibrationBinCount,
): number {
  const filled = calibrationBins(confidences, correct, bins).filter(({ count }) => count > 0);
  const gaps = filled.map(({ confidence, accuracy, count }) => count * Math.abs(accuracy - confidence));
  return gaps.reduce((sum, gap) => sum + gap, 0) / confidences.length;
}

function shareOfEqual(a: Numbers, b: Numbers): number {
  let equal = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) equal++;
  return equal / a.length;
}
