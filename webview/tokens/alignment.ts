/** @file Which token is read where, what it predicts, and whether that counts: shift, prompt, mask and padding, drawn. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, type nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatCount } from '../../src/protocol/format';
import type { ProbeExample } from '../../src/protocol/inspection-records';
import type { Task } from '../../src/protocol/records';
import { shared } from '../look/styles';
import { visible } from './token-text';
import { taskFacts } from '../../src/protocol/tasks';

/** Why the prediction of a token is looked at, or is not. */
export type Standing = 'recorded' | 'unrecorded' | 'within' | 'uncounted';

/** Of the token at an index; older runs do not say what counts beyond the positions that they keep. */
export function standingOf({ positions, counted, within }: ProbeExample, token: number): Standing {
  if (positions.some((position) => position.token === token)) return 'recorded';
  if (within?.includes(token)) return 'within';
  return counted?.includes(token) ? 'unrecorded' : 'uncounted';
}

export const standingWords: Record<Standing, string> = {
  recorded: l10n.t('counts'),
  unrecorded: l10n.t('counts, not recorded: of a large vocabulary only the first positions are kept'),
  within: l10n.t('counts with the tokens before it, up to where a token of the teacher ends too'),
  uncounted: l10n.t('not counted'),
};

const signs: Record<Standing, string> = { recorded: '●', unrecorded: '◌', within: '·', uncounted: '–' };

/** Columns on either side of the chosen token. */
const around = 4;

@customElement('lab-alignment')
export class Alignment extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      table {
        border-collapse: separate;
        border-spacing: 2px 0;
        font-size: 12px;
      }
      th {
        padding-right: 8px;
        color: var(--muted);
        font-size: 11px;
        font-weight: 400;
        text-align: left;
        white-space: nowrap;
      }
      td {
        overflow: hidden;
        max-width: 96px;
        height: 24px;
        padding: 0 6px;
        border: 1px solid var(--grid);
        text-align: center;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .arrows td {
        height: 14px;
        border: 0;
        color: var(--muted);
        line-height: 14px;
      }
      .uncounted {
        background: repeating-linear-gradient(135deg, var(--grid) 0 1px, transparent 1px 4px);
        color: var(--muted);
      }
      .unrecorded {
        border-style: dashed;
        color: var(--muted);
      }
      .here {
        border: 2px solid var(--vscode-focusBorder);
      }
      .signs td {
        border: 0;
        background: none;
      }
      p {
        margin-top: 6px;
      }
    `,
  ];

  @property({ attribute: false }) example!: ProbeExample;
  @property({ attribute: false }) task: Task = 'causal-lm';
  @property({ attribute: false }) names: readonly string[] = [];
  /** Index into the example's positions. */
  @property({ attribute: false }) position = 0;

  override render(): unknown {
    const { example, task } = this;
    const chosen = example.positions[this.position]!.token;
    const { shift } = taskFacts[task];
    const last = Math.max(example.tokens.length, example.paddedLength ?? 0) - 1;
    const from = Math.max(shift, Math.min(chosen - around, last - 2 * around));
    const to = Math.min(last, from + 2 * around);
    const targets = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    return html`<div
        class="scroll"
        tabindex="0"
        role="region"
        aria-label=${l10n.t('What is read and what it predicts')}
      >
        <table aria-label=${l10n.t('What is read and what it predicts')}>
          <tbody>
            <tr>
              <th scope="row">${l10n.t('read')}</th>
              ${targets.map((token) => html`<td translate="no" class="mono ${token - shift >= example.tokens.length ? 'uncounted' : ''}">${this.#read(token, shift)}</td>`)}
            </tr>
            <tr class="arrows" aria-hidden="true">
              <th></th>
              ${targets.map(() => html`<td>${shift === 1 ? '↘' : '↓'}</td>`)}
            </tr>
            <tr>
              <th scope="row">${shift === 1 ? l10n.t('predicts the next') : l10n.t('predicts')}</th>
              ${targets.map((token) => this.#target(token, token === chosen))}
            </tr>
            <tr class="signs">
              <th scope="row">${l10n.t('counts')}</th>
              ${targets.map((token) => {
                const standing = standingOf(example, token);
                return html`<td title=${standingWords[standing]}>${signs[standing]}</td>`;
              })}
            </tr>
          </tbody>
        </table>
      </div>
      ${this.#summary(last)}`;
  }

  /** What stands at the place from which a token is predicted. */
  #read(token: number, shift: number): TemplateResult | string {
    const { tokens } = this.example;
    const at = token - shift;
    if (at >= tokens.length) return 'pad';
    const isHidden =
      taskFacts[this.task].isMasked && standingOf(this.example, token) !== 'uncounted' && this.example.counted;
    return isHidden ? '▢' : visible(tokens[at]!.token);
  }

  #target(token: number, here: boolean): TemplateResult {
    const { tokens, positions } = this.example;
    const standing = standingOf(this.example, token);
    const label = positions.find((position) => position.token === token)?.label ?? -1;
    const alone = taskFacts[this.task].hasLabels ? '–' : tokens[token]?.token;
    const text = token >= tokens.length ? 'pad' : visible(this.names[label] ?? alone!);
    return html`<td
      translate="no"
      class="mono ${standing} ${here ? 'here' : ''}"
      aria-current=${here ? 'true' : 'false'}
    >
      ${text}
    </td>`;
  }

  #summary(last: number): TemplateResult | typeof nothing {
    const { tokens, positions, counted, within = [], paddedLength } = this.example;
    const unrecorded = (counted?.length ?? positions.length) - positions.length;
    const padding = Math.max(0, (paddedLength ?? 0) - tokens.length);
    const parts = [
      taskFacts[this.task].hasLabels
        ? l10n.t('{0} of {1} words count', formatCount(counted?.length ?? positions.length), formatCount(tokens.length))
        : l10n.t(
            '{0} of {1} tokens count',
            formatCount((counted?.length ?? positions.length) + within.length),
            formatCount(tokens.length),
          ),
      ...(within.length > 0 ? [l10n.t('in {0} spans', formatCount(counted?.length ?? positions.length))] : []),
      ...(unrecorded > 0 ? [l10n.t('the last {0} of them are not recorded', formatCount(unrecorded))] : []),
      ...(padding > 0
        ? [l10n.t('in a batch of {0}, {1} would be padding', formatCount(last + 1), formatCount(padding))]
        : []),
    ];
    return html`<p class="small muted">${parts.join('; ')}.</p>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-alignment': Alignment;
  }
}
