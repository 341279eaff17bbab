/** @file Where several labels may apply: precision, recall and F1 of each label, model by model, in the place of a confusion matrix. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { formatCount, formatShare } from '../../src/protocol/format';
import type { ComparisonDetail, LabelScore } from '../../src/protocol/lab-data';
import { labelF1 } from '../../src/protocol/predictions';
import { mark } from '../look/marks';
import { roleNames } from '../look/role-names';
import { shared } from '../look/styles';
import { csvText } from '../save/csv';
import '../save/save-button';
import type { ComparedModel } from './models';
import { showAll } from './show-all';

/** Labels that are shown before the person asks for all. */
const fewLabels = 12;

@customElement('lab-label-scores')
export class LabelScores extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .scroll {
        margin-top: 8px;
      }
      table.data th,
      table.data td {
        padding-left: 16px;
      }
      table.data th:first-child {
        max-width: 160px;
        padding-left: 0;
        overflow: hidden;
        text-align: left;
        text-overflow: ellipsis;
      }
    `,
  ];

  @property({ attribute: false }) scores!: NonNullable<ComparisonDetail['labelScores']>;
  @property({ attribute: false }) models: readonly ComparedModel[] = [];
  @state() private all = false;

  override render(): unknown {
    const { scores } = this;
    const models = this.models.filter(({ row, other }) => !other && scores[0]?.models[row.name]);
    const shown = this.all ? scores : scores.slice(0, fewLabels);
    return html`<figure>
      <h2>
        ${l10n.t('F1 by label')}
        <lab-save .name=${l10n.t('F1 by label')} .csv=${() => this.#csv()}></lab-save>
      </h2>
      <p class="note">${l10n.t('a label is said from a probability of .5 on; beside F1: precision · recall')}</p>
      <div class="scroll" tabindex="0" role="region" aria-label=${l10n.t('F1 by label')}>
        <table class="data" aria-label=${l10n.t('F1 by label')}>
          <thead>
            <tr>
              <th scope="col">${l10n.t('Hard label')}</th>
              <th scope="col">${l10n.t('Rows')}</th>
              ${models.map(({ row, title }) => html`<th scope="col">${mark(row.role, roleNames[row.role])} ${title}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${shown.map(
              ({ label, rows, models: said }) =>
                html`<tr>
                  <th scope="row" translate="no" title=${label}>${label}</th>
                  <td class="number">${formatCount(rows)}</td>
                  ${models.map(({ row }) => scoreCell(rows, said[row.name]!))}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${showAll(scores, shown, l10n.t('Show {0} labels', formatCount(scores.length)), () => (this.all = true))}
    </figure>`;
  }

  #csv(): string {
    const names = Object.keys(this.scores[0]?.models ?? {});
    const head = ['label', 'rows', ...names.flatMap((name) => [`${name} said`, `${name} right`, `${name} F1`])];
    const rows = this.scores.map(({ label, rows: count, models }) => [
      label,
      count,
      ...names.flatMap((name) => [models[name]!.said, models[name]!.right, labelF1(count, models[name]!)]),
    ]);
    return csvText([head, ...rows]);
  }
}

function scoreCell(rows: number, score: LabelScore): unknown {
  const share = (of: number): string => (of === 0 ? '–' : formatShare(score.right / of, 2));
  return html`<td class="number">
    <b>${formatShare(labelF1(rows, score))}</b>
    <span class="small muted">${share(score.said)} · ${share(rows)}</span>
  </td>`;
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-label-scores': LabelScores;
  }
}
