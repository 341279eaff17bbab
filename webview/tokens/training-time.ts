/** @file The training-time slider: one stop a probe, below the curve of this token's divergence, with play. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { halo, polyline, shape, text, type Shape } from '../../src/protocol/drawing/shapes';
import { drawn } from '../charts/drawn';
import { customElement, property } from 'lit/decorators.js';
import { formatCount, formatQuantity } from '../../src/protocol/format';
import { ChooseEvent } from '../state/choices';
import { icon } from '../look/icons';
import { inlineStyles } from '../base/inline-styles';
import { shared } from '../look/styles';
import { Width } from '../base/width';

/** KL of the chosen token, and its mean over the example (or over all pinned rows), at a probe. */
interface ProbePoint {
  step: number;
  kl: number;
  mean: number;
}

/** About, in pixels. */
const letterWidth = 6.2;

/** Half the thumb: the track's first and last stop are this far from its ends. */
const inset = 8;

@customElement('lab-training-time')
export class TrainingTime extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      .dock {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr) 172px;
        align-items: center;
        column-gap: 16px;
        padding: 8px 16px 10px;
      }
      .play {
        width: 28px;
        height: 28px;
        border: 1px solid var(--rule);
        border-radius: 14px;
      }
      .time {
        min-width: 0;
      }
      .read p {
        white-space: nowrap;
      }
      .read .heat {
        color: var(--heat);
      }
      @media (max-width: 640px) {
        .dock {
          grid-template-columns: auto minmax(0, 1fr);
          gap: 4px 12px;
          padding: 6px 12px 8px;
        }
        .read {
          display: flex;
          grid-row: 1;
          grid-column: 1 / 3;
          align-items: baseline;
          gap: 8px;
        }
        .read .was {
          display: none;
        }
      }
    `,
  ];

  /** Steps of all recorded probes. */
  @property({ attribute: false }) steps: readonly number[] = [];
  /** Those that are in the page, with their divergence at the shown temperature. */
  @property({ attribute: false }) points: readonly ProbePoint[] = [];
  @property({ attribute: false }) shown = 0;
  /** Stops that the whole training will have, where that is known. */
  @property({ attribute: false }) planned = 0;
  @property({ attribute: false }) next: number | undefined;
  @property({ attribute: false }) token = '';
  /** What the curves are of: KL, or how far numbers are apart. */
  @property({ attribute: false }) measure = 'KL';
  @property({ attribute: false }) meanOf = l10n.t('the example');
  @property({ attribute: false }) playing = false;
  @property({ attribute: false }) narrow = false;

  readonly #width = new Width(this);

  override render(): unknown {
    const { steps, shown, playing } = this;
    const at = Math.max(0, steps.indexOf(shown));
    const stops = Math.max(1, this.planned, steps.length - 1);
    const fraction = at / stops;
    return html`<div class="dock">
      <button
        class="icon-button play"
        id="play"
        title=${playing ? l10n.t('Pause (space)') : l10n.t('Play (space)')}
        aria-label=${playing ? l10n.t('Pause') : l10n.t('Play the training')}
        ?disabled=${steps.length < 2}
        @click=${() => this.dispatchEvent(new CustomEvent('play'))}
      >
        ${icon(playing ? 'debug-pause' : 'play')}
      </button>
      <div class="time">
        ${this.#drawing(stops)}
        <input
          type="range"
          id="probe"
          min="0"
          max=${stops}
          step="1"
          .value=${String(at)}
          aria-label=${l10n.t('Training time')}
          aria-valuetext=${l10n.t('step {0}', formatCount(shown))}
          @input=${(event: Event) => this.#choose(event.target as HTMLInputElement)}
          @keydown=${(event: Event) => event.stopPropagation()}
          ${inlineStyles({ '--fill': `calc(${inset}px + ${fraction} * (100% - ${2 * inset}px))` })}
        />
      </div>
      ${this.#read()}
    </div>`;
  }

  #choose(input: HTMLInputElement): void {
    // What is not trained yet cannot be chosen: the thumb goes back to the latest probe.
    const index = Math.min(Number(input.value), this.steps.length - 1);
    input.value = String(index);
    this.dispatchEvent(new ChooseEvent({ probe: index === this.steps.length - 1 ? undefined : this.steps[index] }));
  }

  #read(): unknown {
    const point = this.points.find(({ step }) => step === this.shown);
    const latest = this.shown === this.steps.at(-1);
    const when = this.shown === 0 ? l10n.t('before training') : latest ? l10n.t('latest probe') : '';
    return html`<div class="read" aria-live="polite">
      <p class="small muted was">${l10n.t('Student as it was at')}</p>
      <p class="number">
        <span class="strong">${l10n.t('Step {0}', formatCount(this.shown))}</span>
        <span class="small muted">${when}</span>
      </p>
      <p class="small muted number">
        ${point ? html`${this.measure} <span class="heat">${formatQuantity(point.kl)}</span>${l10n.t(', mean {0}', formatQuantity(point.mean))}` : nothing}
      </p>
    </div>`;
  }

  #drawing(stops: number): unknown {
    const width = this.#width.value - (this.narrow ? 24 + 40 : 32 + 44 + 188);
    if (width <= 0 || this.points.length === 0) return nothing;
    const height = this.narrow ? 28 : 52;
    const X = (step: number): number => inset + (this.steps.indexOf(step) / stops) * (width - 2 * inset);
    const crowded = this.#crowded(stops, width);
    // With no room at their right, the curves leave some above for their names.
    const most =
      Math.max(...this.points.flatMap(({ kl, mean }) => [kl, mean])) * (crowded && !this.narrow ? 1.6 : 1) || 1;
    const Y = (kl: number): number => 6 + (1 - kl / most) * (height - 12);
    const path = (key: 'kl' | 'mean'): string =>
      polyline(this.points.map((point) => [X(point.step), Y(point[key])] as const));
    const label = l10n.t(
      'Divergence over training: {0}',
      this.points.map(({ step, kl }) => l10n.t('step {0}, {1}', step, formatQuantity(kl))).join('; '),
    );
    const shapes = [
      shape('path', { d: path('mean'), fill: 'none', stroke: 'var(--control)', 'stroke-dasharray': '3 3' }),
      shape('path', { d: path('kl'), fill: 'none', stroke: 'var(--heat)', 'stroke-width': 1.5 }),
      ...this.points.map(({ step, kl }) =>
        shape('circle', {
          class: 'point',
          cx: X(step),
          cy: Y(kl),
          r: step === this.shown ? 4 : 2.2,
          fill: step <= this.shown ? 'var(--heat)' : 'var(--background)',
          stroke: 'var(--heat)',
        }),
      ),
      ...(this.narrow ? [] : this.#names(width, height, X, Y, crowded)),
    ];
    return drawn({ width, height, label, shapes });
  }

  /** Whether the part not yet trained is too short for the curves' names. */
  #crowded(stops: number, width: number): boolean {
    return (1 - (this.steps.length - 1) / stops) * width < 184;
  }

  #names(
    width: number,
    height: number,
    X: (step: number) => number,
    Y: (kl: number) => number,
    crowded: boolean,
  ): Shape[] {
    const own = l10n.t('{0} of {1}', this.measure, this.token);
    const mean = l10n.t('mean of {0}, dashed', this.meanOf);
    if (crowded) {
      // In one line above both curves, wherever these end.
      const room = Math.max(8, Math.floor((width - 2 * inset) / letterWidth) - mean.length - 2);
      const shown = own.length > room ? `${own.slice(0, room - 1)}…` : own;
      return [text(inset, 9, shown, { fill: 'var(--heat)' }), text(width - inset, 9, mean, { 'text-anchor': 'end' })];
    }
    const last = this.points.at(-1)!;
    const x = X(last.step) + 12;
    const y = Math.min(height - 18, Math.max(10, Y(last.kl) - 4));
    const roomForNext = this.next !== undefined && y > 20;
    return [
      text(x, y, own, { ...halo, fill: 'var(--heat)' }),
      text(x, y + 14, mean, halo),
      ...(roomForNext
        ? [text(width, 8, l10n.t('next probe at {0}', formatCount(this.next)), { 'text-anchor': 'end' })]
        : []),
    ];
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-training-time': TrainingTime;
  }
}
