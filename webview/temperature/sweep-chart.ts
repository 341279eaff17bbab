/** @file What a sweep over T measured: a dot a run on the slider's axis, against teacher and control. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { linearTicks } from '../../src/protocol/ticks';
import { markShape } from '../look/marks';
import type { Measure } from '../state/quality';
import { csvText } from '../save/csv';
import { standaloneSvg } from '../save/pictures';
import '../save/save-button';
import { shared } from '../look/styles';
import { marks, toFraction } from '../tokens/temperature-scale';
import { Width } from '../base/width';
import { chartLeft, chartRight } from './curve-chart';
import { linesOverTemperature, sweptText, temperaturePath, type Sweep, type SweepLine, type SweepPoint } from './sweep';
import { roleNames } from '../look/role-names';

/** Of the lines over T, one for each value of a second field. */
const dashes = ['none', '6 3', '2 3', '8 3 2 3'];

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
    return html`<figure>
      <h2>
        ${l10n.t('Measured by the sweep: {0}', measure.name)}
        <span class="note">${l10n.t('{0}; bars are 95 % intervals', direction)}</span>
        <lab-save
          .name=${l10n.t('Sweep {0}', measure.name)}
          .csv=${() => sweepCsv(sweep, measure)}
          .svg=${() => {
            const drawn = this.renderRoot.querySelector<SVGSVGElement>('svg.plot');
            return drawn ? standaloneSvg(drawn) : undefined;
          }}
        ></lab-save>
      </h2>
      ${this.#drawing()}
    </figure>`;
  }

  #drawing(): unknown {
    const width = this.#width.value;
    const right = this.narrow ? 12 : chartRight;
    const inner = width - chartLeft - right;
    const lines = linesOverTemperature(this.sweep);
    const measured = lines.flatMap(({ points }) => points);
    if (inner <= 0 || measured.length === 0)
      return html`<p class="note">${l10n.t('No run of the sweep was evaluated yet.')}</p>`;
    const [height, top, bottom] = [132, 8, 20];
    const { format } = this.measure;
    const all = [
      ...measured.flatMap(({ quality, interval }) => [quality!, ...(interval ?? [])]),
      this.teacher,
      this.control,
    ].filter((value) => value !== undefined);
    const [least, most] = [Math.min(...all), Math.max(...all)];
    const room = 0.1 * (most - least) || 0.05 * Math.abs(most) || 1;
    const [low, high] = [least - room, most + room];
    const X = (T: number): number => chartLeft + toFraction(T) * inner;
    const Y = (value: number): number => top + ((high - value) / (high - low)) * (height - top - bottom);
    const here = Math.round(X(this.temperature)) + 0.5;
    const said = l10n.t('Quality by T: {0}', lines.map((line) => spoken(line, format)).join('. '));
    return html`<svg class="plot" width=${width} height=${height} role="img" aria-label=${said}>
      ${svg`${linearTicks(low, high, 4).map(
        (
          tick,
        ) => svg`<line class="grid" x1=${chartLeft} x2=${width - right} y1=${Math.round(Y(tick))} y2=${Math.round(Y(tick))}/>
        <text x=${chartLeft - 8} y=${Y(tick) + 4} text-anchor="end">${format(tick)}</text>`,
      )}
        ${marks.map((T) => svg`<text x=${X(T)} y=${height - 4} text-anchor="middle">${T}</text>`)}
        <line class="axis" x1=${chartLeft} x2=${width - right} y1=${height - bottom} y2=${height - bottom}/>
        <line class="cursor" x1=${here} x2=${here} y1="0" y2=${height - bottom}/>
        ${this.#across('teacher', this.teacher, width, right, Y)} ${this.#across('control', this.control, width, right, Y)}
        ${lines.map((line, i) => this.#line(line, i, X, Y))} ${names(lines, X, Y)}`}
    </svg>`;
  }

  #across(
    role: 'teacher' | 'control',
    value: number | undefined,
    width: number,
    right: number,
    Y: (value: number) => number,
  ): unknown {
    if (value === undefined) return nothing;
    const y = Y(value);
    return svg`<line x1=${chartLeft} x2=${width - right} y1=${y} y2=${y} stroke="var(--${role})" stroke-width="1.5"
        stroke-dasharray=${role === 'control' ? '4 3' : 'none'}/>
      ${this.narrow ? nothing : svg`${markShape(role, width - right + 12, y, 3)}<text x=${width - right + 20} y=${y + 4}><tspan fill="var(--${role})">${roleNames[role]} ${this.measure.format(value)}</tspan></text>`}`;
  }

  /** Points by themselves where T alone is swept, else joined to a line that says what they share. */
  #line({ name, points }: SweepLine, index: number, X: (T: number) => number, Y: (value: number) => number): unknown {
    if (name === undefined) return points.map((point) => this.#dot(point, X, Y, true));
    const places = points.map(({ values, quality }) => `${X(Number(values[temperaturePath]))},${Y(quality!)}`);
    return svg`<polyline points=${places.join(' ')} fill="none" stroke="var(--student)" stroke-width="1.5"
        stroke-dasharray=${dashes[index % dashes.length]!}/>
      ${points.map((point) => this.#dot(point, X, Y, false))}`;
  }

  #dot(
    { values, quality, interval, soFar }: SweepPoint,
    X: (T: number) => number,
    Y: (value: number) => number,
    isNamed: boolean,
  ): unknown {
    const x = X(Number(values[temperaturePath]));
    const y = Y(quality!);
    const said = `${this.measure.format(quality)}${soFar ? ` ${l10n.t('so far')}` : ''}`;
    return svg`${interval ? svg`<line x1=${x} x2=${x} y1=${Y(interval[0])} y2=${Y(interval[1])} stroke="var(--student)" stroke-width="2"/>` : nothing}
      ${markShape('student', x, y, 4, soFar)}
      ${isNamed ? svg`<text class="halo" x=${x + 9} y=${y + 4}>${said}</text>` : nothing}`;
  }
}

/** Names at the lines' ends, moved apart where they would meet. */
function names(lines: readonly SweepLine[], X: (T: number) => number, Y: (value: number) => number): unknown {
  const named = lines.flatMap(({ name, points }) => {
    const last = points.at(-1)!;
    return name === undefined ? [] : [{ name, x: X(Number(last.values[temperaturePath])), y: Y(last.quality!) }];
  });
  named.sort((a, b) => a.y - b.y);
  named.forEach((one, i) => (one.y = Math.max(one.y, (named[i - 1]?.y ?? -Infinity) + 13)));
  return named.map(({ name, x, y }) => svg`<text class="halo" x=${x + 9} y=${y + 4}>${name}</text>`);
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
