/** @file The Loss tab's controls: axis, smoothing, scale, which training, and tables in place of charts. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatShare } from '../../src/protocol/format';
import type { RunListing } from '../../src/protocol/lab-data';
import { ChooseEvent, type Choices } from '../state/choices';
import { icon } from '../look/icons';
import { inlineStyles } from '../base/inline-styles';
import type { RunState, SeriesState } from '../state/state';
import { shared } from '../look/styles';
import { axisNames } from './figure-table';
import '../runs/run-chips';

@customElement('lab-loss-bar')
export class LossBar extends LitElement {
  static override styles = [
    shared,
    css`
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
      .trainings {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
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
      @media (max-width: 640px) {
        .bar {
          padding: 8px 12px;
        }
        .spacer {
          display: none;
        }
      }
    `,
  ];

  @property({ attribute: false }) run!: RunState;
  @property({ attribute: false }) runs: readonly RunListing[] = [];
  /** What the runs are called that are shown. */
  @property({ attribute: false }) titles: ReadonlyMap<string, string> = new Map();
  @property({ attribute: false }) choices!: Choices;
  /** The training that the charts show. */
  @property({ attribute: false }) main: SeriesState | undefined;

  override render(): unknown {
    const { axis, smoothing, logScale, ignoreOutliers, showControl, tables } = this.choices;
    const hasControl = this.run.series.some(({ role, metrics }) => role === 'control' && metrics.length > 0);
    // In the order in which they are trained, whichever of them was heard of first.
    const trained = this.run.series
      .filter(({ role, metrics }) => role !== 'control' && metrics.length > 0)
      .toSorted((a, b) => Number(a.role === 'student') - Number(b.role === 'student'));
    const { main } = this;
    return html`<div class="bar" role="toolbar" aria-label=${l10n.t('Charts')}>
      <fieldset class="segments">
        <legend class="spoken">${l10n.t('Axis')}</legend>
        ${axisNames.map(
          ([value, name]) =>
            html`<label
              ><input
                type="radio"
                name="axis"
                value=${value}
                .checked=${axis === value}
                @change=${() => this.#choose({ axis: value, zoom: undefined })}
              />${name}</label
            >`,
        )}
      </fieldset>
      <label>
        ${l10n.t('Smoothing')}
        <input
          id="smoothing"
          type="range"
          min="0"
          max="0.99"
          step="0.01"
          .value=${String(smoothing)}
          aria-valuetext=${smoothing === 0 ? 'none' : formatShare(smoothing, 2)}
          @input=${(event: Event) => this.#choose({ smoothing: Number((event.target as HTMLInputElement).value) })}
          ${inlineStyles({ '--fill': `${(100 * smoothing) / 0.99}%` })}
        />
        <output class="number">${smoothing === 0 ? '0' : formatShare(smoothing, 2)}</output>
      </label>
      <vscode-checkbox
        .checked=${logScale}
        @change=${(event: Event) => this.#choose({ logScale: (event.target as HTMLInputElement).checked })}
        >${l10n.t('Log scale')}</vscode-checkbox
      >
      <vscode-checkbox
        .checked=${ignoreOutliers}
        @change=${(event: Event) => this.#choose({ ignoreOutliers: (event.target as HTMLInputElement).checked })}
        >${l10n.t('Ignore outliers')}</vscode-checkbox
      >
      ${
        this.choices.zoom
          ? html`<button class="link" id="whole" @click=${() => this.#choose({ zoom: undefined })}>
              ${l10n.t('Show all steps')}
            </button>`
          : nothing
      }
      <span class="spacer"></span>
      <span class="trainings">
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
                    ${role === 'teacher' ? l10n.t("Teacher's training") : l10n.t("Student's")}
                  </button>`,
              )
            : nothing
        }
        ${
          hasControl && main?.role === 'student'
            ? html`<button
                class="chip"
                aria-pressed=${showControl}
                title=${l10n.t('The same student, trained without distillation')}
                @click=${() => this.#choose({ showControl: !showControl })}
              >
                <svg class="line" viewBox="0 0 20 8" aria-hidden="true">
                  <path d="M0 4H20" stroke-dasharray="4 3" />
                </svg>
                ${l10n.t('Control')}
              </button>`
            : nothing
        }
      </span>
      <lab-run-chips
        .shown=${this.run.id}
        .runs=${this.runs}
        .titles=${this.titles}
        .choices=${this.choices}
      ></lab-run-chips>
      <button
        class="icon-button"
        id="tables"
        title=${l10n.t('Tables instead of charts (t)')}
        aria-label=${l10n.t('Tables instead of charts')}
        aria-pressed=${tables}
        @click=${() => this.#choose({ tables: !tables })}
      >
        ${icon('table')}
      </button>
    </div>`;
  }

  #choose(choice: Partial<Choices>): void {
    this.dispatchEvent(new ChooseEvent(choice));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-loss-bar': LossBar;
  }
}
