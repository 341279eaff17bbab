/** @file What teacher and student expected in one token's place: paired bars, the token that was taken marked. */

import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatShare, shareDecimals } from '../../src/protocol/format';
import type { ScoredToken } from '../../src/protocol/lab-data';
import { mark } from '../icons';
import { place } from '../place';
import { numberTable, shared } from '../styles';
import { visible } from '../tokens/token-text';
import { expectedRows, type ExpectedRow } from './scores';

@customElement('lab-expected')
export class Expected extends LitElement {
  static override styles = [
    shared,
    numberTable,
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
        font-family: var(--vscode-editor-font-family, monospace);
        font-size: 12px;
        text-align: left;
        text-overflow: ellipsis;
      }
      .bars {
        position: relative;
        width: 45%;
      }
      .bars i {
        position: absolute;
        left: 8px;
        height: 8px;
        min-width: 1px;
        border-radius: 0 1px 1px 0;
      }
      .bars .teacher {
        top: 3px;
        background: var(--teacher);
      }
      .bars .student {
        top: 13px;
        background: var(--student-bar);
        outline: var(--bar-edge) solid var(--student);
        outline-offset: calc(-1 * var(--bar-edge));
      }
    `,
  ];

  @property({ attribute: false }) token!: ScoredToken;
  /** Whose text the token is in. */
  @property({ attribute: false }) side: 'teacher' | 'student' = 'student';
  @property({ attribute: false }) preceding = '';

  override render(): unknown {
    const { rows, other } = expectedRows(this.token, this.side);
    const decimals = shareDecimals(rows.flatMap(({ teacher, student }) => [teacher || 0, student || 0]));
    const widest = Math.max(1e-9, ...rows.flatMap(({ teacher, student }) => [teacher || 0, student || 0]));
    return html`<figure>
      <h3>At “${visible(this.token.token)}” <span class="note">after “${this.preceding}”, T = 1</span></h3>
      <table aria-label="What teacher and student expected">
        <thead>
          <tr>
            <th></th>
            <th scope="col" class="name">Token</th>
            <th aria-hidden="true"></th>
            <th scope="col">${mark('teacher', 'teacher')}</th>
            <th scope="col">${mark('student', 'student')}</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => this.#row(row, widest, decimals))}
          <tr>
            <td></td>
            <td class="name muted">others</td>
            <td></td>
            <td>${formatShare(other.teacher, decimals)}</td>
            <td>${formatShare(other.student, decimals)}</td>
          </tr>
        </tbody>
      </table>
      <p class="small muted">▸ the token that the ${this.side} took</p>
    </figure>`;
  }

  #row(row: ExpectedRow, widest: number, decimals: number): unknown {
    const bar = (side: 'teacher' | 'student'): unknown =>
      html`<i class=${side} ${place({ width: `calc(${row[side] / widest || 0} * (100% - 8px))` })}></i>`;
    return html`<tr class=${row.taken ? 'strong' : ''}>
      <td class="taken">${row.taken ? html`<span role="img" aria-label="taken">▸</span>` : nothing}</td>
      <td class="name">${visible(row.token)}</td>
      <td class="bars" aria-hidden="true">${bar('teacher')}${bar('student')}</td>
      <td>${formatShare(row.teacher, decimals)}</td>
      <td>${formatShare(row.student, decimals)}</td>
    </tr>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-expected': Expected;
  }
}
