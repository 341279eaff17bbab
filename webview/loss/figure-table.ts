/** @file The table behind a chart of the Loss tab. */

import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { formatCount, formatDuration } from '../../src/protocol/format';
import { spread } from './curves';
import { type Axis } from '../charts/line';
import { csvText } from '../save/csv';
import type { Figure } from './figures';

export const axisNames: readonly [Axis, string][] = [
  ['step', l10n.t('Step')],
  ['epoch', l10n.t('Epoch')],
  ['clock', l10n.t('Clock')],
];

/** Rows that a table shows of a longer curve. */
const tableRows = 60;

/** The value of a line at a place; of an area its own height, not as it is stacked. */
export function valueAt({ lines }: Figure, column: number, x: number): number {
  const line = lines[column]!;
  const i = line.x.nearest(x);
  const under = line.kind === 'area' ? lines[column - 1]?.y.at(i) : undefined;
  return line.y.at(i) - (under ?? 0);
}

/** A column for each line, a row for each place of the first line. */
export function figureTable(figure: Figure, axis: Axis, caption?: string): TemplateResult {
  const own = figure.lines[0]!;
  const rows = spread(own.x.length, tableRows);
  const thinned = rows.length < own.x.length ? l10n.t('{0} of {1} rows. ', rows.length, formatCount(own.x.length)) : '';
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${l10n.t('{0}, table', figure.title)}>
    <table class="data" aria-label=${figure.title}>
      ${
        thinned !== '' || caption !== undefined
          ? html`<caption>
              <span>${thinned}${caption ?? ''}</span>
            </caption>`
          : nothing
      }
      <thead>
        <tr>
          <th scope="col">${axisNames.find(([name]) => name === axis)![1]}</th>
          ${figure.lines.map(({ name }) => html`<th scope="col">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => {
          const x = own.x.at(row);
          return html`<tr>
            <td>${axisText(axis, x)}</td>
            ${figure.lines.map((_, column) => html`<td>${figure.format(valueAt(figure, column, x))}</td>`)}
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

function axisText(axis: Axis, x: number): string {
  switch (axis) {
    case 'step':
      return formatCount(x);
    case 'epoch':
      return x.toFixed(2);
    case 'clock':
      return formatDuration(x);
  }
}

/** All of the chart's numbers as comma-separated values, unrounded. */
export function figureCsv(figure: Figure, axis: Axis): string {
  const own = figure.lines[0]!;
  const head = [axis === 'clock' ? 'seconds' : axis, ...figure.lines.map(({ name }) => name)];
  const rows = Array.from({ length: own.x.length }, (_, i) => {
    const x = own.x.at(i);
    return [x, ...figure.lines.map((_line, column) => valueAt(figure, column, x))];
  });
  return csvText([head, ...rows]);
}
