/** @file What two models expected in one token's place: paired bars, the token that was taken marked. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatShare, shareDecimals } from '../../src/protocol/format';
import type { CompletionSide, ScoredToken } from '../../src/protocol/lab-data';
import { mark } from '../look/marks';
import { pairBars, pairBarStyles } from '../charts/pair-bars';
import { shared } from '../look/styles';
import { numberTable } from '../look/table-styles';
import { visible } from '../tokens/token-text';
import { expectedRows, otherOf, type ExpectedRow } from './scores';
import { roleNames } from '../look/role-names';

@customElement('lab-expected')
export class Expected extends LitElement {
  static override styles = [
    shared,
    numberTable,
    pairBarStyles,
    css`
      td {
        height: 24px;
        padding: 0 0 0 8px;
        text-align: right;
        white-space: nowrap;
      }
      .taken {
        width: 14px;
        padding: 0;
        text-align: left;
      }
      .name {
        overflow: hidden;
        max-width: 104px;
        text-align: left;
        text-overflow: ellipsis;
      }
      td.name:not(.muted) {
        font-family: var(--vscode-editor-font-family, monospace);
        font-size: 12px;
      }
      .bars {
        width: 45%;
      }
      /* Of a long prompt its beginning. */
      h2 .note {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
    `,
  ];

  @property({ attribute: false }) token!: ScoredToken;
  /** Whose text the token is in. */
  @property({ attribute: false }) side: CompletionSide = 'student';
  @property({ attribute: false }) preceding = '';

  override render(): unknown {
    const { rows, rest } = expectedRows(this.token, this.side);
    const shares = rows.flatMap(({ own, other }) => [own || 0, other || 0]);
    const decimals = shareDecimals(shares);
    const widest = Math.max(1e-9, ...shares);
    const sides = this.#sides();
    const after = l10n.t('after “{0}”, T = 1', this.preceding);
    return html`<figure>
      <h2>
        ${l10n.t('At “{0}”', visible(this.token.token))}
        <span class="note" title=${after}>${after}</span>
      </h2>
      <table aria-label=${l10n.t('What {0} expected', sides.map((side) => roleNames[side]).join(l10n.t(' and ')))}>
        <thead>
          <tr>
            <th scope="col"><span class="spoken">${l10n.t('Taken')}</span></th>
            <th scope="col" class="name">${l10n.t('Token')}</th>
            <th aria-hidden="true"></th>
            ${sides.map((side) => html`<th scope="col">${mark(side, roleNames[side])}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => this.#row(row, widest, decimals))}
          <tr>
            <td></td>
            <td class="name muted">${l10n.t('others')}</td>
            <td></td>
            ${this.#shares(rest, decimals)}
          </tr>
        </tbody>
      </table>
      <p class="small muted">${l10n.t('▸ the token that the {0} took', roleNames[this.side])}</p>
    </figure>`;
  }

  /** The teacher first. */
  #sides(): CompletionSide[] {
    return this.side === 'teacher' ? ['teacher', otherOf('teacher')] : ['teacher', this.side];
  }

  #shareOf(row: Pick<ExpectedRow, 'own' | 'other'>, side: CompletionSide): number {
    return side === this.side ? row.own : row.other;
  }

  #shares(row: Pick<ExpectedRow, 'own' | 'other'>, decimals: number): unknown {
    return this.#sides().map((side) => html`<td>${formatShare(this.#shareOf(row, side), decimals)}</td>`);
  }

  #row(row: ExpectedRow, widest: number, decimals: number): unknown {
    const bars = this.#sides().map((side) => ({ side, share: this.#shareOf(row, side) }));
    return html`<tr class=${row.taken ? 'strong' : ''}>
      <td class="taken">${row.taken ? html`<span role="img" aria-label=${l10n.t('taken')}>▸</span>` : nothing}</td>
      <td class="name" translate="no">${visible(row.token)}</td>
      <td class="bars" aria-hidden="true"><span class="pair">${pairBars(bars, widest)}</span></td>
      ${this.#shares(row, decimals)}
    </tr>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-expected': Expected;
  }
}
