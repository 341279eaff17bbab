/** @file What the teacher gave: the gain by class, and the rows that the student has right and the control wrong, or the reverse. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { line, mark as markOf, type Drawing } from '../../src/protocol/drawing/shapes';
import { formatCount, formatShare, formatShareDifference, formatTemperature } from '../../src/protocol/format';
import type { ClassGain, ModelPrediction, PredictionRecord } from '../../src/protocol/records';
import type { Taught, TaughtClass } from '../../src/protocol/taught';
import { Asking } from '../base/asking';
import { sentence } from '../base/sentence';
import { drawn } from '../charts/drawn';
import { failed } from '../look/failed';
import { mark } from '../look/marks';
import { roleNames } from '../look/role-names';
import { shared } from '../look/styles';
import { csvText } from '../save/csv';
import '../save/save-button';
import { fileLink, tokensLink } from './row-links';
import { showAll } from './show-all';

/** Classes that are shown before the person asks for all. */
const fewClasses = 12;

const gainWidth = 132;

@customElement('lab-taught')
export class TaughtView extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      .parts {
        display: flex;
        flex-wrap: wrap;
        gap: 16px 32px;
        margin-top: 8px;
      }
      .parts > * {
        flex: 1 1 420px;
        min-width: 0;
      }
      p.found {
        max-width: 96ch;
        margin-top: 4px;
        white-space: normal;
      }
      td svg {
        display: block;
      }
      td.drawing {
        width: ${gainWidth}px;
      }
      /* Of the class whose rows are listed. */
      [aria-pressed='true'] {
        font-weight: 600;
        text-decoration: underline;
      }
      table.data th:not(:first-child, .drawing) {
        max-width: 84px;
        white-space: normal;
      }
      ol {
        display: grid;
        gap: 8px;
        margin: 8px 0 12px;
        padding: 0;
        list-style: none;
      }
      li {
        padding-bottom: 6px;
        border-bottom: 1px solid var(--grid);
        line-height: 20px;
      }
      li p {
        overflow-wrap: anywhere;
        white-space: normal;
      }
      h3 {
        margin: 0;
        font-size: 12px;
        font-weight: 600;
      }
      @media (max-width: 640px) {
        .parts > * {
          flex-basis: 100%;
        }
        .drawing {
          display: none;
        }
      }
    `,
  ];

  /** Name of the run. */
  @property({ attribute: false }) run = '';
  @property({ attribute: false }) taught!: Taught;
  @property({ attribute: false }) gains: readonly ClassGain[] | undefined;
  /** The class whose rows are listed; at first the one in which most was gained. */
  @state() private chosen: string | undefined;
  @state() private all = false;

  readonly #file = new Asking(this, () => this.run);

  override render(): unknown {
    const { gained, lost, rows, classes } = this.taught;
    const chosen = classes.find(({ label }) => label === this.chosen) ?? classes[0]!;
    const number = (count: number): unknown => html`<b class="number">${formatCount(count)}</b>`;
    return html`<figure>
      <h2>
        ${l10n.t('What the teacher gave')}
        <lab-save .name=${l10n.t('What the teacher gave')} .csv=${() => this.#csv()}></lab-save>
      </h2>
      <p class="found">
        ${sentence(
          this.taught.several
            ? l10n.t(
                'Of {0} hard labels of rows the student says {1} that the control misses, and misses {2} that the control says.',
              )
            : l10n.t(
                'Of {0} rows the student has {1} right that the control has wrong, and {2} wrong that the control has right.',
              ),
          number(rows),
          number(gained),
          number(lost),
        )}
      </p>
      ${failed(this.#file)}
      <div class="parts">${this.#table(chosen)} ${this.#rows(chosen)}</div>
    </figure>`;
  }

  #table(chosen: TaughtClass): unknown {
    const { classes } = this.taught;
    const shown = this.all ? classes : classes.slice(0, fewClasses);
    const gainOf = new Map(this.gains?.map((gain) => [gain.label, gain]));
    const bound = Math.max(0.01, ...shown.flatMap(({ label }) => gainOf.get(label)?.interval.map(Math.abs) ?? []));
    return html`<div>
      <div class="scroll" tabindex="0" role="region" aria-label=${l10n.t('Gain by class')}>
        <table class="data" aria-label=${l10n.t('Gain by class')}>
          <thead>
            <tr>
              <th scope="col">${l10n.t('Hard label')}</th>
              <th scope="col">${l10n.t('Rows')}</th>
              <th scope="col" class="drawing"><span class="spoken">${l10n.t('Drawing')}</span></th>
              <th scope="col">${l10n.t('F1 gain, 95\u202f%')}</th>
              <th scope="col">${l10n.t('Only the student right')}</th>
              <th scope="col">${l10n.t('Only the control right')}</th>
            </tr>
          </thead>
          <tbody>
            ${shown.map((one) => {
              const gain = gainOf.get(one.label);
              return html`<tr>
                <td>
                  <button
                    class="link"
                    translate="no"
                    aria-pressed=${one === chosen ? 'true' : 'false'}
                    @click=${() => (this.chosen = one.label)}
                  >
                    ${one.label}
                  </button>
                </td>
                <td class="number">${formatCount(one.rows)}</td>
                <td class="drawing">${gain ? drawn(gainDrawing(gain, bound)) : nothing}</td>
                <td class="number">
                  <b>${formatShareDifference(gain?.value)}</b>
                  <span class="small muted">${gain?.interval.map(formatShareDifference).join(' … ')}</span>
                </td>
                <td class="number">${formatCount(one.gained)}</td>
                <td class="number">${formatCount(one.lost)}</td>
              </tr>`;
            })}
          </tbody>
        </table>
      </div>
      ${showAll(classes, shown, l10n.t('Show {0} classes', formatCount(classes.length)), () => (this.all = true))}
    </div>`;
  }

  #rows({ label, gained, lost, gainedRows, lostRows }: TaughtClass): unknown {
    const list = (title: string, count: number, records: readonly PredictionRecord[]): unknown =>
      html`<h3>
          ${title}
          <span class="small muted">${l10n.t('{0} of {1}', formatCount(records.length), formatCount(count))}</span>
        </h3>
        <ol>
          ${records.map((record) => this.#row(record))}
        </ol>`;
    return html`<div>
      ${list(l10n.t('Only the student right: {0}', label), gained, gainedRows)}
      ${list(l10n.t('Only the control right: {0}', label), lost, lostRows)}
    </div>`;
  }

  #row(record: PredictionRecord): unknown {
    const { text, label, models, softLabel } = record;
    const isHard = (choice: string | undefined): boolean =>
      Array.isArray(label) ? choice !== undefined && label.includes(choice) : choice === label;
    const name = (choice: string | undefined): unknown =>
      html`<span translate="no" class=${isHard(choice) ? 'strong' : ''}>${choice}</span>`;
    const said = (model: ModelPrediction | undefined): unknown =>
      model?.choices
        ? model.choices.length === 0
          ? l10n.t('none')
          : model.choices.map(({ choice }, i) => html`${i > 0 ? ', ' : ''}${name(choice)}`)
        : name(model?.choice);
    return html`<li>
      <p translate="no">${text}</p>
      <p class="small">
        ${mark('student', roleNames.student)} ${said(models.student)} ${mark('control', roleNames.control)}
        ${said(models[this.taught.control])}
        ${
          softLabel
            ? html`${mark('teacher')} ${l10n.t('soft label, T = {0}:', formatTemperature(softLabel.temperature))}
              ${softLabel.top
                .filter(({ probability }, i) => i === 0 || probability >= 0.01)
                .map(
                  ({ choice, probability }, i) =>
                    html`${i > 0 ? ' · ' : ''}${name(choice)} <span class="number">${formatShare(probability)}</span>`,
                )}`
            : nothing
        }
        <span class="muted">·</span>
        ${fileLink(this.#file, this.run, record, l10n.t('line {0}', record.line))}
        <span class="muted">·</span>
        ${tokensLink(this, record)}
      </p>
    </li>`;
  }

  #csv(): string {
    const gainOf = new Map(this.gains?.map((gain) => [gain.label, gain]));
    const head = ['hard label', 'rows', 'F1 gain', 'low', 'high', 'only student right', 'only control right'];
    const rows = this.taught.classes.map(({ label, rows: count, gained, lost }) => {
      const gain = gainOf.get(label);
      return [label, count, gain?.value, gain?.interval[0], gain?.interval[1], gained, lost];
    });
    return csvText([head, ...rows]);
  }
}

/** The interval about 0; `bound` is what lies at either end. */
function gainDrawing({ value, interval }: ClassGain, bound: number): Drawing {
  const [width, height, room] = [gainWidth, 20, 6];
  const X = (gain: number): number => room + ((gain + bound) / (2 * bound)) * (width - 2 * room);
  const ends = interval.map(formatShareDifference).join(' … ');
  return {
    width,
    height,
    label: `${formatShareDifference(value)}, ${ends}`,
    shapes: [
      line(X(0), 0, X(0), height, 'var(--axis)'),
      line(X(interval[0]), height / 2, X(interval[1]), height / 2, 'var(--student)', { 'stroke-width': 2 }),
      markOf('student', X(value), height / 2, 3.5),
    ],
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-taught': TaughtView;
  }
}
