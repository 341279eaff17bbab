/** @file The rows on which teacher and student differ: each opens in the editor at its line. */

import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { formatCount, formatPercent, formatQuantity, formatShare } from '../../src/protocol/format';
import type { ComparisonDetail } from '../../src/protocol/lab-data';
import type { ModelPrediction, PredictionRecord } from '../../src/protocol/records';
import { ChooseEvent } from '../choices';
import { mark } from '../icons';
import { csvText } from '../save/csv';
import '../save/save-button';
import { shared } from '../styles';
import { TellEvent } from '../tell';

const fewRows = 10;

@customElement('lab-apart-rows')
export class ApartRows extends LitElement {
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
      }
    `,
  ];

  @property({ attribute: false }) comparison!: ComparisonDetail;
  @state() private all = false;

  override render(): unknown {
    const { apart, apartCount, rows } = this.comparison;
    const shown = this.all ? apart : apart.slice(0, fewRows);
    const classes = apart[0]?.label !== undefined;
    return html`<figure>
      <h2>
        Where teacher and student ${classes ? 'disagree' : 'differ most'}
        <lab-save .name=${'Rows apart'} .csv=${() => this.#csv()}></lab-save>
      </h2>
      <p class="note">${formatCount(apartCount)} of ${formatCount(rows)} rows, the most apart first</p>
      ${
        apart.length === 0
          ? html`<p class="small muted">They agree on every row.</p>`
          : html`<table class="data" aria-label="Rows on which teacher and student differ">
              <thead>
                <tr>
                  <th scope="col" class="place">Row</th>
                  <th scope="col" class="text">Text</th>
                  <th scope="col" class="said">
                    ${classes ? html`${mark('teacher', 'teacher')} → ${mark('student', 'student')}` : 'First choices, KL'}
                  </th>
                  <th scope="col" class="look"><span class="spoken">Tokens</span></th>
                </tr>
              </thead>
              <tbody>
                ${shown.map((record) => this.#row(record))}
              </tbody>
            </table>`
      }
      ${
        apart.length > shown.length
          ? html`<button class="link small" @click=${() => (this.all = true)}>
              Show ${formatCount(apart.length)} rows
            </button>`
          : nothing
      }
    </figure>`;
  }

  #row(record: PredictionRecord): unknown {
    const { file, line, text } = record;
    const place = `${file.split(/[\\/]/).at(-1)!}:${line}`;
    return html`<tr>
      <td class="place">
        <button
          class="link"
          title="Open ${file}:${line} in the editor"
          @click=${() => this.dispatchEvent(new TellEvent({ type: 'openFile', file, line }))}
        >
          ${place}
        </button>
      </td>
      <td class="text muted" title=${text}>${text}</td>
      <td class="said number">${said(record)}</td>
      <td class="look">
        <button
          class="link"
          title="Look at this row's distributions"
          @click=${() => this.dispatchEvent(new ChooseEvent({ row: { file, line }, example: -1, position: 0, tab: 'tokens' }))}
        >
          tokens
        </button>
      </td>
    </tr>`;
  }

  #csv(): string {
    const models = Object.keys(this.comparison.apart[0]?.models ?? {});
    const head = [
      'file',
      'line',
      'hard label',
      ...models.flatMap((name) => [`${name} choice`, `${name} probability`, `${name} KL`]),
    ];
    const rows = this.comparison.apart.map(({ file, line, label, models: said }) => [
      file,
      line,
      label,
      ...models.flatMap((name) => [said[name]?.choice, said[name]?.probability, said[name]?.teacherKl]),
    ]);
    return csvText([head, ...rows]);
  }
}

function said({ label, models: { teacher, student } }: PredictionRecord): unknown {
  if (!teacher || !student) return nothing;
  if (label === undefined) {
    const agreeing = (student.agreeing ?? 0) / student.predictions;
    return html`agree on ${formatPercent(agreeing)}, ${formatQuantity((student.teacherKl ?? 0) / student.predictions)}
    nats`;
  }
  const choice = ({ choice: name, probability }: ModelPrediction): unknown =>
    html`<span class=${name === label ? 'strong' : ''}>${name} ${formatShare(probability)}</span>${
        name === label ? html` ${mark('label', 'the hard label')}` : nothing
      }`;
  return html`${choice(teacher)} → ${choice(student)}`;
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-apart-rows': ApartRows;
  }
}
