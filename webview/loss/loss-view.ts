/** @file The Loss tab: the total with its parts, and a small chart for everything else that a training logs. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { RunListing } from '../../src/protocol/lab-data';
import type { Choices } from '../state/choices';
import { inlineStyles } from '../base/inline-styles';
import type { RunState } from '../state/state';
import { shared } from '../look/styles';
import { smallFigures, totalFigure, type Figure } from './figures';
import { viewOf, type View } from './view';
import './small-figure';
import './toolbar';
import './total-figure';

/** Charts abreast on a wide page, so that the last row is not left nearly empty. */
function columns(charts: number): number {
  return charts === 5 || charts === 6 ? 3 : Math.min(4, charts);
}

/** What of a run its figures are made of; the rest of its record changes with every step. */
function shaping({ id, series, seeds, settings, experiment, record }: RunState): unknown[] {
  const { name, started, task, labels, device, status, progress } = record;
  return [
    id,
    series,
    seeds,
    settings,
    experiment,
    name,
    started,
    task,
    labels,
    device,
    status,
    progress?.role,
    progress?.steps,
  ];
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
        grid-template-columns: minmax(0, 1fr);
        gap: 16px;
        padding: 12px 16px 16px;
      }
      .small-charts {
        display: grid;
        grid-template-columns: repeat(var(--columns), minmax(0, 1fr));
        gap: 16px 24px;
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
        .small-charts {
          grid-template-columns: minmax(0, 1fr);
        }
      }
    `,
  ];

  @property({ attribute: false }) run!: RunState;
  @property({ attribute: false }) besides: ReadonlyMap<string, RunState> = new Map();
  @property({ attribute: false }) runs: readonly RunListing[] = [];
  @property({ attribute: false }) choices!: Choices;
  @property({ attribute: false }) narrow = false;
  /** What of the other runs could not be shown. */
  @property({ attribute: false }) failed: unknown = undefined;

  #made: { key: unknown[]; view: View | undefined; total?: Figure; small: Figure[] } | undefined;

  override render(): unknown {
    const { choices } = this;
    const { view, total, small } = this.#figures();
    return html`<lab-loss-bar
        .run=${this.run}
        .runs=${this.runs}
        .choices=${choices}
        .main=${view?.main}
        .titles=${view?.titles ?? new Map()}
      ></lab-loss-bar>
      <div class="failures">${this.failed}</div>
      ${
        view && total
          ? html`<div class="charts">
              <lab-total .view=${view} .figure=${total} .choices=${choices} .narrow=${this.narrow}></lab-total>
              <div class="small-charts" ${inlineStyles({ '--columns': String(columns(small.length)) })}>
                ${small.map(
                  (figure) => html`<lab-figure .view=${view} .figure=${figure} .choices=${choices}></lab-figure>`,
                )}
              </div>
            </div>`
          : html`<p class="waiting">${this.#waiting()}</p>`
      }`;
  }

  /** Figures are made again only when data or choices that shape them change, not when the cursor moves. */
  #figures(): { view: View | undefined; total?: Figure; small: Figure[] } {
    const { axis, smoothing, showControl, series, besides, inks, picked, zoom } = this.choices;
    const runs = [this.run, ...this.besides.values()].flatMap(shaping);
    const key = [axis, smoothing, showControl, series, besides, inks, picked, zoom, ...runs];
    const made = this.#made;
    if (made?.key.length === key.length && key.every((part, i) => part === made.key[i])) return made;
    const view = viewOf(this.run, this.besides, this.choices);
    this.#made = view ? { key, view, total: totalFigure(view), small: smallFigures(view) } : { key, view, small: [] };
    return this.#made;
  }

  #waiting(): string {
    switch (this.run.record.status) {
      case 'queued':
        return l10n.t('This run waits for its turn. Curves appear with its first step.');
      case 'running':
        return l10n.t('Preparing. Curves appear with the first step.');
      default:
        return l10n.t('This run ended before its first step.');
    }
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-loss': LossView;
  }
}
