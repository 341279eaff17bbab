/** @file The models side by side: quality with its interval, closeness to the teacher, calibration, size, time. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { intervalDrawing, type DrawnModel } from '../../src/protocol/drawing/compare-drawings';
import {
  absent,
  formatBytes,
  formatLarge,
  formatMilliseconds,
  formatPercent,
  formatQuantity,
  formatShare,
} from '../../src/protocol/format';
import { metricFacts, type MetricKey } from '../../src/protocol/quality';
import type { ComparisonRow } from '../../src/protocol/records';
import { inlineStyles } from '../base/inline-styles';
import { drawn } from '../charts/drawn';
import { mark } from '../look/marks';
import { Width } from '../base/width';
import type { Measure } from '../state/quality';
import { shared } from '../look/styles';
import { intervalText } from './finding';
import { drawnModels, type ComparedModel } from './models';
import { spokenIntervals } from './spoken';

interface Column {
  title: string;
  /** What it means, for whom the title is not enough. */
  about?: string;
  /** In pixels; 60 where it is absent. */
  width?: number;
  value: (row: ComparisonRow) => unknown;
  /** Absent: any. A column that no row has a value for is left out. */
  has?: (row: ComparisonRow) => boolean;
}

const rowHeight = 33;
const headHeight = 48;
const axisHeight = 20;
const drawingWidth = 232;

@customElement('lab-model-table')
export class ModelTable extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      table.data td {
        height: ${rowHeight}px;
        border-bottom-color: var(--rule);
      }
      table.data thead tr {
        height: ${headHeight}px;
      }
      table.data th,
      table.data td {
        padding-left: 16px;
      }
      table.data th:first-child,
      table.data td:first-child {
        width: 100%;
        min-width: 180px;
        padding-left: 0;
      }
      table.data th {
        max-width: 84px;
        white-space: normal;
      }
      /* The drawing's own head, its axis, reaches up into the table's. */
      table.data th.drawing {
        max-width: none;
        padding: 0;
        text-align: center;
        vertical-align: top;
        white-space: nowrap;
      }
      table.data td.drawing {
        position: relative;
        min-width: ${drawingWidth}px;
        padding: 0;
      }
      /* One drawing for all rows, whose rules go on behind it. */
      td.drawing svg {
        position: absolute;
        top: -${axisHeight}px;
        left: 0;
      }
      td .swatch {
        margin-right: 8px;
      }
      @media (max-width: 1340px) {
        table.data th,
        table.data td {
          padding-left: 12px;
        }
        td:first-child .muted {
          display: block;
          padding-left: 18px;
          font-size: 11px;
          line-height: 12px;
        }
      }
      /* Models in columns, where one row for each would go on beyond the edge. */
      figure.across {
        display: grid;
        gap: 4px;
        margin-bottom: 12px;
      }
      table.across th[scope='col'] {
        max-width: none;
        vertical-align: top;
      }
      table.across th .strong {
        color: var(--vscode-foreground);
        font-size: 13px;
      }
      table.across th .swatch {
        margin-right: 6px;
      }
      table.across th .muted {
        display: block;
      }
      table.data.across th[scope='row'] {
        max-width: none;
        border-bottom-color: var(--rule);
        color: var(--muted);
        font-size: 11px;
        line-height: 16px;
      }
      table.across th:first-child {
        width: auto;
        min-width: 0;
      }
      table.data.across thead tr {
        height: auto;
      }
      table.data.across td {
        width: calc(78% / var(--models));
        height: 25px;
      }
      @media (max-width: 640px) {
        table.across th,
        table.across td {
          padding-left: 8px;
          white-space: normal;
        }
      }
    `,
  ];

  @property({ attribute: false }) models: readonly ComparedModel[] = [];
  @property({ attribute: false }) measure!: Measure;

  readonly #width = new Width(this);

  override render(): unknown {
    const { models, measure } = this;
    const columns = this.#columns().filter(({ has }) => !has || models.some(({ row }) => has(row)));
    const shown = drawnModels(models, measure);
    if (this.#width.value > 0 && this.#width.value < widthOf(columns, models)) return this.#across(columns, shown);
    const drawing = intervalDrawing(shown, measure.title, measure.format, {
      width: drawingWidth,
      pitch: rowHeight,
      head: axisHeight,
    });
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${l10n.t('Comparison')}>
      <table class="data" aria-label=${l10n.t('Teacher, student, control and other runs')}>
        <thead>
          <tr>
            <th scope="col">${l10n.t('Model')}</th>
            <th scope="col" class="drawing" aria-label=${l10n.t('Drawing')}>
              ${measure.title}, ${directionOf(measure)}
            </th>
            ${columns.map(({ title, about }) => html`<th scope="col" title=${about ?? nothing}>${title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${models.map(
            (model, i) =>
              html`<tr>
                <td>${named(model)}</td>
                <td class="drawing">
                  ${i === 0 ? drawn({ ...drawing, label: spokenIntervals(shown, measure) }) : nothing}
                </td>
                ${columns.map(({ value }) => html`<td>${value(model.row)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }

  /** A column for each model, and the drawing above them. */
  #across(columns: readonly Column[], shown: readonly DrawnModel[]): unknown {
    const { models, measure } = this;
    const width = Math.min(560, this.#width.value);
    const drawing = intervalDrawing(shown, measure.title, measure.format, { width, pitch: 24, names: true });
    return html`<figure class="across">
        <p class="note">${measure.title}, ${directionOf(measure)}</p>
        ${drawn({ ...drawing, label: spokenIntervals(shown, measure) })}
      </figure>
      <div class="scroll" tabindex="0" role="region" aria-label=${l10n.t('Comparison')}>
        <table
          class="data across"
          aria-label=${l10n.t('Teacher, student, control and other runs')}
          ${inlineStyles({ '--models': String(models.length) })}
        >
          <thead>
            <tr>
              <th scope="col"><span class="spoken">${l10n.t('Measure')}</span></th>
              ${models.map((model) => html`<th scope="col">${named(model)}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${columns.map(
              ({ title, about, value }) =>
                html`<tr>
                  <th scope="row" title=${about ?? nothing}>${title}</th>
                  ${models.map(({ row }) => html`<td>${value(row)}</td>`)}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>`;
  }

  #furtherMetrics(): Column[] {
    return (furtherKeys[this.measure.key] ?? []).map(([key, title]) => ({
      title,
      value: ({ metrics }) => metricFacts[key].format(metrics[key]),
      has: ({ metrics }) => metrics[key] !== undefined,
    }));
  }

  #columns(): Column[] {
    const { measure } = this;
    return [
      {
        title: `${measure.title}, 95\u202f%`,
        width: 150,
        value: ({ metrics, spread, intervals }) =>
          html`<b>${measure.format(metrics[measure.key])}</b>
            ${spread ? html`<span class="muted number" title=${l10n.t('Standard deviation over the seeds')}>± ${measure.format(spread[measure.key])}</span>` : nothing}
            <span class="small muted number">${intervalText(intervals?.[measure.key], measure)}</span>`,
      },
      {
        title: l10n.t('Gap closed'),
        about: l10n.t('How far the student has come from the control to the teacher'),
        width: 98,
        value: ({ gapClosed }) =>
          gapClosed
            ? html`${formatPercent(gapClosed.value)}
                <span class="small muted number">${sharesText(gapClosed.interval)}</span>`
            : absent,
        has: ({ gapClosed }) => gapClosed !== undefined,
      },
      {
        title: l10n.t('Accuracy'),
        value: ({ metrics }) => formatShare(metrics.accuracy),
        has: ({ metrics }) => metrics.accuracy !== undefined && measure.key !== 'accuracy',
      },
      ...this.#furtherMetrics(),
      {
        title: l10n.t('Of the teacher'),
        about: l10n.t("Quality as a share of the teacher's"),
        value: ({ role, retention }) => formatPercent(role === 'teacher' ? 1 : retention),
      },
      {
        title: l10n.t('Agrees with teacher'),
        about: l10n.t("Share of predictions whose first choice is the teacher's"),
        value: ({ metrics }) => formatShare(metrics.agreement),
        has: ({ metrics }) => metrics.agreement !== undefined,
      },
      {
        title: l10n.t('KL to teacher, nats'),
        about: l10n.t("How far the distribution is from the teacher's; 0 where they are the same"),
        value: ({ metrics }) => formatQuantity(metrics.teacherKl),
        has: ({ metrics }) => metrics.teacherKl !== undefined,
      },
      {
        title: l10n.t('RMSE to teacher'),
        about: l10n.t("How far the number is from the teacher's, as a root mean square"),
        value: ({ metrics }) => formatQuantity(metrics.teacherRmse),
        has: ({ metrics }) => metrics.teacherRmse !== undefined,
      },
      {
        title: l10n.t('Cosine to teacher'),
        about: l10n.t(
          "How near the embeddings are to the teacher's: the mean of their cosines; 1 where they are the same",
        ),
        value: ({ metrics }) => metricFacts.teacherCosine.format(metrics.teacherCosine),
        has: ({ metrics }) => metrics.teacherCosine !== undefined && measure.key !== 'teacherCosine',
      },
      {
        title: l10n.t('Calibration error'),
        about: l10n.t('How far apart confidence and the share that is right are; 0 is best'),
        value: ({ metrics }) => formatShare(metrics.calibrationError),
        has: ({ metrics }) => metrics.calibrationError !== undefined,
      },
      { title: l10n.t('Parameters'), value: ({ parameters }) => formatLarge(parameters) },
      { title: l10n.t('Size'), value: ({ bytes }) => formatBytes(bytes) },
      {
        title: l10n.t('Latency'),
        about: l10n.t('Median time for one example alone'),
        value: ({ latencyMs }) => formatMilliseconds(latencyMs),
      },
    ];
  }
}

/** Beside the quality: of labels of which several may apply, and of numbers. */
const furtherKeys: Partial<Record<Measure['key'], readonly [MetricKey, string][]>> = {
  meanAveragePrecision: [
    ['microF1', l10n.t('Micro-F1')],
    ['macroF1', l10n.t('Macro-F1')],
  ],
  rmse: [
    ['pearson', 'Pearson'],
    ['spearman', 'Spearman'],
  ],
  spearman: [['pearson', 'Pearson']],
};

/** `67–71`, in percent; with a decimal where both ends would be the same. */
function sharesText([low, high]: readonly [number, number]): string {
  const decimals = 100 * (high - low) < 1 ? 1 : 0;
  return [low, high].map((end) => (100 * end).toFixed(decimals)).join('–');
}

const directionOf = ({ higherIsBetter }: Measure): string =>
  higherIsBetter ? l10n.t('higher is better') : l10n.t('lower is better');

/** What a row for each model takes, in pixels: the model's name, the drawing, the columns. */
function widthOf(columns: readonly Column[], models: readonly ComparedModel[]): number {
  const spread = models.some(({ row }) => row.spread) ? 60 : 0;
  return 200 + drawingWidth + spread + columns.reduce((sum, { width = 60 }) => sum + width, 0);
}

function named({ row, title, about, other }: ComparedModel): unknown {
  return html`${mark(row.role, undefined, other)}<span class="strong">${title}</span>
    <span class="muted">${about}</span>`;
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-model-table': ModelTable;
  }
}
