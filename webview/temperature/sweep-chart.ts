/** @file What a sweep over T measured: a dot a run on the slider's axis, against teacher and control. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Drawing } from '../../src/protocol/drawing/shapes';
import { Width } from '../base/width';
import { drawn } from '../charts/drawn';
import { shared } from '../look/styles';
import { csvText } from '../save/csv';
import { drawingFile } from '../save/pictures';
import '../save/save-button';
import type { Measure } from '../state/quality';
import { temperaturePath } from '../base/setting-names';
import { linesOverTemperature, sweptText, type Sweep, type SweepLine } from './sweep';
import { sweepDrawing } from './sweep-drawing';

@customElement('lab-sweep-chart')
export class SweepChart extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
    `,
  ];

  @property({ attribute: false }) sweep!: Sweep;
  @property({ attribute: false }) measure!: Measure;
  @property({ attribute: false }) teacher: number | undefined;
  @property({ attribute: false }) control: number | undefined;
  @property({ attribute: false }) temperature = 1;
  @property({ attribute: false }) narrow = false;

  readonly #width = new Width(this);

  override render(): unknown {
    const { measure, sweep } = this;
    const direction = measure.higherIsBetter ? l10n.t('higher is better') : l10n.t('lower is better');
    const lines = linesOverTemperature(sweep);
    const measured = lines.some(({ points }) => points.length > 0);
    const drawing = measured ? this.#drawing(lines) : undefined;
    return html`<figure>
      <h2>
        ${l10n.t('Measured by the sweep: {0}', measure.name)}
        <span class="note">${l10n.t('{0}; bars are 95\u202f% intervals', direction)}</span>
        <lab-save
          .name=${l10n.t('Sweep {0}', measure.name)}
          .csv=${() => sweepCsv(sweep, measure)}
          .svg=${() => drawing && drawingFile(drawing)}
        ></lab-save>
      </h2>
      ${measured ? drawing && drawn(drawing) : html`<p class="note">${l10n.t('No run of the sweep was evaluated yet.')}</p>`}
    </figure>`;
  }

  #drawing(lines: readonly SweepLine[]): Drawing | undefined {
    const { format } = this.measure;
    const label = l10n.t('Quality by T: {0}', lines.map((line) => spoken(line, format)).join('. '));
    const { teacher, control, temperature } = this;
    const plot = { width: this.#width.value, named: !this.narrow, lines, temperature, format, label };
    return sweepDrawing({ ...plot, across: { teacher, control } });
  }
}

function spoken({ name, points }: SweepLine, format: Measure['format']): string {
  const each = points.map(({ values, quality }) => `T ${sweptText(values[temperaturePath])}, ${format(quality)}`);
  return `${name === undefined ? '' : `${name}: `}${each.join('; ')}`;
}

function sweepCsv({ fields, points }: Sweep, measure: Measure): string {
  const head = fields.map((field) => (field === temperaturePath ? 'T' : field));
  const rows = points.map(({ values, quality, interval }) => [
    ...fields.map((field) => sweptText(values[field])),
    quality,
    ...(interval ?? [undefined, undefined]),
  ]);
  return csvText([[...head, measure.name, 'low', 'high'], ...rows]);
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-sweep-chart': SweepChart;
  }
}
