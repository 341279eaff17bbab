/** @file Confusion matrices side by side: how often each class was taken for which. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatCount, formatPercent } from '../../src/protocol/format';
import type { ComparisonDetail } from '../../src/protocol/lab-data';
import { mark } from '../look/marks';
import { inlineStyles } from '../base/inline-styles';
import { roleNames } from '../look/role-names';
import { csvText } from '../save/csv';
import '../save/save-button';
import { shared } from '../look/styles';
import type { ComparedModel } from './models';

/** Classes that are shown; with more, the table's width would say nothing. */
const mostClasses = 12;

@customElement('lab-confusion')
export class Confusion extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .matrices {
        display: flex;
        flex-wrap: wrap;
        gap: 12px 24px;
        margin-top: 8px;
        overflow-x: auto;
      }
      caption {
        padding-bottom: 4px;
        font-size: 12px;
        font-weight: 600;
        text-align: left;
        white-space: nowrap;
      }
      table {
        border-collapse: collapse;
      }
      th {
        overflow: hidden;
        max-width: 72px;
        padding: 0 6px;
        color: var(--muted);
        font-size: 11px;
        font-weight: 400;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      th[scope='row'] {
        text-align: right;
      }
      td {
        min-width: 52px;
        height: 40px;
        border: 1px solid var(--vscode-editor-background);
        background: color-mix(in srgb, var(--vscode-foreground) 8%, transparent);
        line-height: 16px;
        text-align: center;
      }
      td small {
        display: block;
        color: var(--muted);
        font-size: 11px;
        font-weight: 400;
      }
      td.wrong {
        font-weight: 600;
      }
      /* Muted letters are too faint on a shade. */
      td.wrong small {
        color: inherit;
      }
      p {
        margin-top: 4px;
      }
    `,
  ];

  @property({ attribute: false }) confusion!: NonNullable<ComparisonDetail['confusion']>;
  @property({ attribute: false }) models: readonly ComparedModel[] = [];

  override render(): unknown {
    const { labels, counts } = this.confusion;
    const shown = this.models.filter(({ row, other }) => !other && counts[row.name]);
    const most = Math.max(1e-9, ...shown.flatMap(({ row }) => wrongShares(counts[row.name]!)));
    return html`<figure>
      <h2>
        ${l10n.t('Confusion')}
        <lab-save .name=${l10n.t('Confusion')} .csv=${() => this.#csv()}></lab-save>
      </h2>
      <p class="note">${l10n.t("rows: hard label, columns: prediction; share of the label's rows")}</p>
      ${
        labels.length > mostClasses
          ? html`<p class="note">
              ${l10n.t('{0} classes are too many to draw; save them as CSV.', formatCount(labels.length))}
            </p>`
          : html`<div class="matrices" tabindex="0" role="region" aria-label=${l10n.t('Confusion matrices')}>
              ${shown.map((model) => this.#matrix(model, labels, counts[model.row.name]!, most))}
            </div>`
      }
    </figure>`;
  }

  #csv(): string {
    const { labels, counts } = this.confusion;
    const rows = Object.entries(counts).flatMap(([name, matrix]) =>
      matrix.flatMap((row, i) => row.map((count, j) => [name, labels[i], labels[j], count])),
    );
    return csvText([['model', 'hard label', 'prediction', 'rows'], ...rows]);
  }

  #matrix({ row, title }: ComparedModel, labels: readonly string[], matrix: number[][], most: number): unknown {
    const wrong = matrix.reduce((sum, counts, i) => sum + counts.reduce((a, n, j) => a + (i === j ? 0 : n), 0), 0);
    return html`<div>
      <table aria-label=${l10n.t('Confusion of the {0}', roleNames[row.role])}>
        <caption>
          ${mark(row.role)} ${title}
        </caption>
        <thead>
          <tr>
            <th scope="col"><span class="spoken">${l10n.t('Hard label')}</span></th>
            ${labels.map((label) => html`<th scope="col" translate="no" title=${label}>${label}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${matrix.map((counts, i) => {
            const all = counts.reduce((a, b) => a + b, 0);
            return html`<tr>
              <th scope="row" translate="no" title=${labels[i]!}>${labels[i]}</th>
              ${counts.map((count, j) => this.#cell(count, all, i === j, most))}
            </tr>`;
          })}
        </tbody>
      </table>
      <p class="small muted">${l10n.t('{0} wrong', formatCount(wrong))}</p>
    </div>`;
  }

  #cell(count: number, all: number, right: boolean, most: number): unknown {
    const share = all === 0 ? 0 : count / all;
    const shade = 46 * (share / most);
    const background = right || count === 0 ? undefined : `color-mix(in srgb, var(--wrong) ${shade}%, transparent)`;
    return html`<td class="number ${right || count === 0 ? '' : 'wrong'}" ${inlineStyles({ background })}>
      ${formatCount(count)}${all === 0 ? nothing : html`<small>${formatPercent(share)}</small>`}
    </td>`;
  }
}

function wrongShares(matrix: number[][]): number[] {
  return matrix.flatMap((counts, i) => {
    const all = counts.reduce((a, b) => a + b, 0) || 1;
    return counts.filter((_, j) => j !== i).map((count) => count / all);
  });
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-confusion': Confusion;
  }
}
