/** @file One model's completion, token by token, each over a bar for the probability that the model gave it. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatCount, formatShare } from '../../src/protocol/format';
import type { CompletionSide } from '../../src/protocol/lab-data';
import type { TokenProbability } from '../../src/protocol/inspection-records';
import { mark } from '../look/marks';
import { inlineStyles } from '../base/inline-styles';
import { roleTitles } from '../look/role-names';
import { shared } from '../look/styles';
import { chipText, visible } from '../tokens/token-text';
import { typicalProbability } from './scores';

/** A person chose a token of this side; its index. */
export class TokenEvent extends CustomEvent<number> {
  constructor(index: number) {
    super('token', { detail: index });
  }
}

@customElement('lab-completion')
export class CompletionPanel extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-width: 0;
        padding: 12px 24px 12px 0;
      }
      h2 {
        display: flex;
        align-items: baseline;
        gap: 8px;
      }
      h2 .number {
        margin-left: auto;
      }
      .tokens {
        margin-top: 8px;
        font-family: var(--vscode-editor-font-family, monospace);
        font-size: 13px;
        line-height: 36px;
        overflow-wrap: anywhere;
      }
      .token {
        position: relative;
        display: inline-block;
        margin-right: 2px;
        border-radius: 2px;
        line-height: 20px;
        white-space: pre;
        cursor: pointer;
      }
      .token.gap {
        margin-left: 7px;
      }
      .token::before,
      .token i {
        content: '';
        position: absolute;
        bottom: -4px;
        left: 0;
        width: 100%;
        height: 3px;
        background: var(--grid);
      }
      .token i {
        background: var(--ink);
      }
      .token[aria-selected='true'] {
        outline: 1px solid var(--vscode-focusBorder);
        outline-offset: 1px;
        background: var(--vscode-list-hoverBackground);
      }
      p {
        margin-top: 8px;
      }
    `,
  ];

  @property({ attribute: false }) side: CompletionSide = 'teacher';
  @property({ attribute: false }) about = '';
  @property({ attribute: false }) prompt = '';
  @property({ attribute: false }) tokens: readonly TokenProbability[] = [];
  /** Probability that another model gave to each token, once known; its name. */
  @property({ attribute: false }) others: readonly { name: string; probabilities: readonly number[] }[] = [];
  @property({ attribute: false }) tokensPerSecond: number | undefined;
  /** Index of the chosen token; −1: none of this side. */
  @property({ attribute: false }) chosen = -1;

  override render(): unknown {
    const { side, tokens } = this;
    const title = roleTitles[side];
    return html`<h2>
        ${mark(side)}<span class="strong">${title}</span> <span class="muted">${this.about}</span>
        ${this.tokensPerSecond === undefined ? nothing : html`<span class="small muted number">${l10n.t('{0} tokens/s', formatCount(this.tokensPerSecond))}</span>`}
      </h2>
      <div
        class="tokens"
        role="listbox"
        aria-label=${l10n.t("{0}'s tokens, with their probability", title)}
        aria-orientation="horizontal"
        @keydown=${this.#walk}
        ${inlineStyles({ '--ink': `var(--${side})` })}
      >
        <span class="muted" translate="no">${this.#context()}</span>${tokens.map((token, i) => this.#token(token, i))}
      </div>
      <p class="small muted" aria-live="polite">${this.#summary()}</p>`;
  }

  /** The prompt's last words. */
  #context(): string {
    const { prompt } = this;
    return prompt.length > 32 ? `…${prompt.slice(-28)}` : prompt;
  }

  #token({ token, probability }: TokenProbability, i: number): unknown {
    const { text, gap, breaks } = chipText(token, false);
    const said = `${visible(token)}, ${formatShare(probability)}`;
    return html`<span
        translate="no"
        class="token ${gap ? 'gap' : ''}"
        role="option"
        aria-selected=${i === this.chosen}
        aria-label=${said}
        title=${[said, ...this.others.map(({ name, probabilities }) => `${name} ${formatShare(probabilities[i])}`)].join(', ')}
        tabindex=${i === Math.max(0, this.chosen) ? 0 : -1}
        @click=${() => this.dispatchEvent(new TokenEvent(i))}
        @mouseenter=${() => this.dispatchEvent(new TokenEvent(i))}
        >${text}<i ${inlineStyles({ width: `${100 * probability}%` })}></i></span
      >${breaks ? html`<br />` : html`<wbr />`}`;
  }

  #summary(): string {
    if (this.tokens.length === 0) return l10n.t('Waiting for the first token…');
    const own = formatShare(typicalProbability(this.tokens.map(({ probability }) => probability)));
    const others = this.others.map(({ name, probabilities }) =>
      l10n.t(', by the {0} {1}', name, formatShare(typicalProbability(probabilities))),
    );
    const count = this.tokens.length;
    const counted =
      count === 1
        ? l10n.t('1 token · probability {0}', own)
        : l10n.t('{0} tokens · typical probability {1}', formatCount(count), own);
    return counted + others.join('');
  }

  readonly #walk = (event: KeyboardEvent): void => {
    // The first can be focused while none is chosen.
    const at = Math.max(0, this.chosen);
    const moves: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: this.tokens.length - 1,
    };
    const to = moves[event.key];
    if (to === undefined || to < 0 || to >= this.tokens.length) return;
    event.preventDefault();
    event.stopPropagation();
    this.dispatchEvent(new TokenEvent(to));
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('[aria-selected=true]')?.focus());
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-completion': CompletionPanel;
  }
  interface HTMLElementEventMap {
    token: TokenEvent;
  }
}
