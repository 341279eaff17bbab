/** @file Beside a chart's title: keeps the chart as CSV, SVG or PNG. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { Asking } from '../base/asking';
import { failed } from '../look/failed';
import { icon } from '../look/icons';
import { shared } from '../look/styles';
import { pngOf } from './pictures';

type Kind = 'csv' | 'svg' | 'png';

@customElement('lab-save')
export class SaveButton extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        position: relative;
        display: inline-block;
      }
      .icon-button {
        width: 20px;
        height: 20px;
        opacity: var(--quiet);
      }
      .icon-button:hover,
      .icon-button:focus-visible,
      .icon-button[aria-expanded='true'] {
        opacity: 1;
      }
      .menu {
        position: absolute;
        z-index: 2;
        top: 100%;
        right: 0;
        display: flex;
        border: 1px solid var(--vscode-menu-border, var(--rule));
        border-radius: 2px;
        background: var(--vscode-menu-background, var(--vscode-editor-background));
      }
      .request-failed {
        position: absolute;
        z-index: 2;
        top: 100%;
        right: 0;
        width: 280px;
        background-color: var(--vscode-editor-background);
      }
      .menu button {
        padding: 4px 10px;
        border: 0;
        background: none;
        color: var(--vscode-menu-foreground, inherit);
        cursor: pointer;
      }
      .menu button:hover,
      .menu button:focus-visible {
        background: var(--vscode-menu-selectionBackground, var(--vscode-list-hoverBackground));
        color: var(--vscode-menu-selectionForeground, inherit);
      }
    `,
  ];

  /** The file's name without its ending; what the button is for. */
  @property({ attribute: false }) name = 'chart';
  @property({ attribute: false }) csv: (() => string) | undefined;
  @property({ attribute: false }) svg: (() => string | undefined) | undefined;
  @state() private open = false;

  readonly #asking = new Asking(this);

  override render(): unknown {
    const kinds: Kind[] = [...(this.csv ? (['csv'] as const) : []), ...(this.svg ? (['svg', 'png'] as const) : [])];
    return html`<button
        class="icon-button"
        title=${l10n.t('Save {0}', this.name)}
        aria-label=${l10n.t('Save {0}', this.name)}
        aria-haspopup="menu"
        aria-expanded=${this.open}
        @click=${() => this.#toggle(!this.open)}
      >
        ${icon('save')}
      </button>
      ${
        this.open
          ? html`<div class="menu" role="menu" @keydown=${this.#walk} @focusout=${this.#left}>
              ${kinds.map(
                (kind) =>
                  html`<button role="menuitem" @click=${() => void this.#save(kind)}>${kind.toUpperCase()}</button>`,
              )}
            </div>`
          : failed(this.#asking)
      }`;
  }

  #toggle(open: boolean): void {
    this.open = open;
    const selector = open ? '.menu button' : '.icon-button';
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(selector)?.focus());
  }

  readonly #left = (event: FocusEvent): void => {
    if (!(event.currentTarget as HTMLElement).contains(event.relatedTarget as Node | null)) this.open = false;
  };

  readonly #walk = (event: KeyboardEvent): void => {
    const buttons = [...this.renderRoot.querySelectorAll<HTMLElement>('.menu button')];
    const at = buttons.indexOf((this.renderRoot as ShadowRoot).activeElement as HTMLElement);
    const moves: Record<string, number> = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1 };
    const to = moves[event.key];
    if (event.key === 'Escape') this.#toggle(false);
    else if (to === undefined) return;
    else buttons.at(to % buttons.length)?.focus();
    event.preventDefault();
    event.stopPropagation();
  };

  async #save(kind: Kind): Promise<void> {
    this.#toggle(false);
    const text = kind === 'csv' ? this.csv?.() : this.svg?.();
    if (text === undefined) return;
    const content = kind === 'png' ? await pngOf(text) : text;
    void this.#asking.ask('save', { name: `${this.name}.${kind}`, content });
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-save': SaveButton;
  }
}
