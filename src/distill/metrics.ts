/** @file Measures of quality from predictions and labels, in plain numbers. All are NaN where there is nothing to measure. */

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

/**
 * Expected calibration error (Guo et al., 2017): predictions are put into bins of equal width (a bin includes its upper
 * end) by confidence; the mean over all predictions of |accuracy − mean confidence| of their bin.
 * @param confidences probability of each prediction, 0 to 1
 * @param correct whether each prediction was right
 */
export function expectedCalibrationError(confidences: Numbers, correct: ArrayLike<boolean>, bins = 15): number {
  const gaps = new Float64Array(bins); // Σ (correct − confidence) of each bin
  for (let i = 0; i < confidences.length; i++) {
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(confidences[i]! * bins) - 1));
    gaps[bin]! += (correct[i] ? 1 : 0) - confidences[i]!;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / confidences.length;
}

function shareOfEqual(a: Numbers, b: Numbers): number {
  let equal = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) equal++;
  return equal / a.length;
}
