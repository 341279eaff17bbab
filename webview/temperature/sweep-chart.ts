/** @file What a sweep over T measured: a dot a run on the slider's axis, against teacher and control. */

import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { linearTicks } from '../../src/protocol/ticks';
import { markShape } from '../icons';
import type { Measure } from '../quality';
import { csvText } from '../save/csv';
import { standaloneSvg } from '../save/pictures';
import '../save/save-button';
import { shared } from '../styles';
import { marks, toFraction } from '../tokens/temperature-scale';
import { Width } from '../width';
import { chartLeft, chartRight } from './curve-chart';
import { temperaturePath, type Sweep, type SweepPoint } from './sweep';

@customElement('lab-sweep-chart')
export class SweepChart extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      h3 lab-save {
        margin-left: auto;
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
    const direction = measure.higherIsBetter ? 'higher is better' : 'lower is better';
    return html`<figure>
      <h3>
        Measured by the sweep: ${measure.name} <span class="note">${direction}; bars are 95 % intervals</span>
        <lab-save
          .name=${`Sweep ${measure.name}`}
          .csv=${() => csvText([['T', measure.name, 'low', 'high'], ...sweep.points.map((point) => [Number(point.values[temperaturePath]), point.quality, ...(point.interval ?? [undefined, undefined])])])}
          .svg=${() => {
            const drawn = this.renderRoot.querySelector<SVGSVGElement>('svg.plot');
            return drawn ? standaloneSvg(drawn) : undefined;
          }}
        ></lab-save>
      </h3>
      ${this.#drawing()}
    </figure>`;
  }

  #drawing(): unknown {
    const width = this.#width.value;
    const right = this.narrow ? 12 : chartRight;
    const inner = width - chartLeft - right;
    const measured = this.sweep.points.filter(({ quality }) => quality !== undefined);
    if (inner <= 0 || measured.length === 0) return html`<p class="note">No run of the sweep was evaluated yet.</p>`;
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
    const said = `Quality by T: ${measured.map(({ values, quality }) => `T ${String(values[temperaturePath])}, ${format(quality)}`).join('; ')}`;
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
        ${measured.map((point) => this.#dot(point, X, Y))}`}
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
      ${this.narrow ? nothing : svg`${markShape(role, width - right + 12, y, 3)}<text x=${width - right + 20} y=${y + 4}><tspan fill="var(--${role})">${role} ${this.measure.format(value)}</tspan></text>`}`;
  }

  #dot(
    { values, quality, interval, soFar }: SweepPoint,
    X: (T: number) => number,
    Y: (value: number) => number,
  ): unknown {
    const x = X(Number(values[temperaturePath]));
    const y = Y(quality!);
    return svg`${interval ? svg`<line x1=${x} x2=${x} y1=${Y(interval[0])} y2=${Y(interval[1])} stroke="var(--student)" stroke-width="2"/>` : nothing}
      ${markShape('student', x, y, 4, soFar)}
      <text class="halo" x=${x + 9} y=${y + 4}>${this.measure.format(quality)}${soFar ? ' so far' : ''}</text>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-sweep-chart': SweepChart;
  }
}
