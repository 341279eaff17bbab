/** @file Numbers of earlier runs that were none: JSON has null for NaN and infinity, and a null counts as 0 in a sum. */

import type { Comparison, ComparisonRow, Metrics } from '../protocol/records';

/** For JSON.parse of records in which every null stands for a number that was none: such a field is absent. */
export const dropNulls = (_key: string, value: unknown): unknown => value ?? undefined;

/** A comparison without such numbers, which rows then name in `notFinite`: what needs them is left out, not guessed. */
export function withoutNulls(comparison: Comparison): Comparison {
  return { ...comparison, rows: comparison.rows.map(rowWithoutNulls) };
}

function rowWithoutNulls(row: ComparisonRow): ComparisonRow {
  const metrics = Object.entries(row.metrics);
  const lost = metrics.filter(([, value]) => !Number.isFinite(value)).map(([name]) => name as keyof Metrics);
  const { retention, gain, gapClosed, intervals, calibration, ...others } = row;
  const whole = (numbers: readonly unknown[]): boolean => numbers.every(Number.isFinite);
  const kept = Object.entries(intervals ?? {}).filter(([, interval]) => whole(interval));
  return {
    ...others,
    metrics: Object.fromEntries(metrics.filter(([, value]) => Number.isFinite(value))),
    ...(Number.isFinite(retention) && { retention: retention! }),
    ...(gain && whole([gain.value, ...gain.interval]) && { gain }),
    ...(gapClosed && whole([gapClosed.value, ...gapClosed.interval]) && { gapClosed }),
    ...(kept.length > 0 && { intervals: Object.fromEntries(kept) }),
    ...(calibration && {
      calibration: calibration.filter(({ confidence, accuracy }) => whole([confidence, accuracy])),
    }),
    ...(lost.length > 0 && { notFinite: lost }),
  };
}
