/** @file How uPlot draws the lines of a chart: curves, areas, and the bands between them. */

import type uPlot from 'uplot';
import { bandPath } from './band-path';
import type { Line } from './line';

/** A colour that a canvas understands, of an expression of the theme's variables. */
export type Colour = (expression: string) => string;

/**
 * A line is one series, or two where its raw values are drawn behind it.
 * @param isThinned whether the curve of that place among all is drawn from the extremes of stretches
 */
export function plotSeries(
  lines: readonly Line[],
  colour: Colour,
  isThinned: (column: number) => boolean,
): uPlot.Series[] {
  const all: uPlot.Series[] = [];
  for (const [index, line] of lines.entries()) {
    const column = all.length;
    all.push(...seriesOf(line, index === 0, colour, () => isThinned(column)), ...(line.band ? [edge, edge] : []));
  }
  return all;
}

const base: uPlot.Series = { points: { show: false }, spanGaps: true };

function seriesOf(line: Line, isFirst: boolean, colour: Colour, isThinned: () => boolean): uPlot.Series[] {
  const width = line.width ?? 1.5;
  const faded = (share: number): string => `color-mix(in srgb, ${line.ink} ${share}%, transparent)`;
  const ink = line.faint ? faded(40) : line.ink;
  const curve = (expression: string, thickness: number): uPlot.Series => {
    const stroke = (): string => colour(expression);
    return { ...base, stroke, fill: stroke, width: thickness, paths: bandPath(isThinned, thickness) };
  };
  if (line.raw) return [curve(faded(line.faint ? 12 : 38), 1), stroked(line, ink, isFirst, colour)];
  return [line.kind === 'curve' && !line.dashed ? curve(ink, width) : stroked(line, ink, isFirst, colour)];
}

/** Its two edges are drawn by nothing but what is filled between them. */
const edge: uPlot.Series = { ...base, width: 0 };

function stroked(line: Line, ink: string, isFirst: boolean, colour: Colour): uPlot.Series {
  const isArea = line.kind === 'area';
  return {
    ...base,
    stroke: () => colour(ink),
    width: isArea ? 1 : (line.width ?? 1.5),
    ...(line.dashed && { dash: [4, 3] }),
    ...(isArea && isFirst && { fill: () => areaFill(line, colour) }),
  };
}

const areaFill = ({ ink }: Line, colour: Colour): string => colour(`color-mix(in srgb, ${ink} 30%, transparent)`);

/** Areas are stacked: each but the lowest is filled down to the one below it. What several seeds make is filled too. */
export function plotBands(lines: readonly Line[], colour: Colour): uPlot.Band[] {
  const bands: uPlot.Band[] = [];
  let below: number | undefined;
  let last = 0;
  for (const line of lines) {
    last += line.raw ? 2 : 1;
    if (line.kind === 'area') {
      if (below !== undefined) bands.push({ series: [last, below], fill: () => areaFill(line, colour) });
      below = last;
    }
    if (line.band) {
      bands.push({ series: [last + 2, last + 1], fill: () => bandFill(line, colour) });
      last += 2;
    }
  }
  return bands;
}

const bandFill = ({ ink }: Line, colour: Colour): string => colour(`color-mix(in srgb, ${ink} 22%, transparent)`);
