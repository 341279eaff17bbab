/** @file The Loss tab: the total with its parts, and a small chart for everything else that a training logs. */

import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatCount, formatDuration, formatQuantity, formatSetting, formatShare } from '../../src/protocol/format';
import type { RunSnapshot } from '../../src/protocol/panel';
import { ChooseEvent, type Choices } from '../choices';
import { icon } from '../icons';
import { place } from '../place';
import { shared } from '../styles';
import { componentWeight, nearestIndex, presentComponents, spread, type Axis, type Component } from './curves';
import { componentNames, smallFigures, totalFigure, viewOf, weightLabel, type Figure, type View } from './figures';
import './time-chart';
import type { EndLabel, PointEvent } from './time-chart';

const axes: readonly [Axis, string][] = [
  ['step', 'Step'],
  ['epoch', 'Epoch'],
  ['clock', 'Clock'],
];

/** Rows that a table shows of a longer curve. */
const tableRows = 60;

@customElement('lab-loss')
export class LossView extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      .bar {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px 20px;
        min-height: 42px;
        padding: 7px 16px;
        border-bottom: 1px solid var(--rule);
      }
      .bar label {
        display: inline-flex;
        align-items: center;
        gap: 8px;
        white-space: nowrap;
      }
      .bar input[type='range'] {
        width: 112px;
      }
      .bar output {
        min-width: 24px;
      }
      vscode-checkbox {
        margin: 0;
      }
      .segments {
        display: inline-flex;
        height: 26px;
        margin: 0;
        padding: 0;
        border: 1px solid var(--vscode-input-border, var(--rule));
        border-radius: 2px;
        background: var(--vscode-input-background);
      }
      .segments label {
        position: relative;
        padding: 0 10px;
        cursor: pointer;
      }
      .segments label + label {
        border-left: 1px solid var(--vscode-input-border, var(--rule));
      }
      .segments input {
        position: absolute;
        inset: 0;
        width: auto;
        margin: 0;
        appearance: none;
        cursor: pointer;
        outline-offset: 2px;
      }
      .segments label:has(input:checked) {
        background: var(--vscode-inputOption-activeBackground);
        color: var(--vscode-inputOption-activeForeground);
        box-shadow: inset 0 0 0 1px var(--vscode-inputOption-activeBorder);
      }
      .line {
        width: 20px;
        height: 8px;
        fill: none;
        stroke: currentColor;
        stroke-width: 1.5;
      }
      .chip[aria-pressed='true'] {
        background: none;
        border-color: var(--axis);
        color: var(--vscode-foreground);
      }
      .chip[aria-pressed='false'] {
        border-style: dashed;
        color: var(--muted);
      }
      .charts {
        display: grid;
        gap: 16px;
        padding: 12px 16px 16px;
      }
      .total:focus-visible {
        outline-offset: 4px;
      }
      .formula {
        color: var(--muted);
        font-size: 11px;
        font-weight: 400;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 16px;
        margin-top: 8px;
        font-size: 11px;
        line-height: 16px;
      }
      .small-charts {
        display: grid;
        grid-template-columns: repeat(4, minmax(0, 1fr));
        gap: 16px 24px;
      }
      figure {
        min-width: 0;
      }
      figure h3 .title {
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .small-charts table {
        font-size: 12px;
      }
      .scroll {
        max-height: 260px;
      }
      .waiting {
        padding: 48px 16px;
        color: var(--muted);
        text-align: center;
      }
      @media (max-width: 1080px) {
        .small-charts {
          grid-template-columns: repeat(2, minmax(0, 1fr));
        }
      }
      @media (max-width: 640px) {
        .bar {
          padding: 8px 12px;
        }
        .charts {
          padding: 12px;
        }
        .small-charts {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  @property({ attribute: false }) run!: RunSnapshot;
  @property({ attribute: false }) choices!: Choices;
  @property({ attribute: false }) narrow = false;

  #made: { key: unknown[]; view: View | undefined; total?: Figure; small: Figure[] } | undefined;

  override render(): unknown {
    const { view, total, small } = this.#figures();
    return html`${this.#bar()}
    ${
      view && total
        ? html`<div class="charts">
            ${this.#total(view, total)}
            <div class="small-charts">${small.map((figure) => this.#small(view, figure))}</div>
          </div>`
        : html`<p class="waiting">${this.#waiting()}</p>`
    }`;
  }

  /** Figures are made again only when data or choices that shape them change, not when the cursor moves. */
  #figures(): { view: View | undefined; total?: Figure; small: Figure[] } {
    const { axis, smoothing, showControl, series } = this.choices;
    const key = [this.run, axis, smoothing, showControl, series];
    if (this.#made && key.every((part, i) => part === this.#made!.key[i])) return this.#made;
    const view = viewOf(this.run, this.choices);
    this.#made = view ? { key, view, total: totalFigure(view), small: smallFigures(view) } : { key, view, small: [] };
    return this.#made;
  }

  #waiting(): string {
    switch (this.run.record.status) {
      case 'queued':
        return 'This run waits for its turn. Curves appear with its first step.';
      case 'running':
        return 'Preparing. Curves appear with the first step.';
      default:
        return 'This run ended before its first step.';
    }
  }

  #choose(choice: Partial<Choices>): void {
    this.dispatchEvent(new ChooseEvent(choice));
  }

  #bar(): unknown {
    const { axis, smoothing, logScale, ignoreOutliers, showControl, tables } = this.choices;
    const hasControl = this.run.series.some(({ role, metrics }) => role === 'control' && metrics.length > 0);
    const trained = this.run.series.filter(({ role, metrics }) => role !== 'control' && metrics.length > 0);
    const main = this.#made?.view?.main;
    return html`<div class="bar" role="toolbar" aria-label="Charts">
      <fieldset class="segments">
        <legend class="spoken">Axis</legend>
        ${axes.map(
          ([value, name]) =>
            html`<label
              ><input
                type="radio"
                name="axis"
                value=${value}
                .checked=${axis === value}
                @change=${() => this.#choose({ axis: value })}
              />${name}</label
            >`,
        )}
      </fieldset>
      <label>
        Smoothing
        <input
          id="smoothing"
          type="range"
          min="0"
          max="0.99"
          step="0.01"
          .value=${String(smoothing)}
          aria-valuetext=${smoothing === 0 ? 'none' : formatShare(smoothing, 2)}
          @input=${(event: Event) => this.#choose({ smoothing: Number((event.target as HTMLInputElement).value) })}
          ${place({ '--fill': `${(100 * smoothing) / 0.99}%` })}
        />
        <output class="number">${smoothing === 0 ? '0' : formatShare(smoothing, 2)}</output>
      </label>
      <vscode-checkbox
        .checked=${logScale}
        @change=${(event: Event) => this.#choose({ logScale: (event.target as HTMLInputElement).checked })}
        >Log scale</vscode-checkbox
      >
      <vscode-checkbox
        .checked=${ignoreOutliers}
        @change=${(event: Event) => this.#choose({ ignoreOutliers: (event.target as HTMLInputElement).checked })}
        >Ignore outliers</vscode-checkbox
      >
      <span class="spacer"></span>
      ${
        trained.length > 1
          ? trained.map(
              ({ name, role }) =>
                html`<button
                  class="chip"
                  aria-pressed=${main?.name === name}
                  @click=${() => this.#choose({ series: name, cursor: undefined })}
                >
                  <svg class="line" viewBox="0 0 20 8" aria-hidden="true"><path d="M0 4H20" /></svg>
                  ${role === 'teacher' ? "Teacher's training" : "Student's"}
                </button>`,
            )
          : nothing
      }
      ${
        hasControl && main?.role === 'student'
          ? html`<button
              class="chip"
              aria-pressed=${showControl}
              title="The same student, trained without distillation"
              @click=${() => this.#choose({ showControl: !showControl })}
            >
              <svg class="line" viewBox="0 0 20 8" aria-hidden="true"><path d="M0 4H20" stroke-dasharray="4 3" /></svg>
              Control
            </button>`
          : nothing
      }
      <button
        class="icon-button"
        id="tables"
        title="Tables instead of charts (t)"
        aria-label="Tables instead of charts"
        aria-pressed=${tables}
        @click=${() => this.#choose({ tables: !tables })}
      >
        ${icon('table')}
      </button>
    </div>`;
  }

  /** Index of the record under the cursor in the shown training; the last where the cursor follows the run. */
  #index({ main }: View): number {
    const { cursor } = this.choices;
    if (cursor === undefined) return main.metrics.length - 1;
    return nearestIndex(
      main.metrics.map(({ step }) => step),
      cursor,
    );
  }

  #pointAt(view: View, x: number): void {
    const step = view.main.metrics[nearestIndex(view.x, x)]?.step;
    if (step !== undefined && step !== this.choices.cursor) this.#choose({ cursor: step });
  }

  #cursorLabel(view: View, index: number): string {
    const record = view.main.metrics[index]!;
    switch (this.choices.axis) {
      case 'step':
        return `step ${formatCount(record.step)}`;
      case 'epoch':
        return `epoch ${record.epoch.toFixed(2)}, step ${formatCount(record.step)}`;
      case 'clock':
        return `${formatDuration(view.x[index])}, step ${formatCount(record.step)}`;
    }
  }

  #total(view: View, figure: Figure): unknown {
    const index = this.#index(view);
    const { metrics } = view.main;
    const record = metrics[index]!;
    const ends = this.#ends(view, figure, index);
    const said = `${this.#cursorLabel(view, index)}: ${ends.map(({ name, value }) => `${name} ${value}`).join(', ')}`;
    return html`<figure>
      <h3>${figure.title} <span class="formula">${this.#formula(view, index)}</span></h3>
      ${
        this.choices.tables
          ? this.#table(figure, 'Each part times its weight; the last column is what is back-propagated.')
          : html`<div
                class="total"
                id="total"
                tabindex="0"
                role="slider"
                aria-label="${figure.title}, step cursor"
                aria-valuemin=${metrics[0]!.step}
                aria-valuemax=${metrics.at(-1)!.step}
                aria-valuenow=${record.step}
                aria-valuetext=${said}
                @keydown=${(event: KeyboardEvent) => this.#walk(event, view, index)}
              >
                <lab-time-chart
                  .lines=${figure.lines}
                  .axis=${this.choices.axis}
                  .end=${view.end}
                  .ignoreOutliers=${this.choices.ignoreOutliers}
                  .format=${figure.format}
                  .cursor=${view.x[index]}
                  .cursorLabel=${this.choices.cursor === undefined ? undefined : this.#cursorLabel(view, index)}
                  .ends=${this.narrow ? [] : ends}
                  .endsTitle=${this.choices.cursor === undefined ? 'latest' : `at step ${formatCount(record.step)}`}
                  .height=${this.narrow ? 200 : 240}
                  @point=${(event: PointEvent) => this.#pointAt(view, event.detail)}
                ></lab-time-chart>
              </div>
              ${this.narrow ? this.#legend(ends) : nothing}`
      }
    </figure>`;
  }

  #legend(ends: readonly EndLabel[]): unknown {
    return html`<div class="legend">
      ${ends.map(
        ({ name, value, ink }) =>
          html`<span><span ${place({ color: ink })}>${name}</span> <span class="number">${value}</span></span>`,
      )}
    </div>`;
  }

  /** `α·T²·soft + (1 − α)·hard + .5·hidden, with α = .7 and T = 2`. */
  #formula({ main, run }: View, index: number): unknown {
    const record = main.metrics[index]!;
    const parts = presentComponents(main.metrics);
    if (parts.length < 2) return nothing;
    const { experiment } = run;
    const term: Record<Component, unknown> = {
      soft: html`α·${experiment.scaleByTemperatureSquared ? 'T²·' : ''}<span class="ink-soft">soft</span>`,
      hard: html`(1 − α)·<span class="ink-hard">hard</span>`,
      hidden: html`${formatSetting(experiment.hidden?.weight ?? 1)}·<span class="ink-hidden">hidden</span>`,
      attention: html`${formatSetting(experiment.attention?.weight ?? 1)}·<span class="ink-attention">attention</span>`,
    };
    const order: Component[] = ['soft', 'hard', 'hidden', 'attention'];
    const terms = order
      .filter((part) => parts.includes(part))
      .map((part, i) => html`${i > 0 ? ' + ' : ''}${term[part]}`);
    const settings = [
      ...(record.alpha === undefined ? [] : [`α = ${formatSetting(record.alpha)}`]),
      ...(record.temperature === undefined ? [] : [`T = ${formatSetting(record.temperature)}`]),
    ];
    return html`${terms}${settings.length > 0 ? `, with ${settings.join(' and ')}` : ''}`;
  }

  #ends(view: View, figure: Figure, index: number): EndLabel[] {
    const record = view.main.metrics[index]!;
    const areas = figure.lines.filter(({ kind }) => kind === 'area');
    const total = figure.lines.at(-1)!;
    const parts = presentComponents(view.main.metrics);
    const labels = areas.map((line, i): EndLabel => {
      const under = areas[i - 1]?.y;
      const last = line.y.length - 1;
      const component = parts[i]!;
      const weight = componentWeight(component, record, view.run.experiment);
      const suffix = weight === 1 ? '' : ` ${weightLabel(component, record, view.run.experiment)}`;
      return {
        name: `${view.main.role === 'teacher' ? 'Cross-entropy' : componentNames[component]}${suffix}`,
        value: formatQuantity(line.y[index]! - (under?.[index] ?? 0)),
        ink: line.ink,
        at: (line.y[last]! + (under?.[last] ?? 0)) / 2,
      };
    });
    const whole = { name: 'Total', value: formatQuantity(total.y[index]), ink: total.ink, at: total.y.at(-1)! };
    return labels.length > 1 ? [...labels, { ...whole, strong: true }] : [{ ...whole, strong: true }];
  }

  #walk(event: KeyboardEvent, { main: { metrics } }: View, index: number): void {
    const big = Math.max(1, Math.round(metrics.length / 20));
    const moves: Record<string, number> = {
      ArrowLeft: index - 1,
      ArrowRight: index + 1,
      PageUp: index + big,
      PageDown: index - big,
      Home: 0,
      End: metrics.length - 1,
    };
    const to = moves[event.key];
    if (event.key === 'Escape') this.#choose({ cursor: undefined });
    else if (to === undefined) return;
    else this.#choose({ cursor: metrics[Math.min(metrics.length - 1, Math.max(0, to))]!.step });
    event.preventDefault();
    event.stopPropagation();
  }

  #small(view: View, figure: Figure): unknown {
    const index = this.#index(view);
    const own = figure.lines[0]!;
    const { value, at } = this.#valueAt(view, own, index);
    const text = figure.format(value);
    return html`<figure>
      <h3>
        <span class="title ${figure.ink ?? ''}">${figure.title}</span>
        <span class="value number">${text}${at === undefined ? nothing : html` <span class="muted">${at}</span>`}</span>
      </h3>
      <p class="note" title=${figure.note}>${figure.note}</p>
      ${
        this.choices.tables
          ? this.#table(figure)
          : html`<lab-time-chart
              role="img"
              aria-label="${figure.title}: ${text}${at === undefined ? '' : ` ${at}`}"
              .lines=${figure.lines}
              .axis=${this.choices.axis}
              .end=${view.end}
              .zero=${figure.zero}
              .unit=${figure.unit ?? 1}
              .logScale=${this.choices.logScale && figure.key !== 'learningRate'}
              .ignoreOutliers=${this.choices.ignoreOutliers}
              .format=${figure.format}
              .cursor=${view.x[index]}
              @point=${(event: PointEvent) => this.#pointAt(view, event.detail)}
            ></lab-time-chart>`
      }
    </figure>`;
  }

  /** A curve's value under the cursor; for evaluations that of the last one before it, and when that was. */
  #valueAt(view: View, line: Figure['lines'][number], index: number): { value: number | undefined; at?: string } {
    const x = view.x[index] ?? 0;
    if (!line.mark) return { value: line.y[nearestIndex(line.x, x)] };
    const last = Math.max(
      0,
      line.x.findLastIndex((place) => place <= x * 1.0001),
    );
    const place = line.x[last];
    if (place === undefined) return { value: undefined };
    const step = view.main.metrics[nearestIndex(view.x, place)]?.step ?? 0;
    return { value: line.y[last], at: `at ${formatCount(step)}` };
  }

  #table(figure: Figure, caption?: string): unknown {
    const own = figure.lines[0]!;
    const stacked = figure.lines.some(({ kind }) => kind === 'area');
    const rows = spread(own.x.length, tableRows);
    const cell = (line: Figure['lines'][number], column: number, x: number): string => {
      const i = nearestIndex(line.x, x);
      const below = stacked && line.kind === 'area' ? (figure.lines[column - 1]?.y[i] ?? 0) : 0;
      return figure.format(line.y[i]! - below);
    };
    const thinned = rows.length < own.x.length ? `${rows.length} of ${formatCount(own.x.length)} rows. ` : '';
    return html`<div class="scroll" tabindex="0" role="region" aria-label="${figure.title}, table">
      <table class="data">
        ${
          thinned !== '' || caption !== undefined
            ? html`<caption>
                ${thinned}${caption ?? ''}
              </caption>`
            : nothing
        }
        <thead>
          <tr>
            <th scope="col">${axes.find(([axis]) => axis === this.choices.axis)![1]}</th>
            ${figure.lines.map(({ name }) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => {
            const x = own.x[row]!;
            return html`<tr>
              <td>${this.#axisText(x)}</td>
              ${figure.lines.map((line, column) => html`<td>${cell(line, column, x)}</td>`)}
            </tr>`;
          })}
        </tbody>
      </table>
    </div>`;
  }

  #axisText(x: number): string {
    switch (this.choices.axis) {
      case 'step':
        return formatCount(x);
      case 'epoch':
        return x.toFixed(2);
      case 'clock':
        return formatDuration(x);
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-loss': LossView;
  }
}
