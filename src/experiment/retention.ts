/** @file How much of the teacher's quality a model keeps. */

import type { Metrics, Task } from '../protocol/records';

/**
 * The model's quality over the teacher's: macro-F1 over the teacher's, or the teacher's perplexity over its own, so that 1
 * is as good as the teacher. Undefined where a metric is missing or the teacher's quality is 0.
 */
export function retention(task: Task, teacher: Metrics, own: Metrics): number | undefined {
  const share =
    task === 'text-classification' ? ratio(own.macroF1, teacher.macroF1) : ratio(teacher.perplexity, own.perplexity);
  return share !== undefined && Number.isFinite(share) ? share : undefined;
}

function ratio(numerator: number | undefined, denominator: number | undefined): number | undefined {
  return numerator === undefined || denominator === undefined ? undefined : numerator / denominator;
}
