/** @file The Loss tab: the total with its parts, and a small chart for everything else that a training logs. */

import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatCount, formatDuration, formatQuantity, formatSetting } from '../../src/protocol/format';
import type { RunSnapshot } from '../../src/protocol/lab-data';
import { ChooseEvent, type Choices } from '../choices';
import { place } from '../place';
import { shared } from '../styles';
import { componentWeight, nearestIndex, presentComponents, type Component } from './curves';
import { componentNames, smallFigures, totalFigure, viewOf, weightLabel, type Figure, type View } from './figures';
import { figureTable } from './figure-table';
import './time-chart';
import './toolbar';
import type { EndLabel, PointEvent } from './time-chart';

/** Charts abreast on a wide page, so that the last row is not left nearly empty. */
function columns(charts: number): number {
  return charts === 5 || charts === 6 ? 3 : Math.min(4, charts);
}

@customElement('lab-loss')
export class LossView extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
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
        grid-template-columns: repeat(var(--columns), minmax(0, 1fr));
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
        .charts {
          padding: 12px;
        }
        figure h3 {
          flex-wrap: wrap;
          gap: 0 8px;
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
    return html`<lab-loss-bar .run=${this.run} .choices=${this.choices} .main=${view?.main}></lab-loss-bar> ${
        view && total
          ? html`<div class="charts">
              ${this.#total(view, total)}
              <div class="small-charts" ${place({ '--columns': String(columns(small.length)) })}>
                ${small.map((figure) => this.#small(view, figure))}
              </div>
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
          ? figureTable(
              figure,
              this.choices.axis,
              'Each part times its weight; the last column is what is back-propagated.',
            )
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
                  .pinned=${this.choices.cursor !== undefined}
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
        name: `${componentNames[component]}${suffix}`,
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
          ? figureTable(figure, this.choices.axis)
          : html`<lab-time-chart
              role="img"
              aria-label="${figure.title}: ${text}${at === undefined ? '' : ` ${at}`}"
              .lines=${figure.lines}
              .axis=${this.choices.axis}
              .end=${view.end}
              .zero=${figure.zero}
              .unit=${figure.unit ?? 1}
              .share=${figure.share ?? false}
              .logScale=${this.choices.logScale && figure.key !== 'learningRate'}
              .ignoreOutliers=${this.choices.ignoreOutliers}
              .format=${figure.format}
              .cursor=${view.x[index]}
              .pinned=${this.choices.cursor !== undefined}
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
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-loss': LossView;
  }
}
