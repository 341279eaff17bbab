/** @file An example's tokens as chips, coloured by KL(teacher ‖ student) in five fixed levels. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing, type PropertyValues } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatQuantity } from '../../src/protocol/format';
import type { ProbeExample } from '../../src/protocol/inspection-records';
import type { Task } from '../../src/protocol/records';
import { ChooseEvent } from '../state/choices';
import { shared } from '../look/styles';
import { standingOf, standingWords } from './alignment';
import type { ExampleSummary, PositionSummary } from './divergence';
import { heatEdges, heatLevel } from '../../src/protocol/heat';
import { chipText, visible } from './token-text';
import { taskFacts } from '../../src/protocol/tasks';

/** Chips and the heat that fills them; the label of a classifier's row is one, too. */
export const chipStyles = css`
  .token {
    position: relative;
    display: inline-block;
    margin: 0 1px;
    padding: 2px 3px 4px;
    border-radius: 2px;
    color: var(--vscode-editor-foreground);
    line-height: 20px;
    white-space: pre;
  }
  .token.gap {
    margin-left: 5px;
  }
  .token[role='option'] {
    cursor: pointer;
  }
  .heat-1 {
    background: color-mix(in srgb, var(--heat) var(--heat-1), transparent);
    box-shadow: inset 0 -1px var(--heat);
  }
  .heat-2 {
    background: color-mix(in srgb, var(--heat) var(--heat-2), transparent);
    box-shadow: inset 0 -2px var(--heat);
  }
  .heat-3 {
    background: color-mix(in srgb, var(--heat) var(--heat-3), transparent);
    box-shadow: inset 0 -3px var(--heat);
  }
  .heat-4 {
    background: color-mix(in srgb, var(--heat) var(--heat-4), transparent);
    box-shadow: inset 0 -4px var(--heat);
  }
  .disagrees::after {
    content: '';
    position: absolute;
    top: -1px;
    right: -1px;
    border: 3px solid;
    border-color: var(--student) var(--student) transparent transparent;
  }
  .chosen {
    border-radius: 3px;
    outline: 2px solid var(--vscode-focusBorder);
    outline-offset: 1px;
  }
  .unrecorded {
    outline: 1px dashed var(--axis);
    outline-offset: -1px;
    color: var(--muted);
  }
  .uncounted {
    background: repeating-linear-gradient(135deg, var(--grid) 0 1px, transparent 1px 4px);
    color: var(--muted);
  }
`;

/** Classes of a token's chip. */
export function heatClasses(summary: PositionSummary | undefined): string {
  return summary ? `heat-${heatLevel(summary.kl)} ${summary.disagrees ? 'disagrees' : ''}` : '';
}

@customElement('lab-chips')
export class Chips extends LitElement {
  static override styles = [
    shared,
    chipStyles,
    css`
      :host {
        display: block;
      }
      .tokens {
        margin: 0 -2px;
        font-family: var(--vscode-editor-font-family, monospace);
        font-size: 13px;
        line-height: 32px;
        overflow-wrap: anywhere;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        align-items: flex-start;
        gap: 8px 16px;
        margin-top: 12px;
        color: var(--muted);
        font-size: 11px;
        line-height: 16px;
      }
      .scale {
        display: inline-flex;
        margin-right: 4px;
      }
      .scale span {
        position: relative;
        width: 32px;
        height: 14px;
        margin: 1px 1px 16px 0;
      }
      .scale .heat-0 {
        box-shadow: inset 0 0 0 1px var(--grid);
      }
      .scale span:not(:first-child)::before {
        content: attr(data-edge);
        position: absolute;
        top: 15px;
        left: 0;
        transform: translateX(-50%);
      }
      .legend .token {
        padding: 0 4px 1px;
        font-size: 11px;
        line-height: 14px;
      }
      .legend .disagrees {
        outline: 1px solid var(--rule);
      }
      @media (max-width: 640px) {
        .tokens {
          line-height: 30px;
        }
      }
    `,
  ];

  @property({ attribute: false }) example!: ProbeExample;
  @property({ attribute: false }) task: Task = 'causal-lm';
  /** Text of every token of the vocabulary. */
  @property({ attribute: false }) names: readonly string[] = [];
  @property({ attribute: false }) summary: ExampleSummary | undefined;
  /** Index of the chosen position. */
  @property({ attribute: false }) chosen = 0;

  #focused = false;

  override willUpdate(): void {
    this.#focused =
      this.renderRoot instanceof ShadowRoot && this.renderRoot.activeElement?.getAttribute('role') === 'option';
  }

  override updated(changed: PropertyValues<this>): void {
    if (changed.has('chosen') && this.#focused) this.renderRoot.querySelector<HTMLElement>('.chosen')?.focus();
  }

  override render(): unknown {
    const positionOf = new Map(this.example.positions.map(({ token }, i) => [token, i]));
    return html`<div
        class="tokens"
        role="listbox"
        aria-label=${l10n.t('Tokens, coloured by divergence')}
        aria-orientation="horizontal"
      >
        ${this.example.tokens.map((_, token) => this.#chip(token, positionOf.get(token)))} ${this.#padding()}
      </div>
      ${this.#legend()}`;
  }

  #chip(token: number, position: number | undefined): unknown {
    const { label } = this.example.positions[position ?? -1] ?? { label: -1 };
    const { hasLabels, isMasked } = taskFacts[this.task];
    // A masked token is shown as what it hides, which is what is predicted there.
    const name = isMasked && label >= 0 ? this.names[label]! : this.example.tokens[token]!.token;
    // Words stand apart.
    const { text, gap, breaks } = chipText(hasLabels ? ` ${name}` : name, token === 0);
    const end = breaks ? html`<br />` : html`<wbr />`;
    if (position === undefined) {
      const standing = standingOf(this.example, token);
      // Where nothing is masked nothing is predicted: most of a masked text is plain.
      const look = { unrecorded: 'unrecorded', within: '', recorded: '', uncounted: isMasked ? 'muted' : 'uncounted' }[
        standing
      ];
      return html`<span
          translate="no"
          class="token ${look} ${gap ? 'gap' : ''}"
          title="${visible(name)}: ${standingWords[standing]}"
          >${text}</span
        >${end}`;
    }
    const summary = this.summary?.positions[position];
    const chosen = position === this.chosen;
    const hard = hasLabels && label >= 0 ? `, ${this.names[label]!}` : '';
    const said = `${visible(name)}${hard}${summary ? `, ${l10n.t('{0} nats', formatQuantity(summary.kl))}${summary.disagrees ? l10n.t(', first choices differ') : ''}` : ''}`;
    return html`<span
        translate="no"
        class="token ${heatClasses(summary)} ${gap ? 'gap' : ''} ${chosen ? 'chosen' : ''}"
        role="option"
        aria-selected=${chosen}
        aria-label=${said}
        title=${said}
        tabindex=${chosen ? 0 : -1}
        @click=${() => this.dispatchEvent(new ChooseEvent({ position }))}
        >${text}</span
      >${end}`;
  }

  #padding(): unknown {
    const count = (this.example.paddedLength ?? 0) - this.example.tokens.length;
    if (count <= 0) return nothing;
    return html`<span class="token uncounted" title=${l10n.t('Padding of its batch: not counted')}
      >${l10n.t('pad × {0}', count)}</span
    >`;
  }

  /** Whether some are drawn as left out. */
  #leavesOut(): boolean {
    const { tokens, counted = [] } = this.example;
    return this.task === 'causal-lm' || (taskFacts[this.task].hasLabels && counted.length < tokens.length);
  }

  #legend(): unknown {
    return html`<div class="legend" aria-hidden="true">
      <span>${l10n.t('KL(teacher ‖ student), nats')}</span>
      <span class="scale"
        >${['', ...heatEdges].map((edge, level) => html`<span class="heat-${level}" data-edge=${edge}></span>`)}</span
      >
      <span><span class="token disagrees" translate="no">ab</span> ${l10n.t('first choices differ')}</span>
      ${this.#leavesOut() ? html`<span><span class="token uncounted" translate="no">ab</span> ${l10n.t('not counted')}</span>` : nothing}
      ${
        (this.example.counted?.length ?? 0) > this.example.positions.length
          ? html`<span><span class="token unrecorded" translate="no">ab</span> ${l10n.t('counts, not recorded')}</span>`
          : nothing
      }
      ${
        (this.example.within?.length ?? 0) > 0
          ? html`<span
              ><span class="token" translate="no">ab</span> ${l10n.t('counts with the tokens before it')}</span
            >`
          : nothing
      }
    </div>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-chips': Chips;
  }
}
