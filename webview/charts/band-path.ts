/** @file How a curve of very many points is painted: as the band that it fills, not as a zigzag stroked from peak to peak. */

import uPlot from 'uplot';

const linear = uPlot.paths.linear!();

/**
 * A path builder for uPlot. A thinned curve, whose points are least and largest in turn, becomes one filled shape at least as
 * thick as its line: to stroke its peaks one by one costs many times as much. Others are stroked as ever.
 * @param width of the line in CSS pixels
 */
export function bandPath(isThinned: () => boolean, width: number): uPlot.Series.PathBuilder {
  return (plot, series, from, to) => {
    if (!isThinned()) {
      const paths = linear(plot, series, from, to);
      // The series has a fill for its band alone.
      return paths && { ...paths, fill: null };
    }
    const half = (width * devicePixelRatio) / 2;
    const fill = new Path2D();
    const lower: [number, number][] = [];
    for (const { x, low, high } of pairs(plot, series, from, to)) {
      const at = plot.valToPos(x, 'x', true);
      const top = plot.valToPos(high, 'y', true) - half;
      if (lower.length === 0) fill.moveTo(at, top);
      else fill.lineTo(at, top);
      lower.push([at, plot.valToPos(low, 'y', true) + half]);
    }
    for (const [x, y] of lower.reverse()) fill.lineTo(x, y);
    fill.closePath();
    return { stroke: null, fill, clip: null, flags: 1 };
  };
}

/** Least and largest of each stretch. A pair that the plot's edge cuts through gives those of its neighbours' halves. */
function* pairs(
  { data }: uPlot,
  series: number,
  from: number,
  to: number,
): Generator<{ x: number; low: number; high: number }> {
  let first: number | undefined;
  for (let i = from; i <= to; i++) {
    const value = data[series]![i];
    if (value === null || value === undefined) continue;
    if (first === undefined) {
      first = value;
      continue;
    }
    yield { x: data[0][i]!, low: Math.min(first, value), high: Math.max(first, value) };
    first = undefined;
  }
}
