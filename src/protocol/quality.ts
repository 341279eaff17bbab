/** @file What metrics are called, how they read and which way they are better; and quality, the one by which a task's models are judged. */

import { formatQuantity, formatShare, formatSigned } from './format';
import type { AlertRecord, EvaluationRecord, Interval, LabelKind, Metrics, Task } from './records';

export type MetricKey = keyof Metrics;

interface MetricFacts {
  /** Within a sentence, in English. */
  name: string;
  higherIsBetter: boolean;
  /** It cannot exceed 1. */
  isShare: boolean;
  /** The least that it can be. */
  least: number;
  format: (value: number | undefined) => string;
}

// Not the function itself: it takes decimals too, which map() would give it.
const share = {
  higherIsBetter: true,
  isShare: true,
  least: 0,
  format: (value: number | undefined) => formatShare(value),
};
const quantity = { higherIsBetter: false, isShare: false, least: 0, format: formatQuantity };
const correlation = {
  ...share,
  least: -1,
  format: (value: number | undefined) => (value === undefined ? formatShare(value) : formatSigned(value, formatShare)),
};

export const metricFacts: Readonly<Record<MetricKey, MetricFacts>> = {
  accuracy: { name: 'accuracy', ...share },
  entityF1: { name: 'entity F1', ...share },
  meanAveragePrecision: { name: 'mAP', ...share },
  microF1: { name: 'micro-F1', ...share },
  macroF1: { name: 'macro-F1', ...share },
  perplexity: { name: 'perplexity', ...quantity },
  rmse: { name: 'RMSE', ...quantity },
  pearson: { name: 'Pearson', ...correlation },
  spearman: { name: 'Spearman', ...correlation },
  loss: { name: 'loss', ...quantity },
  agreement: { name: 'agreement', ...share },
  teacherKl: { name: 'KL to teacher', ...quantity },
  teacherRmse: { name: 'RMSE to teacher', ...quantity },
  teacherCosine: { name: 'cosine to teacher', ...correlation },
  calibrationError: { name: 'calibration error', ...share, higherIsBetter: false },
};

/** The metrics that can be a task's quality (decision 43). */
export type QualityKey =
  'entityF1' | 'meanAveragePrecision' | 'macroF1' | 'rmse' | 'perplexity' | 'accuracy' | 'spearman' | 'teacherCosine';

export interface Quality extends MetricFacts {
  key: QualityKey;
  /** The name as a title. */
  title: string;
}

/** In this order: metrics of several labels have macro-F1 too, nearly all have accuracy, and numbers a Spearman. */
const qualities: Readonly<Record<QualityKey, Quality>> = {
  entityF1: { key: 'entityF1', title: 'Entity F1', ...metricFacts.entityF1 },
  meanAveragePrecision: {
    key: 'meanAveragePrecision',
    title: 'mAP',
    ...metricFacts.meanAveragePrecision,
  },
  macroF1: { key: 'macroF1', title: 'Macro-F1', ...metricFacts.macroF1 },
  rmse: { key: 'rmse', title: 'RMSE', ...metricFacts.rmse },
  perplexity: { key: 'perplexity', title: 'Perplexity', ...metricFacts.perplexity },
  accuracy: { key: 'accuracy', title: 'Accuracy', ...metricFacts.accuracy },
  spearman: { key: 'spearman', title: 'Spearman', ...metricFacts.spearman },
  teacherCosine: { key: 'teacherCosine', title: 'Cosine to teacher', ...metricFacts.teacherCosine },
};

const qualityOfLabels: Readonly<Record<LabelKind, QualityKey>> = {
  single: 'macroF1',
  multiple: 'meanAveragePrecision',
  regression: 'rmse',
  entities: 'entityF1',
  similarity: 'spearman',
};

/** @param labels what those of a classification are, or of embeddings whether pairs have scores */
export function qualityOf(task: Task, labels: LabelKind = 'single'): Quality {
  if (task === 'sentence-embedding') return qualities[labels === 'similarity' ? 'spearman' : 'teacherCosine'];
  if (task === 'token-classification') return qualities[labels === 'entities' ? 'entityF1' : 'accuracy'];
  return qualities[task === 'text-classification' ? qualityOfLabels[labels] : 'perplexity'];
}

/** The quality that metrics of a task that is not told have; undefined where they have none. */
export function qualityIn(metrics: Metrics): Quality | undefined {
  return Object.values(qualities).find(({ key }) => metrics[key] !== undefined);
}

/** How much better `own` is than `other`: above 0 is better, for perplexity and RMSE too. */
export function improvement({ higherIsBetter }: Pick<Quality, 'higherIsBetter'>, own: number, other: number): number {
  return higherIsBetter ? own - other : other - own;
}

/** Whether an evaluation is better than another: by quality, and of the same quality by a lower loss. The best one's checkpoint is kept. */
export function isBetterEvaluation(own: Metrics, other: Metrics): boolean {
  const quality = qualityIn(own)!;
  const gained = improvement(quality, own[quality.key]!, other[quality.key]!);
  return gained === 0 ? own.loss! < other.loss! : gained > 0;
}

/** Whether metrics have a quality, and a better one than the others, if those have one. */
export function hasBetterQuality(own: Metrics, others: Metrics | undefined): boolean {
  const quality = qualityIn(own);
  if (!quality) return false;
  const other = others?.[quality.key];
  return other === undefined || improvement(quality, own[quality.key]!, other) > 0;
}

/**
 * The model's quality over the teacher's, turned round where lower is better, so that 1 is as good as the teacher. Undefined
 * where a metric is missing or the teacher's quality is 0.
 */
export function retention({ key, higherIsBetter }: Quality, teacher: Metrics, own: Metrics): number | undefined {
  const [numerator, denominator] = higherIsBetter ? [own[key], teacher[key]] : [teacher[key], own[key]];
  const kept = numerator === undefined || denominator === undefined ? undefined : numerator / denominator;
  return Number.isFinite(kept) ? kept : undefined;
}

/**
 * How much better `own` is than `other` on the scale on which gaps are measured: macro-F1, mAP and RMSE themselves; for perplexity the
 * difference of its logarithms, nats a token.
 */
export function advantage({ key }: Pick<Quality, 'key'>, own: number, other: number): number {
  if (key === 'perplexity') return Math.log(other) - Math.log(own);
  return improvement(qualities[key], own, other);
}

/** The metrics of the three that a distillation is judged by. */
export interface Trio {
  teacher: Metrics;
  student: Metrics;
  control: Metrics;
}

/**
 * How much of the way from the control to the teacher the student went: (control − student) / (control − teacher), 1 where it
 * is as good as the teacher, below 0 where the control is better. Undefined where a metric is missing, and where the teacher
 * is no better than the control, so that there is no way to go.
 */
export function gapClosed(quality: Quality, { teacher, student, control }: Trio): number | undefined {
  const [goal, own, start] = [teacher[quality.key], student[quality.key], control[quality.key]];
  if (goal === undefined || own === undefined || start === undefined) return undefined;
  const whole = advantage(quality, goal, start);
  return whole > 0 ? advantage(quality, own, start) / whole : undefined;
}

/** Whether a run has warned that its teacher is no better than what knows nothing. */
export function isTeacherAtChance(alerts: readonly AlertRecord[] | undefined): boolean {
  return (alerts ?? []).some(({ code }) => code?.startsWith('teacher-at-'));
}

/** What an interval of the gain over the control says: `unclear` where it holds 0. */
export type Verdict = 'helped' | 'hurt' | 'unclear';

export function verdictOf([low, high]: Interval): Verdict {
  if (low > 0) return 'helped';
  return high < 0 ? 'hurt' : 'unclear';
}

/** The mean of each metric that all have; undefined where one has none at all. */
export function meanMetrics(all: readonly (Metrics | undefined)[]): Metrics | undefined {
  const [first, ...others] = all;
  if (!first || others.some((one) => one === undefined)) return undefined;
  const shared = (Object.keys(first) as MetricKey[]).filter((key) => others.every((one) => one![key] !== undefined));
  const mean = (key: MetricKey): number => all.reduce((sum, one) => sum + one![key]!, 0) / all.length;
  return Object.fromEntries(shared.map((key) => [key, mean(key)]));
}

/** The student's best validation result so far. Undefined before the first evaluation. */
export function bestMetrics(evaluations: readonly EvaluationRecord[]): Metrics | undefined {
  let best: Metrics | undefined;
  for (const { role, split, metrics } of evaluations) {
    if (role !== 'student' || split !== 'validation') continue;
    if (best === undefined || hasBetterQuality(metrics, best)) best = metrics;
  }
  return best;
}
