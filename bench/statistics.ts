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

/** y = fixed + slope · x by least squares, and R², the share of y's variance that it explains: 1 where the points lie on the line. */
export interface StraightLine {
  fixed: number;
  slope: number;
  explained: number;
}

export function straightLine(points: readonly { x: number; y: number }[]): StraightLine {
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const sum = (of: (dx: number, dy: number) => number): number =>
    points.reduce((total, { x, y }) => total + of(x - meanX, y - meanY), 0);
  const covariance = sum((dx, dy) => dx * dy);
  const slope = covariance / sum((dx) => dx * dx);
  const explained = (slope * covariance) / sum((_, dy) => dy * dy);
  return { fixed: meanY - slope * meanX, slope, explained };
}
