/** @file The Completions tab's controls: where the prompt comes from, and how tokens are chosen. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { PromptRow } from '../../src/protocol/lab-data';
import { ChooseEvent, type Choices } from '../state/choices';
import { icon } from '../look/icons';
import { shared } from '../look/styles';

@customElement('lab-sampling-bar')
export class SamplingBar extends LitElement {
  static override styles = [
    shared,
    css`
      .bar {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px 16px;
        min-height: 42px;
        padding: 7px 16px;
        border-bottom: 1px solid var(--rule);
      }
      .group {
        display: inline-flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px;
        white-space: nowrap;
      }
      vscode-dropdown {
        width: 180px;
      }
      .number-field {
        width: 64px;
        --input-min-width: 64px;
      }
      vscode-checkbox {
        margin: 0;
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

  @property({ attribute: false }) choices!: Choices;
  @property({ attribute: false }) prompts: readonly PromptRow[] = [];
  /** Name of a control that can continue the prompt, too. */
  @property({ attribute: false }) control: string | undefined;

  override render(): unknown {
    const { sample } = this.choices;
    return html`<div class="bar" role="toolbar" aria-label=${l10n.t('How the prompt is continued')}>
      ${this.prompts.length > 0 ? this.#prompts() : nothing}
      <span class="spacer"></span>
      <fieldset class="segments">
        <legend class="spoken">${l10n.t('Choice of tokens')}</legend>
        ${[false, true].map(
          (value) =>
            html`<label
              title=${value ? l10n.t('Each token is drawn by its probability') : l10n.t('Each token is the most probable one')}
              ><input
                type="radio"
                name="sample"
                .checked=${sample === value}
                @change=${() => this.#choose({ sample: value })}
              />${value ? l10n.t('Sample') : l10n.t('Greedy')}</label
            >`,
        )}
      </fieldset>
      ${
        sample
          ? html`${this.#number(l10n.t('Sampling temperature'), 'samplingTemperature', 0.05, 5)}
            ${this.#number(l10n.t('Top k (0: all)'), 'samplingTopK', 0, 1000)}
            ${this.#number(l10n.t('Top p'), 'samplingTopP', 0.01, 1)}`
          : nothing
      }
      ${this.#number(l10n.t('Tokens at most'), 'maxNewTokens', 1, 512)}
      ${
        this.control === undefined
          ? nothing
          : html`<vscode-checkbox
              .checked=${this.choices.completeControl}
              @change=${(event: Event) => this.#choose({ completeControl: (event.target as HTMLInputElement).checked })}
              >${l10n.t('Control too')}</vscode-checkbox
            >`
      }
    </div>`;
  }

  #choose(choice: Partial<Choices>): void {
    this.dispatchEvent(new ChooseEvent(choice));
  }

  #prompts(): unknown {
    const at = this.prompts.findIndex(({ text }) => text === this.choices.prompt);
    const go = (to: number): void =>
      this.#choose({ prompt: to === -1 ? '' : this.prompts.at(to % this.prompts.length)!.text });
    return html`<span class="group">
      <label for="from">${l10n.t('Prompt from')}</label>
      <vscode-dropdown
        id="from"
        aria-label=${l10n.t('Prompt from the dataset')}
        .value=${String(at)}
        @change=${(event: Event) => go(Number((event.target as HTMLSelectElement).value))}
      >
        <vscode-option value="-1">${l10n.t('your own words')}</vscode-option>
        ${this.prompts.map(
          ({ file, line }, i) =>
            html`<vscode-option translate="no" value=${i}>${file.split(/[\\/]/).at(-1)}:${line}</vscode-option>`,
        )}
      </vscode-dropdown>
      <button
        class="icon-button"
        title=${l10n.t('Previous prompt')}
        aria-label=${l10n.t('Previous prompt')}
        @click=${() => go(at <= 0 ? this.prompts.length - 1 : at - 1)}
      >
        ${icon('chevron-left')}
      </button>
      <button
        class="icon-button"
        title=${l10n.t('Next prompt')}
        aria-label=${l10n.t('Next prompt')}
        @click=${() => go(at + 1)}
      >
        ${icon('chevron-right')}
      </button>
    </span>`;
  }

  /** A number that is not within its bounds is not taken. */
  #number(
    name: string,
    key: 'samplingTemperature' | 'samplingTopK' | 'samplingTopP' | 'maxNewTokens',
    least: number,
    most: number,
  ): unknown {
    const isWhole = key === 'maxNewTokens' || key === 'samplingTopK';
    return html`<label class="group"
      ><span class="muted">${name}</span
      ><vscode-text-field
        class="number-field"
        id=${key}
        aria-label=${name}
        .value=${String(this.choices[key])}
        @change=${(event: Event) => {
          const field = event.target as HTMLInputElement;
          const value = isWhole ? Math.round(Number(field.value)) : Number(field.value);
          if (field.value.trim() !== '' && value >= least && value <= most) this.#choose({ [key]: value });
          else field.value = String(this.choices[key]);
        }}
      ></vscode-text-field
    ></label>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-sampling-bar': SamplingBar;
  }
}
