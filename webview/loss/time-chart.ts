/** @file A chart over training time: uPlot draws the lines, SVG above it the cursor, marks and labels. */

import { css, html, LitElement, nothing, svg, unsafeCSS, type PropertyValues, type SVGTemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import uPlot from 'uplot';
import uPlotSheet from 'uplot/dist/uPlot.min.css';
import { markShape } from '../icons';
import { place } from '../place';
import { shared } from '../styles';
import { clockLabels, clockTicks, linearTicks, logTicks, tickLabels, wholeTicks } from '../../src/protocol/ticks';
import { ceiling, nearestIndex, type Axis } from './curves';
import type { Line } from './figures';
import { onThemeChange, resolveColour } from './palette';

/** A row of names and numbers at the right of a stacked chart, tied to the end of its line by a leader. */
export interface EndLabel {
  name: string;
  value: string;
  ink: string;
  /** Where the leader starts, in the chart's values. */
  at: number;
  strong?: boolean;
}

/** Sent when a person points at a place of the axis. */
export class PointEvent extends CustomEvent<number> {
  constructor(x: number) {
    super('point', { detail: x });
  }
}

const axisWidth = 48;
const axisHeight = 20;
const endLabelWidth = 256;
const endLabelPitch = 18;

// The type is a const enum of a declaration file, which a bundler cannot read.
const logarithmic: object = { distr: 3 };

/** Text above a plot is set to its left where it would not fit to its right. */
const labelRoom = 88;

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
      .ends {
        position: absolute;
        top: 0;
        width: 232px;
        font-size: 11px;
        line-height: 16px;
        pointer-events: none;
      }
    `,
  ];

  @property({ attribute: false }) lines: readonly Line[] = [];
  @property({ attribute: false }) axis: Axis = 'step';
  /** Where the axis ends. */
  @property({ attribute: false }) end = 1;
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

  #plot: uPlot | undefined;
  #structure = '';
  #width = 0;
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
      this.lines.map(({ name, ink, kind, dashed, width, raw }) => [name, ink, kind, dashed, width, raw !== undefined]),
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

  #data(): uPlot.AlignedData {
    const tables = this.lines.map(({ x, y, raw }): uPlot.AlignedData =>
      raw ? [[...x], [...raw], [...y]] : [[...x], [...y]],
    );
    if (tables.length === 0) return [[]];
    return tables.length === 1 ? tables[0]! : uPlot.join(tables);
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
        x: { time: false, range: () => [0, this.end] },
        y: { ...(this.logScale ? logarithmic : {}), range: () => this.#valueRange() },
      },
      axes: [
        {
          ...common,
          size: axisHeight,
          gap: 6,
          grid: { show: false },
          border: { show: true, width: 1, stroke: () => this.#colour('var(--axis)') },
          splits: (_plot, _axis, low, high) => this.#axisTicks(low, high),
          values: (_plot, ticks) => (this.axis === 'clock' ? clockLabels(ticks) : tickLabels(ticks)),
        },
        {
          ...common,
          size: axisWidth,
          gap: 8,
          grid,
          splits: (_plot, _axis, low, high) => this.#valueTicks(low, high),
          // uPlot thins the values of a logarithmic axis out; ours are few already.
          filter: (_plot, ticks) => ticks,
          values: (_plot, ticks) => this.#valueLabels(ticks),
        },
      ],
      series: [{}, ...this.lines.flatMap((line, i) => this.#series(line, i))],
      bands: this.#bands(),
      hooks: { draw: [() => this.requestUpdate('cursor')] },
    };
  }

  #series(line: Line, index: number): uPlot.Series[] {
    const base: uPlot.Series = { points: { show: false }, spanGaps: true };
    const own: uPlot.Series = {
      ...base,
      stroke: () => this.#colour(line.ink),
      width: line.width ?? 1.5,
      ...(line.dashed && { dash: [4, 3] }),
      ...(line.kind === 'area' && { width: 1 }),
      ...(line.kind === 'area' && index === 0 && { fill: () => this.#areaFill(line) }),
    };
    if (!line.raw) return [own];
    return [{ ...base, stroke: () => this.#colour(`color-mix(in srgb, ${line.ink} 38%, transparent)`), width: 1 }, own];
  }

  #areaFill(line: Line): string {
    return this.#colour(`color-mix(in srgb, ${line.ink} 30%, transparent)`);
  }

  /** Areas are stacked: each but the lowest is filled down to the one below it. */
  #bands(): uPlot.Band[] {
    const areas = this.lines.flatMap((line, i) => (line.kind === 'area' ? [{ line, series: i + 1 }] : []));
    return areas.slice(1).map(({ line, series }) => ({
      series: [series, series - 1],
      fill: () => this.#areaFill(line),
    }));
  }

  /** Room for the last label of the axis; for the end labels too, unless the part not yet trained leaves it. */
  #rightPadding(): number {
    const least = 24;
    if (this.ends.length === 0) return least;
    const trained = Math.max(0.05, (this.lines.at(-1)?.x.at(-1) ?? 0) / this.end);
    const widest = this.#width - axisWidth - least;
    return this.#width - axisWidth - Math.min(widest, (this.#width - axisWidth - endLabelWidth) / trained);
  }

  #valueRange(): [number, number] {
    const values = this.lines.flatMap((line) => line.y);
    if (values.length === 0) return [0, 1];
    if (this.logScale) {
      const raw = this.lines.flatMap((line) => line.raw ?? []);
      const positive = [...values, ...raw].filter((value) => value > 0);
      if (positive.length === 0) return [0.1, 1];
      return [least(positive) * 0.9, most(positive) * 1.1];
    }
    if (this.zero) return [0, ceiling(values, this.ignoreOutliers) || 1];
    const own = this.lines[0]!;
    const high = this.ignoreOutliers && own.mark ? ceiling(values, values.length > 20) : most(values);
    const low = least(values);
    const margin = 0.08 * (high - low) || 0.05 * Math.abs(high) || 1;
    // A reference at the edge has its name beyond it.
    const named = this.lines.filter(({ kind }) => kind === 'reference').map((line) => line.y[0]!);
    const room = (edge: number): number => (named.includes(edge) ? 3 * margin : margin);
    return [low - room(low), high + room(high)];
  }

  #valueTicks(low: number, high: number): number[] {
    const count = Math.max(2, Math.floor((this.height - axisHeight) / 36));
    return this.logScale ? logTicks(low, high, count) : linearTicks(low, high, count);
  }

  #valueLabels(ticks: readonly number[]): string[] {
    const labels = tickLabels(ticks.map((tick) => tick / this.unit));
    return this.share ? labels.map((label) => label.replace(/^0\./, '.').replace(/^1\.0+$/, '1')) : labels;
  }

  #axisTicks(low: number, high: number): number[] {
    const count = Math.max(2, Math.min(6, Math.floor(this.#width / 96)));
    return this.axis === 'clock' ? clockTicks(high, count) : wholeTicks(low, high, count);
  }

  #overlay(plot: uPlot): unknown {
    const ratio = devicePixelRatio;
    const box = {
      left: plot.bbox.left / ratio,
      top: plot.bbox.top / ratio,
      width: plot.bbox.width / ratio,
      height: plot.bbox.height / ratio,
    };
    const X = (value: number): number => plot.valToPos(value, 'x');
    const Y = (value: number): number => plot.valToPos(value, 'y');
    return html`<svg
      class="plot overlay"
      width=${box.width}
      height=${box.height}
      aria-hidden="true"
      @pointermove=${this.#point}
      @pointerdown=${this.#point}
      ${place({ left: `${box.left}px`, top: `${box.top}px` })}
    >
      <rect width=${box.width} height=${box.height} fill="transparent" />
      ${this.#cut(plot, X)} ${this.lines.map((line) => this.#lineMarks(line, X, Y, box.height))}
      ${this.#cursorLine(X, Y, box)} ${this.#lineLabels(X, Y, box)} ${this.#endLabels(X, Y, box)}
    </svg>`;
  }

  readonly #point = (event: PointerEvent): void => {
    const target = event.currentTarget as SVGElement;
    const fraction = (event.clientX - target.getBoundingClientRect().left) / target.clientWidth;
    this.dispatchEvent(new PointEvent(Math.min(1, Math.max(0, fraction)) * this.end));
  };

  /** Says from where a curve comes that is cut at the top. */
  #cut(plot: uPlot, X: (x: number) => number): SVGTemplateResult | typeof nothing {
    const line = this.lines.at(-1)?.kind === 'curve' && this.ends.length > 0 ? this.lines.at(-1)! : this.lines[0]!;
    const top = plot.scales.y!.max!;
    const first = line.y[0];
    if (first === undefined || first <= top) return nothing;
    const enters = line.y.findIndex((value) => value <= top);
    const x = X(line.x[Math.max(0, enters)]!);
    return svg`<text class="halo" x=${x + 12} y="10">from ${this.format(first)}</text>`;
  }

  #lineMarks(line: Line, X: (x: number) => number, Y: (y: number) => number, height: number): unknown {
    if (!line.mark) return nothing;
    return line.x.map((x, i) => {
      const y = Y(line.y[i]!);
      return y < 0 || y > height ? nothing : markShape(line.mark!, X(x), y, 3);
    });
  }

  #cursorLine(
    X: (x: number) => number,
    Y: (y: number) => number,
    box: { width: number; height: number },
  ): SVGTemplateResult | typeof nothing {
    if (this.cursor === undefined || this.cursor > this.end * 1.0001) return nothing;
    const x = Math.round(X(this.cursor)) + 0.5;
    const line = this.lines.findLast(({ kind, dashed, mark }) => kind === 'curve' && !dashed && !mark);
    const value = line?.y[nearestIndex(line.x, this.cursor)];
    const y = value === undefined ? -1 : Y(value);
    const toLeft = box.width - x < labelRoom;
    return svg`${
      this.pinned
        ? svg`<line class="cursor" x1=${x} x2=${x} y1=${this.cursorLabel === undefined ? 0 : -8} y2=${box.height}/>`
        : nothing
    }
      ${
        y >= 0 && y <= box.height
          ? svg`<circle cx=${x} cy=${y} r="3" fill=${line!.ink} stroke="var(--vscode-editor-background)"/>`
          : nothing
      }
      ${
        this.cursorLabel === undefined
          ? nothing
          : svg`<text class="now halo" x=${x + (toLeft ? -6 : 6)} y="2" text-anchor=${toLeft ? 'end' : 'start'}>${this.cursorLabel}</text>`
      }`;
  }

  /** A line's name at its end, above it or, where two would meet, below. */
  #lineLabels(X: (x: number) => number, Y: (y: number) => number, box: { width: number; height: number }): unknown {
    const taken: number[] = [];
    return this.lines
      .filter(({ label, x }) => label !== undefined && x.length > 0)
      .map((line) => {
        const x = Math.min(box.width, X(line.x.at(-1)!));
        const end = Y(line.y.at(-1)!);
        const own = this.lines[0]!.y.at(-1);
        const below = line.kind === 'reference' ? end > box.height / 2 : own !== undefined && Y(own) < end - 1;
        let y = below ? end + (line.mark ? 16 : 12) : end - 8;
        if (y < 6 || taken.some((other) => Math.abs(other - y) < 12)) y = end + 16;
        taken.push(y);
        return svg`<text class="halo" x=${x} y=${y} text-anchor="end" fill=${line.ink}>
          <tspan fill=${line.ink}>${line.label!}</tspan></text>`;
      });
  }

  #endLabels(
    X: (x: number) => number,
    Y: (y: number) => number,
    box: { width: number; height: number },
  ): SVGTemplateResult | typeof nothing {
    if (this.ends.length === 0) return nothing;
    const x = X(this.lines.at(-1)?.x.at(-1) ?? 0);
    let limit = box.height - 10;
    const rows = [...this.ends]
      .sort((a, b) => a.at - b.at)
      .map((end) => {
        const from = Math.max(0, Y(end.at));
        const y = Math.min(from, limit);
        limit = y - endLabelPitch;
        return { ...end, from, y };
      });
    const top = rows.at(-1)!.y;
    return svg`<text x=${x + 232} y=${top - 14} text-anchor="end">${this.endsTitle}</text>
      ${rows.map(
        ({ name, value, ink, from, y, strong }) => svg`
          <path d="M${x + 2} ${from}L${x + 18} ${y}" fill="none" stroke=${ink} stroke-width="1"/>
          <text x=${x + 24} y=${y + 4} class=${strong ? 'now' : ''}><tspan fill=${ink}>${name}</tspan></text>
          <text x=${x + 232} y=${y + 4} text-anchor="end" class=${strong ? 'now' : ''}>
            <tspan fill="var(--vscode-foreground)">${value}</tspan></text>`,
      )}`;
  }
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Infinity);
}

function most(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-time-chart': TimeChart;
  }
}
