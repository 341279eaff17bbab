/** @file One of the Loss tab's small charts, with its value under the shared cursor. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatCount } from '../../src/protocol/format';
import { ChooseEvent, type Choices } from '../state/choices';
import '../save/save-button';
import { shared } from '../look/styles';
import type { PickEvent, PointEvent, ZoomEvent } from '../charts/chart-events';
import { cursorIndex, stepAt } from './cursor';
import { figureCsv, figureTable } from './figure-table';
import type { Figure } from './figures';
import type { View } from './view';
import '../charts/time-chart';

@customElement('lab-figure')
export class SmallFigure extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        min-width: 0;
      }
      figure h2 .title {
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      table {
        font-size: 12px;
      }
      .scroll {
        max-height: 260px;
      }
      .under {
        display: flex;
        gap: 8px;
        min-width: 0;
      }
      /* As high in each, so that the charts of a row stand side by side; the whole of it is its title. */
      .under .note {
        flex: 1;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
    `,
  ];

  @property({ attribute: false }) view!: View;
  @property({ attribute: false }) figure!: Figure;
  @property({ attribute: false }) choices!: Choices;

  override render(): unknown {
    const { view, figure, choices } = this;
    const index = cursorIndex(view, choices.cursor);
    const { value, at } = this.#valueAt(index);
    const text = figure.format(value);
    return html`<figure>
      <h2>
        <span class="title ${figure.ink ?? ''}">${figure.title}</span>
        <span class="value number">${text}${at === undefined ? nothing : html` <span class="muted">${at}</span>`}</span>
      </h2>
      <div class="under">
        <p class="note" title=${figure.note}>${figure.note}</p>
        <lab-save
          .name=${figure.title}
          .csv=${() => figureCsv(figure, choices.axis)}
          .svg=${() => this.renderRoot.querySelector('lab-time-chart')?.svg(figure.title, figure.note)}
        ></lab-save>
      </div>
      ${
        choices.tables
          ? figureTable(figure, choices.axis)
          : html`<lab-time-chart
              role="img"
              aria-label="${figure.title}: ${text}${at === undefined ? '' : ` ${at}`}"
              .lines=${figure.lines}
              .axis=${choices.axis}
              .end=${view.end}
              .range=${view.range}
              .zero=${figure.zero}
              .unit=${figure.unit ?? 1}
              .share=${figure.share ?? false}
              .logScale=${choices.logScale && figure.key !== 'learningRate'}
              .ignoreOutliers=${choices.ignoreOutliers}
              .format=${figure.format}
              .cursor=${view.x.at(index)}
              .pinned=${choices.cursor !== undefined}
              @point=${(event: PointEvent) => this.#point(stepAt(view, event.detail))}
              @zoom=${(event: ZoomEvent) => this.#choose({ zoom: event.detail })}
              @pick=${(event: PickEvent) => this.#choose({ picked: event.detail })}
            ></lab-time-chart>`
      }
    </figure>`;
  }

  #point(cursor: number): void {
    if (cursor !== this.choices.cursor) this.#choose({ cursor });
  }

  #choose(choice: Partial<Choices>): void {
    this.dispatchEvent(new ChooseEvent(choice));
  }

  /** The first curve's value under the cursor; for evaluations that of the last one before it, and when that was. */
  #valueAt(index: number): { value: number | undefined; at?: string } {
    const { view } = this;
    const line = this.figure.lines[0]!;
    const x = view.x.at(index);
    if (!line.mark) return { value: line.y.at(line.x.nearest(x)) };
    const last = Math.max(0, line.x.firstFrom(x * 1.0001) - 1);
    return { value: line.y.at(last), at: l10n.t('at {0}', formatCount(stepAt(view, line.x.at(last)))) };
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-figure': SmallFigure;
  }
}
