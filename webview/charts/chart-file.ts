/** @file A chart over training time as an SVG file. */

import { paperColours, svgText } from '../../src/protocol/drawing/shapes';
import { timeDrawing } from '../../src/protocol/drawing/time-drawing';
import { axisLabels, axisTicks, valueLabels, valueTicks } from './chart-scale';
import { thin } from './column';
import type { Axis, Line } from './line';
import { plainColour } from '../look/palette';
import type { Colour } from './plot-series';

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

export function chartFile(
  look: ChartLook,
  { title, note, values: [low, high], size }: ChartFrame,
  colour: Colour,
): string {
  const [from, to] = look.range;
  const ticks = (places: number[], labels: string[]) => places.map((at, i) => ({ at, label: labels[i]! }));
  const xs = axisTicks(look.axis, from, to, size.width);
  const ys = valueTicks(low, high, size.height - size.axisHeight, look.logScale);
  const drawn = timeDrawing({
    title,
    ...(note !== '' && { note }),
    width: size.width + 48,
    height: size.height + 46,
    lines: look.lines.map(({ x, y, kind, ...rest }) => ({
      ...rest,
      ...thin(x, y, from, to, size.width),
      area: kind === 'area',
    })),
    x: { from, to, ticks: ticks(xs, axisLabels(look.axis, xs)) },
    y: { from: low, to: high, ticks: ticks(ys, valueLabels(ys, look.unit, look.share)), logarithmic: look.logScale },
  });
  return svgText(drawn, themeColours(colour));
}

/** The drawing's colours as the theme has them now. */
function themeColours(colour: Colour): Record<string, string> {
  const own: Record<string, string> = { background: '--vscode-editor-background', foreground: '--vscode-foreground' };
  const names = Object.keys(paperColours);
  return Object.fromEntries(names.map((name) => [name, plainColour(colour(`var(${own[name] ?? `--${name}`})`))]));
}
