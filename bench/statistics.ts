/** @file What is made of a handful of timings. */

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;

/** The middle value; the mean of the two middle ones where their number is even. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error('no value has no median');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Half the distance from the lowest to the highest value, as a share of the median: how far the machine was from quiet. */
export function relativeSpread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / 2 / median(values);
}

/** |a − b| as a share of the larger of the two, or of `floor` where both are smaller. */
export function relativeDifference(a: number, b: number, floor: number): number {
  return Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b), floor);
}
