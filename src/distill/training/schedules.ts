/** @file What changes over a run: learning rate, temperature, alpha. Plain numbers, computed for each update. */

export interface LearningRateSchedule {
  /** The rate at the end of the warm-up. */
  learningRate: number;
  schedule: 'linear' | 'cosine' | 'constant';
  /** Below 1 a fraction of the updates, from 1 on a number of updates. */
  warmup: number;
  /** What the rate falls to, as a part of learningRate; 0 where absent. */
  minLearningRateRatio?: number | undefined;
  /** Updates of the whole run. */
  updates: number;
}

/**
 * Rate of the k-th update, counted from 0, as transformers' get_{linear,cosine,constant}_schedule_with_warmup and
 * get_cosine_with_min_lr_schedule_with_warmup: it rises linearly from 0 (so the first update of a warm-up changes nothing), then falls to
 * its least, which the update after the last has.
 */
export function learningRateAt(
  k: number,
  { learningRate, schedule, warmup, minLearningRateRatio = 0, updates }: LearningRateSchedule,
): number {
  const warmupUpdates = warmup < 1 ? Math.ceil(warmup * updates) : Math.trunc(warmup);
  if (k < warmupUpdates) return (learningRate * k) / warmupUpdates;
  const progress = Math.min(1, (k - warmupUpdates) / Math.max(1, updates - warmupUpdates));
  if (schedule === 'constant') return learningRate;
  const remaining = schedule === 'linear' ? 1 - progress : cosineFall(progress);
  return learningRate * (minLearningRateRatio + (1 - minLearningRateRatio) * remaining);
}

/** A number, or a number that changes from the first update to the last. */
export type Scheduled = number | { from: number; to: number; schedule: 'linear' | 'cosine' };

/** What of an objective may change from step to step, so that a recorded graph takes it as an input. */
export interface StepValues<Value> {
  /** Divides the logits of student and teacher in the distillation loss. */
  temperature: Value;
  /** Weight of the distillation loss; the student loss has 1 − α. */
  alpha: Value;
}

/** At the k-th of `updates` updates, k from 0. */
export function valuesAt(
  { temperature, alpha }: StepValues<Scheduled>,
  k: number,
  updates: number,
): StepValues<number> {
  return { temperature: scheduledValue(temperature, k, updates), alpha: scheduledValue(alpha, k, updates) };
}

/** What it begins with. */
export const initialValue = (value: Scheduled): number => (typeof value === 'number' ? value : value.from);

/** Value at the k-th of `updates` updates, k from 0: `from` at the first, `to` at the last. */
export function scheduledValue(value: Scheduled, k: number, updates: number): number {
  if (typeof value === 'number') return value;
  const progress = Math.min(1, k / Math.max(1, updates - 1));
  const remaining = value.schedule === 'linear' ? 1 - progress : cosineFall(progress);
  return value.to + (value.from - value.to) * remaining;
}

/** Half a cosine wave: 1 at 0, 0 at 1. */
const cosineFall = (progress: number): number => (1 + Math.cos(Math.PI * progress)) / 2;
