/** @file A chart over training time: uPlot draws the lines, SVG above it the cursor, marks and labels. */

import { css, html, LitElement, nothing, unsafeCSS, type PropertyValues } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import uPlot from 'uplot';
import uPlotSheet from 'uplot/dist/uPlot.min.css';
import { inlineStyles } from '../base/inline-styles';
import { shared } from '../look/styles';
import { chartFile } from './chart-file';
import {
  brushed,
  cursorLine,
  cut,
  endLabels,
  endLabelWidth,
  lineLabels,
  lineMarks,
  type EndLabel,
  type Geometry,
} from './chart-overlay';
import { ChartPointer } from './chart-pointer';
import { axisLabels, axisTicks, valueLabels, valueRange, valueTicks } from './chart-scale';
import { thin, type Points } from './column';
import type { Axis, Line } from './line';
import { onThemeChange, resolveColour } from '../look/palette';
import { plotBands, plotSeries } from './plot-series';

/** Of the value axis, at least: charts of one page begin at one place unless their numbers are long. */
const axisWidth = 48;
/** Between its numbers and the plot. */
const axisGap = 8;
const axisHeight = 20;

// The type is a const enum of a declaration file, which a bundler cannot read.
const logarithmic: object = { distr: 3 };

/** A curve this far from the pointer, in pixels, is meant by a click. */
const reach = 14;

@customElement('lab-time-chart')
export class TimeChart extends LitElement {
  static override styles = [
    unsafeCSS(uPlotSheet),
    shared,
    css`
      :host {
        display: block;
        position: relative;
        min-width: 0;
      }
      .uplot {
        font-family: inherit;
      }
      .overlay {
        position: absolute;
        cursor: crosshair;
        touch-action: pan-y;
      }
      .brush {
        fill: var(--vscode-focusBorder);
        fill-opacity: 0.18;
        stroke: var(--vscode-focusBorder);
      }
    `,
  ];

  @property({ attribute: false }) lines: readonly Line[] = [];
  @property({ attribute: false }) axis: Axis = 'step';
  /** Where the axis ends. */
  @property({ attribute: false }) end = 1;
  /** The part of it that is shown. */
  @property({ attribute: false }) range: readonly [number, number] = [0, 1];
  @property({ attribute: false }) zero = true;
  @property({ attribute: false }) logScale = false;
  @property({ attribute: false }) ignoreOutliers = true;
  @property({ attribute: false }) format: (value: number) => string = String;
  /** Value axis labels are divided by this. */
  @property({ attribute: false }) unit = 1;
  /** The values cannot exceed 1: labels have no leading zero. */
  @property({ attribute: false }) share = false;
  /** The shared cursor's place on the axis. */
  @property({ attribute: false }) cursor: number | undefined;
  /** Whether a person put the cursor there; else only the dot at the latest value shows. */
  @property({ attribute: false }) pinned = false;
  @property({ attribute: false }) cursorLabel: string | undefined;
  @property({ attribute: false }) ends: readonly EndLabel[] = [];
  @property({ attribute: false }) endsTitle = '';
  @property({ attribute: false }) height = 128;

  readonly #pointer = new ChartPointer(this);
  #plot: uPlot | undefined;
  /** Which of the curves, raw ones too, are drawn from the extremes of stretches. */
  #thinned: boolean[] = [];
  #structure = '';
  #width = 0;
  /** Measures the axis' numbers. */
  #context: CanvasRenderingContext2D | null = null;
  #colours = new Map<string, string>();
  #stopListening: (() => void) | undefined;
  readonly #observer = new ResizeObserver(([entry]) => this.#resize(entry!.contentRect.width));

  override connectedCallback(): void {
    super.connectedCallback();
    this.#observer.observe(this);
    this.#stopListening = onThemeChange(() => {
      this.#colours.clear();
      this.#plot?.redraw(false, true);
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer.disconnect();
    this.#stopListening?.();
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  override render(): unknown {
    const plot = this.#plot;
    // uPlot has its scales only after its first drawing.
    return html`<div class="frame"></div>
      <span class="probe" hidden></span>
      ${plot && typeof plot.scales.y?.max === 'number' ? this.#overlay(plot) : nothing}`;
  }

  override updated(changed: PropertyValues<this>): void {
    if (this.#width === 0) return;
    // The cursor moves with the pointer: it is drawn above the plot, which stays as it is.
    const still = ['cursor', 'pinned', 'cursorLabel', 'ends', 'endsTitle'];
    if (this.#plot && [...changed.keys()].every((key) => still.includes(String(key)))) return;
    const structure = JSON.stringify([
      this.logScale,
      this.axis,
      this.unit,
      this.lines.map(({ x, y, raw, band, ...look }) => [look, raw !== undefined, band !== undefined]),
    ]);
    if (this.#plot && structure === this.#structure) {
      this.#plot.setData(this.#data());
      if (changed.has('height')) this.#plot.setSize({ width: this.#width, height: this.height });
      return;
    }
    this.#structure = structure;
    this.#plot?.destroy();
    this.#plot = new uPlot(this.#options(), this.#data(), this.renderRoot.querySelector<HTMLElement>('.frame')!);
  }

  #resize(width: number): void {
    const whole = Math.floor(width);
    if (whole === 0 || whole === this.#width) return;
    this.#width = whole;
    if (this.#plot) this.#plot.setSize({ width: whole, height: this.height });
    else this.requestUpdate('lines');
  }

  /** What the plot can show of the lines: a few points for each pixel of its width. */
  #data(): uPlot.AlignedData {
    const [from, to] = this.range;
    const buckets = Math.max(64, this.#width - axisWidth);
    // A smoothed curve is a line before the band of its raw values; alone, a curve is the band that it fills.
    const tables = this.lines.flatMap(({ x, y, raw, kind, band }): Points[] => [
      ...(raw ? [thin(x, raw, from, to, buckets)] : []),
      thin(x, y, from, to, buckets, raw || kind === 'area' ? 'line' : 'band'),
      ...(band ? [band.low, band.high].map((edge) => thin(x, edge, from, to, buckets, 'line')) : []),
    ]);
    this.#thinned = tables.map(({ isThinned }) => isThinned);
    const [first] = tables;
    if (!first) return [[]];
    // Few points of one training have one axis: there is nothing to be joined.
    const isOne = this.lines.every(({ x }) => x === this.lines[0]!.x) && tables.every(({ isThinned }) => !isThinned);
    if (isOne) return [first.x, ...tables.map(({ y }) => y)];
    return uPlot.join(tables.map(({ x, y }): uPlot.AlignedData => [x, y]));
  }

  #colour(expression: string): string {
    let colour = this.#colours.get(expression);
    if (colour === undefined) {
      colour = resolveColour(this.renderRoot.querySelector<HTMLElement>('.probe')!, expression);
      this.#colours.set(expression, colour);
    }
    return colour;
  }

  #options(): uPlot.Options {
    const colour = (expression: string): string => this.#colour(expression);
    const font = `11px ${getComputedStyle(this).fontFamily}`;
    const common = { font, ticks: { show: false }, stroke: () => this.#colour('var(--muted)') };
    const grid = { stroke: () => this.#colour('var(--grid)'), width: 1 };
    return {
      width: this.#width,
      height: this.height,
      padding: [8, () => this.#rightPadding(), 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: () => [...this.range] },
        y: { ...(this.logScale ? logarithmic : {}), range: () => valueRange(this.lines, this.range, this) },
      },
      axes: [
        {
          ...common,
          size: axisHeight,
          gap: 6,
          grid: { show: false },
          border: { show: true, width: 1, stroke: () => this.#colour('var(--axis)') },
          splits: (_plot, _axis, low, high) => axisTicks(this.axis, low, high, this.#width),
          values: (_plot, ticks) => axisLabels(this.axis, ticks),
        },
        {
          ...common,
          // Before its first drawing there are none, which its types do not say.
          size: (_plot, labels: string[] | null) => this.#axisWidth(labels ?? []),
          gap: axisGap,
          grid,
          splits: (_plot, _axis, low, high) => valueTicks(low, high, this.height - axisHeight, this.logScale),
          // uPlot thins the values of a logarithmic axis out; ours are few already.
          filter: (_plot, ticks) => ticks,
          values: (_plot, ticks) => valueLabels(ticks, this.unit, this.share),
        },
      ],
      series: [{}, ...plotSeries(this.lines, colour, (column) => this.#thinned[column] === true)],
      bands: plotBands(this.lines, colour),
      hooks: { draw: [() => this.requestUpdate('cursor')] },
    };
  }

  /** In pixels: a number that is cut at its start, such as `2 × 10⁻⁵`, is another number. */
  #axisWidth(labels: readonly string[]): number {
    this.#context ??= document.createElement('canvas').getContext('2d');
    if (!this.#context) return axisWidth;
    this.#context.font = `11px ${getComputedStyle(this).fontFamily}`;
    const widest = labels.map((label) => this.#context!.measureText(label).width);
    return Math.max(axisWidth, Math.ceil(Math.max(0, ...widest)) + axisGap);
  }

  /** Room for the last label of the axis; for the end labels too, unless the part not yet trained leaves it. */
  #rightPadding(): number {
    const least = 24;
    if (this.ends.length === 0) return least;
    const [from, to] = this.range;
    const trained = Math.min(1, Math.max(0.05, ((this.lines.at(-1)?.x.last ?? 0) - from) / (to - from)));
    const widest = this.#width - axisWidth - least;
    return this.#width - axisWidth - Math.min(widest, (this.#width - axisWidth - endLabelWidth) / trained);
  }

  #geometry(plot: uPlot): Geometry {
    const ratio = devicePixelRatio;
    return {
      left: plot.bbox.left / ratio,
      top: plot.bbox.top / ratio,
      width: plot.bbox.width / ratio,
      height: plot.bbox.height / ratio,
      X: (value) => plot.valToPos(value, 'x'),
      Y: (value) => plot.valToPos(value, 'y'),
    };
  }

  #overlay(plot: uPlot): unknown {
    const box = this.#geometry(plot);
    const { lines, ends } = this;
    const first = ends.length > 0 ? lines.at(-1)! : lines[0]!;
    const cursor = { at: this.cursor, pinned: this.pinned, label: this.cursorLabel };
    return html`<svg
      class="plot overlay"
      width=${box.width}
      height=${box.height}
      aria-hidden="true"
      @pointermove=${this.#pointer.move}
      @pointerdown=${this.#pointer.down}
      @pointerup=${this.#pointer.up}
      @dblclick=${this.#pointer.reset}
      @wheel=${this.#pointer.wheel}
      ${inlineStyles({ left: `${box.left}px`, top: `${box.top}px` })}
    >
      <rect width=${box.width} height=${box.height} fill="transparent" />
      ${brushed(this.#pointer.brush, box)} ${cut(first, this.range, plot.scales.y!.max!, this.format, box)}
      ${lines.map((line) => lineMarks(line, this.range, box))} ${cursorLine(lines, cursor, box)}
      ${lineLabels(lines, box)} ${endLabels(ends, this.endsTitle, lines.at(-1)?.x.last ?? 0, box)}
    </svg>`;
  }

  redrawOverlay(): void {
    this.requestUpdate('cursor');
  }

  /** The run whose curve is nearest to a place of the overlay, where one is near. */
  runAt(x: number, y: number): string | undefined {
    if (!this.#plot) return undefined;
    const { X, Y } = this.#geometry(this.#plot);
    const at = this.#plot.posToVal(x, 'x');
    const away = this.lines
      .filter(({ run }) => run !== undefined)
      .map(({ run, x: xs, y: ys }) => {
        const i = xs.nearest(at);
        return { run, distance: Math.abs(X(xs.at(i)) - x) > reach ? Infinity : Math.abs(Y(ys.at(i)) - y) };
      });
    const near = away.filter(({ distance }) => distance <= reach).sort((a, b) => a.distance - b.distance);
    return near[0]?.run;
  }

  /** The chart as an SVG file, in the theme's colours. */
  svg(title: string, note: string): string | undefined {
    const { min, max } = this.#plot?.scales.y ?? {};
    if (typeof min !== 'number' || typeof max !== 'number') return undefined;
    const size = { width: this.#width, height: this.height, axisHeight };
    return chartFile(this, { title, note, values: [min, max], size });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-time-chart': TimeChart;
  }
}
