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

/** Of labels that apply or not: F1 of all decisions together, and the mean of each label's. */
export interface LabelF1 {
  micro: number;
  macro: number;
}

/**
 * F1 where several labels may apply, as scikit-learn's f1_score with zero_division=nan: of the mean over labels, those that neither apply nor are
 * said have no part. 0 where nothing applies and nothing is said.
 * @param said and applies [rows, labels], 1 or 0
 */
export function labelF1(said: Numbers, applies: Numbers, labels: number): LabelF1 {
  const [hits, occurrences] = [new Float64Array(labels), new Float64Array(labels)];
  for (let i = 0; i < said.length; i++) {
    const label = i % labels;
    occurrences[label]! += said[i]! + applies[i]!;
    hits[label]! += said[i]! * applies[i]!;
  }
  return f1FromCounts(hits, occurrences);
}

/** @param hits true positives of each label @param occurrences 2 TP + FP + FN of each */
export function f1FromCounts(hits: Numbers, occurrences: Numbers): LabelF1 {
  let [allHits, all, sum, present] = [0, 0, 0, 0];
  for (let label = 0; label < hits.length; label++) {
    if (occurrences[label] === 0) continue;
    allHits += hits[label]!;
    all += occurrences[label]!;
    sum += (2 * hits[label]!) / occurrences[label]!;
    present++;
  }
  return { micro: all === 0 ? 0 : (2 * allHits) / all, macro: present === 0 ? 0 : sum / present };
}

/**
 * Mean over the labels of their average precision, as scikit-learn's average_precision_score: Σ (Rₙ − Rₙ₋₁) Pₙ over the thresholds, rows of
 * equal scores taken together. A label that applies to no row has none, and no part in the mean; 0 where none has one.
 */
export class AveragePrecision {
  /** Of each label the rows by falling score. */
  private readonly orders: Order[];

  /** @param scores [rows, labels] @param applies [rows, labels], 1 or 0 */
  constructor(
    scores: Numbers,
    private readonly applies: Numbers,
    private readonly labels: number,
  ) {
    this.orders = Array.from({ length: labels }, (_, label) =>
      orderBy(scores.length / labels, (row) => -scores[row * labels + label]!),
    );
  }

  /** @param weights how often each row counts; once if left out */
  mean(weights?: Numbers): number {
    let [sum, present] = [0, 0];
    for (let label = 0; label < this.labels; label++) {
      const precision = this.ofLabel(label, weights);
      if (precision === undefined) continue;
      sum += precision;
      present++;
    }
    return present === 0 ? 0 : sum / present;
  }

  private ofLabel(label: number, weights: Numbers | undefined): number | undefined {
    const { rows, isTied } = this.orders[label]!;
    let [seen, hits, before, sum] = [0, 0, 0, 0];
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      const weight = weights ? weights[row]! : 1;
      seen += weight;
      hits += weight * this.applies[row * this.labels + label]!;
      const isThreshold = i + 1 === rows.length || isTied[i + 1] === 0;
      if (!isThreshold || hits === before) continue;
      sum += ((hits - before) * hits) / seen;
      before = hits;
    }
    return hits === 0 ? undefined : sum / hits;
  }
}

/** Root of the mean squared difference. */
export function rootMeanSquare(a: Numbers, b: Numbers): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(sum / a.length);
}

/** Pearson's correlation; 0 where either is constant, of which there is none. @param weights how often each pair counts; once if left out */
export function pearson(a: Numbers, b: Numbers, weights?: Numbers): number {
  const weightOf = (i: number): number => (weights ? weights[i]! : 1);
  let [all, sumA, sumB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    all += weightOf(i);
    sumA += weightOf(i) * a[i]!;
    sumB += weightOf(i) * b[i]!;
  }
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - sumA / all, b[i]! - sumB / all];
    product += weightOf(i) * x * y;
    squaresA += weightOf(i) * x * x;
    squaresB += weightOf(i) * y * y;
  }
  const scale = Math.sqrt(squaresA * squaresB);
  return scale === 0 ? 0 : Math.max(-1, Math.min(1, product / scale));
}

/** Rows in the order of a score, and whether each has that of the row before. */
interface Order {
  rows: Uint32Array;
  isTied: Uint8Array;
}

function orderBy(rows: number, scoreOf: (row: number) => number): Order {
  const order = Uint32Array.from({ length: rows }, (_, row) => row).sort((a, b) => scoreOf(a) - scoreOf(b));
  return {
    rows: order,
    isTied: Uint8Array.from(order, (row, i) => (i > 0 && scoreOf(row) === scoreOf(order[i - 1]!) ? 1 : 0)),
  };
}

/** Spearman's correlation: Pearson's of the ranks, those of equal values being their mean. Sorted once, for as many weightings as are wanted. */
export class RankCorrelation {
  private readonly orders: readonly [Order, Order];

  constructor(a: Numbers, b: Numbers) {
    this.orders = [orderBy(a.length, (row) => a[row]!), orderBy(b.length, (row) => b[row]!)];
  }

  /** @param weights how often each pair counts; once if left out */
  of(weights?: Numbers): number {
    const [a, b] = this.orders.map((order) => ranksIn(order, weights)) as [Float64Array, Float64Array];
    return pearson(a, b, weights);
  }
}

/** Ranks, from a half on: a shift changes no correlation. */
function ranksIn({ rows, isTied }: Order, weights: Numbers | undefined): Float64Array {
  const ranks = new Float64Array(rows.length);
  let before = 0;
  for (let start = 0; start < rows.length;) {
    let end = start;
    let weight = 0;
    do weight += weights ? weights[rows[end]!]! : 1;
    while (isTied[++end] === 1);
    for (let i = start; i < end; i++) ranks[rows[i]!] = before + weight / 2;
    before += weight;
    start = end;
  }
  return ranks;
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
