/** @file The words of one model that the other least expected: two marks on a line for each. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatShare } from '../../src/protocol/format';
import { mark, markShape } from '../look/marks';
import { shared } from '../look/styles';
import { numberTable } from '../look/table-styles';
import { visible } from '../tokens/token-text';
import { TokenEvent } from './completion-panel';
import type { Surprise } from './scores';
import { roleNames } from '../look/role-names';

@customElement('lab-surprises')
export class SurpriseList extends LitElement {
  static override styles = [
    shared,
    numberTable,
    css`
      td {
        height: 24px;
        padding: 0 0 0 8px;
        text-align: right;
      }
      .line {
        width: 55%;
      }
      .line > svg {
        display: block;
        width: 100%;
        height: 16px;
        overflow: visible;
      }
      tr.chosen td {
        background: var(--vscode-list-hoverBackground);
      }
      .name {
        padding-left: 0;
        text-align: left;
      }
      .link {
        font-family: var(--vscode-editor-font-family, monospace);
        font-size: 12px;
      }
    `,
  ];

  @property({ attribute: false }) side: 'teacher' | 'student' = 'teacher';
  @property({ attribute: false }) surprises: readonly Surprise[] = [];
  @property({ attribute: false }) chosen = -1;

  override render(): unknown {
    const title =
      this.side === 'teacher'
        ? l10n.t("Teacher's words the student least expected")
        : l10n.t("Student's words the teacher least expected");
    return html`<figure>
      <h2>${title}</h2>
      <table aria-label=${title}>
        <thead>
          <tr>
            <th scope="col" class="name">${l10n.t('Token')}</th>
            <th aria-hidden="true"></th>
            <th scope="col">${mark('teacher', roleNames.teacher)}</th>
            <th scope="col">${mark('student', roleNames.student)}</th>
          </tr>
        </thead>
        <tbody>
          ${this.surprises.map((surprise) => this.#row(surprise))}
        </tbody>
      </table>
    </figure>`;
  }

  #row({ index, token, own, other }: Surprise): unknown {
    const [teacher, student] = this.side === 'teacher' ? [own, other] : [other, own];
    return html`<tr class=${index === this.chosen ? 'chosen' : ''}>
      <td class="name" translate="no">
        <button class="link" @click=${() => this.dispatchEvent(new TokenEvent(index))}>${visible(token)}</button>
      </td>
      <td class="line" aria-hidden="true">
        <svg>
          ${svg`<line x1="${100 * teacher}%" x2="${100 * student}%" y1="8" y2="8" stroke="var(--axis)"/>
            <svg x="${100 * teacher}%" y="8" overflow="visible">${markShape('teacher', 0, 0, 3.5)}</svg>
            <svg x="${100 * student}%" y="8" overflow="visible">${markShape('student', 0, 0, 3.5)}</svg>`}
        </svg>
      </td>
      <td>${formatShare(teacher)}</td>
      <td>${formatShare(student)}</td>
    </tr>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-surprises': SurpriseList;
  }
}
