/** @file The student's best validation result so far, for runs that have no comparison yet. */

import type { EvaluationRecord, Metrics } from '../../protocol/records';

/** Largest macro-F1, or least perplexity where there is none. Undefined before the first evaluation. */
export function bestMetrics(evaluations: readonly EvaluationRecord[]): Metrics | undefined {
  let best: Metrics | undefined;
  for (const { role, split, metrics } of evaluations) {
    if (role !== 'student' || split !== 'validation') continue;
    if (best === undefined || quality(metrics) > quality(best)) best = metrics;
  }
  return best;
}

function quality({ macroF1, perplexity }: Metrics): number {
  return macroF1 ?? -(perplexity ?? Infinity);
}
