/** @file What stands above a chart's curves: cursor, brush, marks, names at the lines' ends. */

import * as l10n from '@vscode/l10n';
import { nothing, svg, type SVGTemplateResult } from 'lit';
import { markShape } from '../look/marks';
import type { Line } from './line';

/** A row of names and numbers at the right of a stacked chart, tied to the end of its line by a leader. */
export interface EndLabel {
  name: string;
  value: string;
  ink: string;
  /** Where the leader starts, in the chart's values. */
  at: number;
  strong?: boolean;
}

export const endLabelWidth = 256;
const endLabelPitch = 18;

/** Text above a plot is set to its left where it would not fit to its right. */
const labelRoom = 88;

/** The plot's place in its chart, in CSS pixels, and its scales. */
export interface Geometry {
  left: number;
  top: number;
  width: number;
  height: number;
  X: (x: number) => number;
  Y: (y: number) => number;
}

type Drawn = SVGTemplateResult | typeof nothing;

export function brushed(brush: [number, number] | undefined, { height }: Geometry): Drawn {
  if (!brush) return nothing;
  return svg`<rect class="brush" x=${brush[0]} width=${brush[1] - brush[0]} y="0" height=${height}/>`;
}

/** Says from where a curve comes that is cut at the top. */
export function cut(
  line: Line,
  range: readonly [number, number],
  top: number,
  format: (value: number) => string,
  { X }: Geometry,
): Drawn {
  const first = line.x.firstFrom(range[0]);
  const begins = line.y.at(first);
  if (!(begins > top)) return nothing;
  let enters = first;
  while (enters < line.y.length && !(line.y.at(enters) <= top)) enters++;
  const x = X(line.x.at(Math.min(enters, line.x.length - 1)));
  return svg`<text class="halo" x=${x + 12} y="10">${l10n.t('from {0}', format(begins))}</text>`;
}

/** Marks stand no closer than this, in pixels: nearer ones would be one, and a page holds only so many. */
const markPitch = 6;

/** A mark at each point of the part that is shown; where they are many at each second, fourth, eighth, so that those that are there stay. */
export function lineMarks(
  line: Line,
  [from, to]: readonly [number, number],
  { X, Y, width, height }: Geometry,
): unknown {
  if (!line.mark) return nothing;
  const end = Math.min(line.x.length, line.x.firstFrom(to) + 1);
  const first = line.x.firstFrom(from);
  const stride = 2 ** Math.max(0, Math.ceil(Math.log2(((end - first) * markPitch) / width)));
  const marks: unknown[] = [];
  for (let i = Math.ceil(first / stride) * stride; i < end; i += stride) {
    const [left, top] = [X(line.x.at(i)), Y(line.y.at(i))];
    if (left >= 0 && left <= width && top >= 0 && top <= height) marks.push(markShape(line.mark, left, top, 3));
  }
  return marks;
}

/** Where the shared cursor is; whether a person put it there: else only the dot at the latest value shows. */
interface Cursor {
  at: number | undefined;
  pinned: boolean;
  label: string | undefined;
}

export function cursorLine(
  lines: readonly Line[],
  { at, pinned, label }: Cursor,
  { X, Y, width, height }: Geometry,
): Drawn {
  if (at === undefined) return nothing;
  const x = Math.round(X(at)) + 0.5;
  if (x < 0 || x > width + 1) return nothing;
  const toLeft = width - x < labelRoom;
  const dots = lines.filter(({ kind, dashed, mark }) => kind === 'curve' && !dashed && !mark);
  return svg`${
    pinned ? svg`<line class="cursor" x1=${x} x2=${x} y1=${label === undefined ? 0 : -8} y2=${height}/>` : nothing
  }
    ${dots.map((line) => {
      const y = Y(line.y.at(line.x.nearest(at)));
      return y >= 0 && y <= height
        ? svg`<circle cx=${x} cy=${y} r="3" fill=${line.ink} stroke="var(--vscode-editor-background)"/>`
        : nothing;
    })}
    ${
      label === undefined
        ? nothing
        : svg`<text class="now halo" x=${x + (toLeft ? -6 : 6)} y="2" text-anchor=${toLeft ? 'end' : 'start'}>${label}</text>`
    }`;
}

/** A line's name at its end, above it or, where two would meet, below. */
export function lineLabels(lines: readonly Line[], { X, Y, width, height }: Geometry): unknown {
  const taken: number[] = [];
  return lines
    .filter(({ label, x }) => label !== undefined && x.length > 0)
    .map((line) => {
      const x = Math.min(width, X(line.x.last));
      if (x < 0) return nothing;
      const end = Y(line.y.last);
      const own = lines[0]!.y.last;
      const below = line.kind === 'reference' ? end > height / 2 : Y(own) < end - 1;
      let y = below ? end + (line.mark ? 16 : 12) : end - 8;
      if (y < 6 || taken.some((other) => Math.abs(other - y) < 12)) y = end + 16;
      taken.push(y);
      return svg`<text class="halo" x=${x} y=${y} text-anchor="end" fill=${line.ink}>
        <tspan fill=${line.ink}>${line.label!}</tspan></text>`;
    });
}

export function endLabels(
  ends: readonly EndLabel[],
  title: string,
  end: number,
  { X, Y, width, height }: Geometry,
): Drawn {
  if (ends.length === 0) return nothing;
  const x = Math.min(width, X(end));
  let limit = height - 10;
  const rows = [...ends]
    .sort((a, b) => a.at - b.at)
    .map((row) => {
      const from = Math.max(0, Y(row.at));
      const y = Math.min(from, limit);
      limit = y - endLabelPitch;
      return { ...row, from, y };
    });
  return svg`<text x=${x + 232} y=${rows.at(-1)!.y - 14} text-anchor="end">${title}</text>
    ${rows.map(
      ({ name, value, ink, from, y, strong }) => svg`
        <path d="M${x + 2} ${from}L${x + 18} ${y}" fill="none" stroke=${ink} stroke-width="1"/>
        <text x=${x + 24} y=${y + 4} class=${strong ? 'now' : ''}><tspan fill=${ink}>${name}</tspan></text>
        <text x=${x + 232} y=${y + 4} text-anchor="end" class=${strong ? 'now' : ''}>
          <tspan fill="var(--vscode-foreground)">${value}</tspan></text>`,
    )}`;
}
