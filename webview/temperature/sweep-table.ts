/** @file A sweep's runs in numbers: a row a run, or for two fields a heat map. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { softenedAs } from '../../src/protocol/independent-labels';
import type { LabelKind } from '../../src/protocol/records';
import { formatQuantity } from '../../src/protocol/format';
import { Asking } from '../base/asking';
import { failed } from '../look/failed';
import { mark } from '../look/marks';
import { inlineStyles } from '../base/inline-styles';
import type { Measure } from '../state/quality';
import { shared } from '../look/styles';
import { shortName, temperaturePath } from '../base/setting-names';
import { bestPoint, type Sweep, type SweepPoint, sweptText } from './sweep';
import { roleNames } from '../look/role-names';

@customElement('lab-sweep-table')
export class SweepTable extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      h2 {
        margin-bottom: 8px;
        font-size: 12px;
        font-weight: 600;
      }
      table.data th,
      table.data td {
        padding-left: 8px;
      }
      table.heat th,
      table.heat td {
        padding: 0 8px;
        text-align: center;
        vertical-align: middle;
      }
      table.heat td {
        height: 32px;
        min-width: 56px;
        border: 1px solid var(--vscode-editor-background);
      }
      table.data.heat tbody th {
        border-bottom-color: transparent;
        color: var(--muted);
        font-size: 11px;
      }
      /* On any shade. */
      .heat .link {
        color: var(--vscode-foreground);
        text-decoration: underline;
      }
      .best {
        font-weight: 600;
        outline: 2px solid var(--vscode-foreground);
        outline-offset: -2px;
      }
    `,
  ];

  @property({ attribute: false }) sweep!: Sweep;
  @property({ attribute: false }) measure!: Measure;
  /** Logits at the chosen position, to say what each T makes of them. */
  @property({ attribute: false }) labels: LabelKind = 'single';
  @property({ attribute: false }) pair: readonly [Float32Array, Float32Array] | undefined;
  /** The run that is shown. */
  @property({ attribute: false }) shown = '';

  readonly #run = new Asking(this, () => this.shown);

  override render(): unknown {
    return html`${this.sweep.fields.length === 2 ? this.#heatMap() : this.#list()} ${failed(this.#run)}`;
  }

  #list(): TemplateResult {
    const { fields, points } = this.sweep;
    const byT = fields.length === 1 && fields[0] === temperaturePath && this.pair;
    return html`<h2>${byT ? l10n.t("At the sweep's temperatures") : l10n.t('The sweep')}</h2>
      <table class="data" aria-label=${l10n.t("The sweep's runs")}>
        <thead>
          <tr>
            ${fields.map((field) => html`<th scope="col" title=${field}>${shortName(field)}</th>`)}
            ${
              byT
                ? html`<th scope="col">${l10n.t('Entropy')} ${mark('teacher', roleNames.teacher)}</th>
                    <th scope="col">${mark('student', roleNames.student)}</th>
                    <th scope="col">KL</th>
                    <th scope="col">T²·KL</th>`
                : ''
            }
            <th scope="col">${this.measure.title}</th>
          </tr>
        </thead>
        <tbody>
          ${points.map(
            (point) =>
              html`<tr class=${point.id === this.shown ? 'strong' : ''}>
                ${fields.map((field) => html`<td>${this.#link(point, sweptText(point.values[field]))}</td>`)}
                ${byT ? this.#softened(Number(point.values[temperaturePath]), byT) : ''}
                <td>
                  ${point.soFar ? html`<span class="muted">${l10n.t('so far')}</span> ` : ''}${this.measure.format(point.quality)}
                </td>
              </tr>`,
          )}
        </tbody>
      </table>`;
  }

  #softened(T: number, [teacher, student]: readonly [Float32Array, Float32Array]): TemplateResult {
    const { entropy, kl } = softenedAs(this.labels, teacher, student, T);
    const values = [entropy.teacher, entropy.student, kl, T * T * kl];
    return html`${values.map((value) => html`<td>${formatQuantity(value)}</td>`)}`;
  }

  #link({ id }: SweepPoint, words: string): TemplateResult | string {
    if (id === this.shown) return words;
    return html`<button
      class="link"
      title=${l10n.t('Show this run')}
      @click=${() => void this.#run.ask('showRun', { run: id })}
    >
      ${words}
    </button>`;
  }

  /** Shaded from the worst to the best; the number stands in each cell. */
  #heatMap(): TemplateResult {
    const [across, down] = this.sweep.fields as [string, string];
    const { points } = this.sweep;
    const axis = (field: string): string[] => [...new Set(points.map(({ values }) => sweptText(values[field])))];
    const at = (x: string, y: string): SweepPoint | undefined =>
      points.find(({ values }) => sweptText(values[across]) === x && sweptText(values[down]) === y);
    const qualities = points.flatMap(({ quality }) => (quality === undefined ? [] : [quality]));
    const [low, high] = [Math.min(...qualities), Math.max(...qualities)];
    const best = bestPoint(this.sweep, this.measure);
    const goodness = (quality: number): number => {
      const share = (quality - low) / (high - low || 1);
      return this.measure.higherIsBetter ? share : 1 - share;
    };
    const cell = (point: SweepPoint | undefined): TemplateResult => {
      const shade = point?.quality === undefined ? 0 : 8 + 52 * goodness(point.quality);
      return html`<td
        class=${point && point === best ? 'best' : ''}
        ${inlineStyles({ background: `color-mix(in srgb, var(--student) ${shade}%, transparent)` })}
      >
        ${point ? this.#link(point, `${this.measure.format(point.quality)}${point.soFar ? ` ${l10n.t('so far')}` : ''}`) : '–'}
      </td>`;
    };
    return html`<h2>${l10n.t('{0} by {1} and {2}', this.measure.title, shortName(across), shortName(down))}</h2>
      <div class="scroll" tabindex="0" role="region" aria-label=${l10n.t('Heat map of the sweep')}>
        <table class="data heat" aria-label=${l10n.t("The sweep's runs")}>
          <caption>
            <span>${l10n.t('Stronger is better; the best is framed. Across: {0}. Down: {1}.', across, down)}</span>
          </caption>
          <thead>
            <tr>
              <th scope="col"><span class="spoken">${shortName(down)}</span></th>
              ${axis(across).map((x) => html`<th scope="col">${x}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${axis(down).map(
              (y) =>
                html`<tr>
                  <th scope="row">${y}</th>
                  ${axis(across).map((x) => cell(at(x, y)))}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-sweep-table': SweepTable;
  }
}
