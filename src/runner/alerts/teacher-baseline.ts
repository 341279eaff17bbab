/** @file Whether a teacher is better than what knows nothing: the commonest class, or how often each token occurs. */

import { formatQuantity, formatShare } from '../../protocol/format';
import { complaint, type Complaint } from '../../protocol/problem';
import { metricFacts } from '../../protocol/quality';
import type { Metrics, Task } from '../../protocol/records';
import type { Examples } from '../../dataset/example-store';
import { notCounted } from '../../dataset/examples';

/** Share of the way from the commonest class's macro-F1 to 1 that a teacher must have come. */
const leastWay = 0.1;

/** What is measured of always saying the commonest class. */
export interface Majority {
  /** Index of the class. */
  label: number;
  /** Its share, which is the accuracy. */
  share: number;
  macroF1: number;
}

/** @param labels of the rows, class indices; not empty */
export function majorityOf(labels: readonly number[]): Majority {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const [label, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a));
  // F1 of the class is 2 TP / (rows said + rows there); of every other class it is 0.
  return { label, share: count / labels.length, macroF1: (2 * count) / (labels.length + count) / counts.size };
}

/** Neither more accurate than the commonest class nor a tenth of the way from its macro-F1 to 1. */
export function isAtChance({ accuracy, macroF1 }: Metrics, majority: Majority): boolean {
  return accuracy! <= majority.share && macroF1! <= majority.macroF1 + leastWay * (1 - majority.macroF1);
}

/**
 * Perplexity on `measured` of saying each token as often as it occurs in `seen`, each of the vocabulary once more, so that none is
 * impossible (Laplace).
 */
export function frequencyPerplexity(seen: Iterable<number>, measured: Iterable<number>, vocabulary: number): number {
  const counts = new Map<number, number>();
  let all = vocabulary;
  for (const token of seen) {
    counts.set(token, (counts.get(token) ?? 1) + 1);
    all++;
  }
  let [sum, tokens] = [0, 0];
  for (const token of measured) {
    sum -= Math.log((counts.get(token) ?? 1) / all);
    tokens++;
  }
  return Math.exp(sum / tokens);
}

export interface Baseline {
  task: Task;
  train: Examples;
  validation: Examples;
  /** Class names by index. */
  labels?: readonly string[] | undefined;
  vocabulary: number;
}

/** @param measured the teacher's, on validation */
export function teacherAlert(
  measured: Metrics,
  { task, train, validation, labels, vocabulary }: Baseline,
): Complaint | undefined {
  if (task === 'text-classification' && validation.at(0)!.labels instanceof Float32Array) {
    return measured.rmse === undefined ? precisionAlert(measured, validation) : meanAlert(measured, validation);
  }
  if (task === 'text-classification') {
    const majority = majorityOf(classesOf(validation));
    if (!isAtChance(measured, majority)) return undefined;
    const [accuracy, share] = [formatShare(measured.accuracy), formatShare(majority.share)];
    return complaint('teacher-at-chance', { label: labels?.[majority.label] ?? '', accuracy, share });
  }
  if (task === 'token-classification') {
    const majority = majorityOf([...countedTokens(validation)]);
    if (measured.accuracy! > majority.share || (measured.entityF1 ?? 0) > leastWay) return undefined;
    const [accuracy, share] = [formatShare(measured.accuracy), formatShare(majority.share)];
    return complaint('teacher-at-chance', { label: labels?.[majority.label] ?? '', accuracy, share });
  }
  if (task === 'sentence-embedding') return similarityAlert(measured);
  const frequency = frequencyPerplexity(countedTokens(train), countedTokens(validation), vocabulary);
  if (measured.perplexity! < frequency) return undefined;
  const [perplexity, shown] = [formatQuantity(measured.perplexity), formatQuantity(frequency)];
  return complaint('teacher-at-frequency', { perplexity, frequency: shown });
}

/** A tenth of the way from no correlation to 1; without scores there is nothing to hold a teacher against. */
function similarityAlert({ spearman }: Metrics): Complaint | undefined {
  if (spearman === undefined || spearman > leastWay) return undefined;
  return complaint('teacher-at-no-correlation', { spearman: metricFacts.spearman.format(spearman) });
}

/** A tenth of the way from the mean precision of a random order, which is the share of rows that a label applies to, to 1. */
function precisionAlert({ meanAveragePrecision }: Metrics, validation: Examples): Complaint | undefined {
  const rows = numbersOf(validation);
  const shares = Array.from(rows[0]!, (_, label) => rows.reduce((sum, row) => sum + row[label]!, 0) / rows.length);
  const present = shares.filter((share) => share > 0);
  const random = present.reduce((sum, share) => sum + share, 0) / Math.max(1, present.length);
  if (meanAveragePrecision! > random + leastWay * (1 - random)) return undefined;
  const [precision, prevalence] = [formatShare(meanAveragePrecision), formatShare(random)];
  return complaint('teacher-at-prevalence', { precision, prevalence });
}

/** A tenth less than the labels' standard deviation, which is the error of always saying their mean. */
function meanAlert({ rmse }: Metrics, validation: Examples): Complaint | undefined {
  const values = numbersOf(validation).map(([value]) => value!);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  if (rmse! < (1 - leastWay) * deviation) return undefined;
  return complaint('teacher-at-mean', { rmse: formatQuantity(rmse), mean: formatQuantity(deviation) });
}

function numbersOf(examples: Examples): Float32Array[] {
  return Array.from({ length: examples.length }, (_, index) => examples.at(index)!.labels as Float32Array);
}

function classesOf(examples: Examples): number[] {
  return Array.from({ length: examples.length }, (_, index) => examples.at(index)!.labels as number);
}

function* countedTokens(examples: Examples): Iterable<number> {
  for (let index = 0; index < examples.length; index++) {
    for (const label of examples.at(index)!.labels as Int32Array) if (label !== notCounted) yield label;
  }
}
