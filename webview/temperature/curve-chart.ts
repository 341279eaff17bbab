/** @file One chart over T: its x axis is the slider's, so that the thumb and the line through all charts are one thing. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Drawing } from '../../src/protocol/drawing/shapes';
import { drawn } from '../charts/drawn';
import { drawingFile } from '../save/pictures';
import '../save/save-button';
import { csvText } from '../save/csv';
import { shared } from '../look/styles';
import { fromFraction } from '../tokens/temperature-scale';
import { ChooseEvent } from '../state/choices';
import { Width } from '../base/width';
import { chartLeft, chartRight, curveDrawing, narrowRight, type CurveLine } from './curve-drawing';
import { curveTemperatures } from './curve-set';

@customElement('lab-curve')
export class CurveChart extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      /* The values have a line of their own, for the curves have no names. */
      .narrow .note {
        flex-basis: 100%;
      }
    `,
  ];

  @property({ attribute: false }) name = '';
  @property({ attribute: false }) note = '';
  @property({ attribute: false }) lines: readonly CurveLine[] = [];
  @property({ attribute: false }) temperature = 1;
  @property({ attribute: false }) logScale = false;
  /** A horizontal line with its name: what the curves cannot exceed. */
  @property({ attribute: false }) limit: { value: number; name: string } | undefined;
  @property({ attribute: false }) height = 116;
  @property({ attribute: false }) narrow = false;
  @property({ attribute: false }) table = false;

  readonly #width = new Width(this);

  override render(): unknown {
    const drawing = this.#drawing();
    return html`<figure class=${this.narrow ? 'narrow' : ''}>
      <h2>
        ${this.name}
        <span class="note">
          ${this.note}
          ${this.lines.map(({ name, now, format }) => html` · <span class="number">${name} <b>${format(now)}</b></span>`)}</span
        >
        <lab-save .name=${this.name} .csv=${() => this.#csv()} .svg=${() => drawing && drawingFile(drawing)}></lab-save>
      </h2>
      ${this.table ? this.#table() : this.#plot(drawing)}
    </figure>`;
  }

  #csv(): string {
    const head = ['T', ...this.lines.map(({ name }) => name)];
    return csvText([head, ...curveTemperatures.map((T, i) => [T, ...this.lines.map(({ values }) => values[i])])]);
  }

  #table(): unknown {
    const every = curveTemperatures.map((T, i) => ({ T, i })).filter(({ i }) => i % 8 === 0);
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${l10n.t('{0}, table', this.name)}>
      <table class="data" aria-label=${this.name}>
        <thead>
          <tr>
            <th scope="col">T</th>
            ${this.lines.map(({ name }) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${every.map(
            ({ T, i }) =>
              html`<tr>
                <td>${T.toPrecision(3)}</td>
                ${this.lines.map(({ values, format }) => html`<td>${format(values[i] ?? NaN)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }

  #plot(drawing: Drawing | undefined): unknown {
    if (!drawing) return nothing;
    return html`<div @pointerdown=${this.#point} @pointermove=${this.#point}>${drawn(drawing)}</div>`;
  }

  #drawing(): Drawing | undefined {
    const { lines, temperature, logScale, limit, height } = this;
    const label = l10n.t(
      '{0} over T; at {1}: {2}',
      this.name,
      temperature.toPrecision(3),
      lines.map(({ name, now, format }) => `${name} ${format(now)}`).join(', '),
    );
    const width = this.#width.value;
    return curveDrawing({ width, height, named: !this.narrow, lines, temperature, logScale, limit, label });
  }

  readonly #point = (event: PointerEvent): void => {
    if (event.buttons !== 1) return;
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const inner = box.width - chartLeft - (this.narrow ? narrowRight : chartRight);
    this.dispatchEvent(new ChooseEvent({ temperature: fromFraction((event.clientX - box.left - chartLeft) / inner) }));
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-curve': CurveChart;
  }
}
