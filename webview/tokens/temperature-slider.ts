/** @file The temperature slider: logarithmic, with marks, and the run's own temperature named. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatTemperature } from '../../src/protocol/format';
import { ChooseEvent } from '../state/choices';
import { inlineStyles } from '../base/inline-styles';
import { shared } from '../look/styles';
import { fromFraction, marks, nudge, snap, toFraction } from './temperature-scale';

const resolution = 1000;

@customElement('lab-temperature')
export class TemperatureSlider extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: flex;
        align-items: flex-start;
        gap: 6px;
        line-height: 24px;
      }
      .track {
        position: relative;
        flex: 1;
        min-width: 96px;
        height: 38px;
      }
      input {
        margin: 4px 0;
      }
      /* The thumb is 16 px wide: its middle runs from 8 px to the width less 8 px. */
      .ticks {
        position: absolute;
        top: 21px;
        right: 8px;
        left: 8px;
        color: var(--muted);
        font-size: 10px;
        line-height: 12px;
        pointer-events: none;
      }
      .ticks span {
        position: absolute;
        top: 4px;
        transform: translateX(-50%);
      }
      .ticks .run {
        top: 0;
        border: 3px solid transparent;
        border-top: 0;
        border-bottom: 4px solid var(--vscode-foreground);
      }
      .ticks .own {
        color: var(--vscode-foreground);
        font-weight: 600;
      }
      .value {
        min-width: 32px;
        text-align: right;
      }
    `,
  ];

  @property({ attribute: false }) temperature = 1;
  /** The run's own. */
  @property({ attribute: false }) own = 1;
  /** The track alone, as the x axis of charts; what it is set to is said elsewhere. */
  @property({ attribute: false }) bare = false;

  override render(): unknown {
    const { temperature, own } = this;
    const fraction = toFraction(temperature);
    const offset = (value: number): Record<string, string> => ({ left: `${100 * toFraction(value)}%` });
    return html`${this.bare ? nothing : html`<label class="strong" for="slider" title=${l10n.t('Temperature')}>T</label>`}
      <div class="track">
        <input
          id="slider"
          type="range"
          min="0"
          max=${resolution}
          .value=${String(Math.round(resolution * fraction))}
          aria-label=${l10n.t('Temperature')}
          aria-valuetext=${temperature === own ? l10n.t("temperature {0}, this run's", formatTemperature(temperature)) : l10n.t('temperature {0}', formatTemperature(temperature))}
          @input=${this.#drag}
          @keydown=${this.#step}
          ${inlineStyles({ '--fill': `calc(8px + ${fraction} * (100% - 16px))` })}
        />
        <div class="ticks" aria-hidden="true">
          ${marks.map((value) => html`<span class=${value === own ? 'own' : ''} ${inlineStyles(offset(value))}>${value}</span>`)}
          <span class="run" ${inlineStyles(offset(own))}></span>
        </div>
      </div>
      ${this.bare ? nothing : html`<output class="value strong number">${formatTemperature(temperature)}</output>`}`;
  }

  get #stops(): number[] {
    return [...new Set([...marks, this.own])].sort((a, b) => a - b);
  }

  #choose(temperature: number): void {
    this.dispatchEvent(new ChooseEvent({ temperature: temperature === this.own ? undefined : temperature }));
  }

  readonly #drag = (event: Event): void => {
    const fraction = Number((event.target as HTMLInputElement).value) / resolution;
    this.#choose(snap(fromFraction(fraction), this.#stops));
  };

  readonly #step = (event: KeyboardEvent): void => {
    const steps: Record<string, [1 | -1, number]> = {
      ArrowRight: [1, 1],
      ArrowUp: [1, 1],
      ArrowLeft: [-1, 1],
      ArrowDown: [-1, 1],
      PageUp: [1, 10],
      PageDown: [-1, 10],
    };
    const step = steps[event.key];
    if (step) this.#choose(nudge(this.temperature, step[0], this.#stops, step[1]));
    else if (event.key === 'Home') this.#choose(fromFraction(0));
    else if (event.key === 'End') this.#choose(fromFraction(1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** Moves one step, for keys pressed elsewhere on the tab. */
  nudge(direction: 1 | -1): void {
    this.#choose(nudge(this.temperature, direction, this.#stops));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-temperature': TemperatureSlider;
  }
}
