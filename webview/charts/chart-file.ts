/** @file A chart over training time as an SVG file. */

import { svgText } from '../../src/protocol/drawing/shapes';
import { timeDrawing } from '../../src/protocol/drawing/time-drawing';
import { axisLabels, axisTicks, valueLabels, valueTicks } from './chart-scale';
import { thin } from './column';
import type { Axis, Line } from './line';
import { themeColours } from '../look/palette';

/** What of the chart on screen the file shows too. */
interface ChartLook {
  lines: readonly Line[];
  axis: Axis;
  range: readonly [number, number];
  logScale: boolean;
  unit: number;
  share: boolean;
}

interface ChartFrame {
  title: string;
  note: string;
  /** Ends of the value axis. */
  values: readonly [number, number];
  size: { width: number; height: number; axisHeight: number };
}

export function chartFile(look: ChartLook, { title, note, values: [low, high], size }: ChartFrame): string {
  const [from, to] = look.range;
  const ticks = (positions: number[], labels: string[]) => positions.map((at, i) => ({ at, label: labels[i]! }));
  const xs = axisTicks(look.axis, from, to, size.width);
  const ys = valueTicks(low, high, size.height - size.axisHeight, look.logScale);
  const drawn = timeDrawing({
    title,
    note: note !== '' ? note : undefined,
    width: size.width + 48,
    height: size.height + 46,
    lines: look.lines.map(({ x, y, kind, band, ...rest }) => ({
      ...rest,
      ...thin(x, y, from, to, size.width),
      area: kind === 'area',
      ...(band && {
        band: {
          low: thin(x, band.low, from, to, size.width, 'line'),
          high: thin(x, band.high, from, to, size.width, 'line'),
        },
      }),
    })),
    x: { from, to, ticks: ticks(xs, axisLabels(look.axis, xs)) },
    y: { from: low, to: high, ticks: ticks(ys, valueLabels(ys, look.unit, look.share)), logarithmic: look.logScale },
  });
  return svgText(drawn, themeColours());
}
