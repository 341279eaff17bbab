/** @file One chart over T: its x axis is the slider's, so that the thumb and the line through all charts are one thing. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { linearTicks, tickLabels } from '../../src/protocol/ticks';
import { standaloneSvg } from '../save/pictures';
import '../save/save-button';
import { csvText } from '../save/csv';
import { shared } from '../look/styles';
import { fromFraction, marks, toFraction } from '../tokens/temperature-scale';
import { ChooseEvent } from '../state/choices';
import { Width } from '../base/width';
import { curveTemperatures } from './curve-set';

export interface CurveLine {
  name: string;
  values: readonly number[];
  ink: string;
  dotted?: boolean;
  /** The value at the chosen T, worked out at once. */
  now: number;
  format: (value: number) => string;
}

/** Room left and right of the plot, the slider's too. */
export const chartLeft = 44;
export const chartRight = 116;
const [top, bottom] = [8, 6];

@customElement('lab-curve')
export class CurveChart extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      path {
        fill: none;
        stroke-width: 1.75;
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
    return html`<figure>
      <h2>
        ${this.name}
        <span class="note">
          ${this.note}
          ${this.lines.map(({ name, now, format }) => html` · <span class="number">${name} <b>${format(now)}</b></span>`)}</span
        >
        <lab-save
          .name=${this.name}
          .csv=${() => this.#csv()}
          .svg=${() => {
            const drawn = this.renderRoot.querySelector<SVGSVGElement>('svg.plot');
            return drawn ? standaloneSvg(drawn) : undefined;
          }}
        ></lab-save>
      </h2>
      ${this.table ? this.#table() : this.#drawing()}
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

  #drawing(): unknown {
    const width = this.#width.value;
    const right = this.narrow ? 12 : chartRight;
    const inner = width - chartLeft - right;
    if (inner <= 0) return nothing;
    const { height } = this;
    const { low, high, ticks } = this.#scale();
    const scale = this.logScale ? (value: number): number => Math.log10(Math.max(value, low)) : Number;
    const X = (T: number): number => chartLeft + toFraction(T) * inner;
    const Y = (value: number): number =>
      top + (1 - (scale(value) - scale(low)) / (scale(high) - scale(low) || 1)) * (height - top - bottom);
    const labels = this.logScale ? ticks.map((tick) => String(Number(tick.toPrecision(2)))) : tickLabels(ticks);
    const here = Math.round(X(this.temperature)) + 0.5;
    const said = l10n.t(
      '{0} over T; at {1}: {2}',
      this.name,
      this.temperature.toPrecision(3),
      this.lines.map(({ name, now, format }) => `${name} ${format(now)}`).join(', '),
    );
    return html`<svg
      class="plot"
      width=${width}
      height=${height}
      role="img"
      aria-label=${said}
      @pointerdown=${this.#point}
      @pointermove=${this.#point}
    >
      ${svg`<rect x=${chartLeft} width=${inner} height=${height} fill="transparent"/>
        ${ticks.map(
          (
            tick,
            i,
          ) => svg`<line class="grid" x1=${chartLeft} x2=${width - right} y1=${Math.round(Y(tick))} y2=${Math.round(Y(tick))}/>
          <text x=${chartLeft - 8} y=${Y(tick) + 4} text-anchor="end">${labels[i]}</text>`,
        )}
        ${this.limit ? svg`<line x1=${chartLeft} x2=${width - right} y1=${Y(this.limit.value)} y2=${Y(this.limit.value)} stroke="var(--axis)" stroke-dasharray="1 3"/>` : nothing}
        ${marks.map((T) => svg`<line class="grid" x1=${X(T)} x2=${X(T)} y1=${height - bottom - 3} y2=${height - bottom}/>`)}
        <line class="axis" x1=${chartLeft} x2=${width - right} y1=${height - bottom} y2=${height - bottom}/>
        ${this.lines.map(
          ({ values, ink, dotted }) => svg`<path stroke=${ink} stroke-dasharray=${dotted ? '2 3' : 'none'}
          d=${values.map((value, i) => `${i === 0 ? 'M' : 'L'}${X(curveTemperatures[i]!).toFixed(1)} ${Y(value).toFixed(1)}`).join('')}/>`,
        )}
        <line class="cursor" x1=${here} x2=${here} y1="0" y2=${height - bottom}/>
        ${this.lines.map(({ now, ink }) => svg`<circle cx=${here} cy=${Y(now)} r="3.5" fill=${ink} stroke="var(--vscode-editor-background)"/>`)}
        ${this.narrow ? nothing : this.#names(width - right + 8, Y)}`}
    </svg>`;
  }

  /** Names at the curves' right ends, moved apart where they would meet. */
  #names(x: number, Y: (value: number) => number): unknown {
    const ends = [
      ...this.lines.map(({ name, ink, values }) => ({ name, ink, y: Y(values.at(-1) ?? NaN) })),
      ...(this.limit ? [{ name: this.limit.name, ink: 'var(--muted)', y: Y(this.limit.value) }] : []),
    ].filter(({ y }) => Number.isFinite(y));
    let limit = -Infinity;
    return ends
      .sort((a, b) => a.y - b.y)
      .map(({ name, ink, y }) => {
        limit = Math.max(y + 4, limit + 14);
        return svg`<text x=${x} y=${limit}><tspan fill=${ink}>${name}</tspan></text>`;
      });
  }

  #scale(): { low: number; high: number; ticks: number[] } {
    const all = [
      ...this.lines.flatMap(({ values, now }) => [...values, now]),
      ...(this.limit ? [this.limit.value] : []),
    ];
    const finite = all.filter((value) => Number.isFinite(value));
    if (!this.logScale) {
      const high = Math.max(1e-9, ...finite) * 1.06;
      return { low: 0, high, ticks: linearTicks(0, high, 4) };
    }
    const high = 10 ** Math.ceil(Math.log10(Math.max(1e-6, ...finite)));
    const low = Math.max(high / 1e5, 10 ** Math.floor(Math.log10(Math.max(1e-12, Math.min(...finite)))));
    const powers = Math.round(Math.log10(high / low));
    const step = Math.max(1, Math.ceil(powers / 4));
    return {
      low,
      high,
      ticks: Array.from({ length: Math.floor(powers / step) + 1 }, (_, i) => high / 10 ** (i * step)),
    };
  }

  readonly #point = (event: PointerEvent): void => {
    if (event.buttons !== 1) return;
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const inner = box.width - chartLeft - (this.narrow ? 12 : chartRight);
    this.dispatchEvent(new ChooseEvent({ temperature: fromFraction((event.clientX - box.left - chartLeft) / inner) }));
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-curve': CurveChart;
  }
}
