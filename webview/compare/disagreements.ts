/** @file The rows on which teacher and student differ: each opens in the editor at its line. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { choiceText } from '../../src/protocol/taught';
import { formatCount, formatNumber, formatPercent, formatQuantity, formatShare } from '../../src/protocol/format';
import type { ComparisonDetail } from '../../src/protocol/lab-data';
import { metricFacts } from '../../src/protocol/quality';
import type { ModelPrediction, PredictionRecord } from '../../src/protocol/records';
import { Asking } from '../base/asking';
import { failed } from '../look/failed';
import { mark } from '../look/marks';
import { csvText } from '../save/csv';
import '../save/save-button';
import { shared } from '../look/styles';
import { roleNames } from '../look/role-names';
import { fileLink, tokensLink } from './row-links';
import { showAll } from './show-all';

const fewRows = 10;

@customElement('lab-disagreements')
export class Disagreements extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      table.data {
        table-layout: fixed;
        margin-top: 8px;
      }
      table.data td,
      table.data th {
        overflow: hidden;
        padding-left: 12px;
        text-align: left;
        text-overflow: ellipsis;
      }
      .place {
        width: 136px;
      }
      .said {
        width: 240px;
      }
      /* Of several labels, as many lines as they need. */
      table.data.several td.said {
        white-space: normal;
      }
      .look {
        width: 64px;
      }
      @media (max-width: 640px) {
        .text {
          display: none;
        }
        .place,
        .said {
          width: auto;
        }
        table.data td.said {
          white-space: normal;
        }
      }
    `,
  ];

  /** Name of the run. */
  @property({ attribute: false }) run = '';
  @property({ attribute: false }) comparison!: ComparisonDetail;
  @state() private all = false;

  readonly #file = new Asking(this, () => this.run);

  override render(): unknown {
    const { disagreements, disagreementCount, rows } = this.comparison;
    const shown = this.all ? disagreements : disagreements.slice(0, fewRows);
    const label = disagreements[0]?.label;
    const areNumbers = typeof label === 'number' || disagreements[0]?.models.student?.teacherCosine !== undefined;
    const classes = label !== undefined || areNumbers;
    return html`<figure>
      <h2>
        ${classes && !areNumbers ? l10n.t('Where teacher and student disagree') : l10n.t('Where teacher and student differ most')}
        <lab-save .name=${l10n.t('Rows apart')} .csv=${() => this.#csv()}></lab-save>
      </h2>
      <p class="note">
        ${l10n.t('{0} of {1} rows, the most apart first', formatCount(disagreementCount), formatCount(rows))}
      </p>
      ${failed(this.#file)}
      ${
        disagreements.length === 0
          ? html`<p class="small muted">${l10n.t('They agree on every row.')}</p>`
          : html`<table
              class="data ${Array.isArray(label) ? 'several' : ''}"
              aria-label=${l10n.t('Rows on which teacher and student differ')}
            >
              <thead>
                <tr>
                  <th scope="col" class="place">${l10n.t('Row')}</th>
                  <th scope="col" class="text">${l10n.t('Text')}</th>
                  <th scope="col" class="said">
                    ${classes ? html`${mark('teacher', roleNames.teacher)} → ${mark('student', roleNames.student)}` : l10n.t('First choices, KL')}
                  </th>
                  <th scope="col" class="look"><span class="spoken">${l10n.t('Tokens')}</span></th>
                </tr>
              </thead>
              <tbody>
                ${shown.map((record) => this.#row(record))}
              </tbody>
            </table>`
      }
      ${showAll(disagreements, shown, l10n.t('Show {0} rows', formatCount(disagreements.length)), () => (this.all = true))}
    </figure>`;
  }

  #row(record: PredictionRecord): unknown {
    const { file, line, text } = record;
    const place = `${file.split(/[\\/]/).at(-1)!}:${line}`;
    return html`<tr>
      <td class="place" translate="no">${fileLink(this.#file, this.run, record, place)}</td>
      <td class="text muted" translate="no" title=${text}>${text}</td>
      <td class="said number">${said(record)}</td>
      <td class="look">${tokensLink(this, record)}</td>
    </tr>`;
  }

  #csv(): string {
    const models = Object.keys(this.comparison.disagreements[0]?.models ?? {});
    const head = [
      'file',
      'line',
      'hard label',
      ...models.flatMap((name) => [`${name} choice`, `${name} probability`, `${name} KL`]),
    ];
    const rows = this.comparison.disagreements.map(({ file, line, label, models: said }) => [
      file,
      line,
      [label].flat().join(', '),
      ...models.flatMap((name) => {
        const { probability, teacherKl, value, similarity } = said[name] ?? {};
        return [value ?? similarity ?? (said[name] && choiceText(said[name])), probability, teacherKl];
      }),
    ]);
    return csvText([head, ...rows]);
  }
}

function said({ label, models: { teacher, student } }: PredictionRecord): unknown {
  if (!teacher || !student) return nothing;
  if (student.teacherCosine !== undefined) return nearness({ teacher, student }, label);
  if (typeof label === 'number') {
    return html`${formatNumber(teacher.value)} → ${formatNumber(student.value)}
      <span class="muted">${mark('label', l10n.t('the hard label'))} ${formatNumber(label)}</span>`;
  }
  if (Array.isArray(label)) {
    const labels = ({ choices = [] }: ModelPrediction): unknown =>
      choices.length === 0
        ? l10n.t('none')
        : choices.map(
            ({ choice: name }, i) =>
              html`${i > 0 ? ', ' : ''}<span translate="no" class=${label.includes(name) ? 'strong' : ''}>${name}</span
                >${label.includes(name) ? html` ${mark('label', l10n.t('the hard label'))}` : nothing}`,
          );
    return html`${labels(teacher)} → ${labels(student)}`;
  }
  if (label === undefined) {
    const agreeing = (student.agreeing ?? 0) / student.predictions;
    return html`${l10n.t('agree on {0}, {1} nats', formatPercent(agreeing), formatQuantity((student.teacherKl ?? 0) / student.predictions))}`;
  }
  const choice = ({ choice: name, probability }: ModelPrediction): unknown =>
    html`<span translate="no" class=${name === label ? 'strong' : ''}>${name} ${formatShare(probability)}</span>${
        name === label ? html` ${mark('label', l10n.t('the hard label'))}` : nothing
      }`;
  return html`${choice(teacher)} → ${choice(student)}`;
}

/** Of a pair how similar both models find its texts; of a text by itself how near its embeddings are. */
function nearness(
  { teacher, student }: Record<'teacher' | 'student', ModelPrediction>,
  label: PredictionRecord['label'],
): TemplateResult {
  const { format } = metricFacts.teacherCosine;
  if (student.similarity === undefined) {
    return html`${l10n.t('cosine {0}', format((student.teacherCosine ?? 0) / student.predictions))}`;
  }
  const score =
    typeof label === 'number'
      ? html` <span class="muted">${mark('label', l10n.t('the hard label'))} ${format(label)}</span>`
      : nothing;
  return html`${format(teacher.similarity)} → ${format(student.similarity)}${score}`;
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-disagreements': Disagreements;
  }
}
