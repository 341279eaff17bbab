/** @file The table behind a chart of the Loss tab. */

import { html, nothing, type TemplateResult } from 'lit';
import { formatCount, formatDuration } from '../../src/protocol/format';
import { nearestIndex, spread, type Axis } from './curves';
import type { Figure } from './figures';

export const axisNames: readonly [Axis, string][] = [
  ['step', 'Step'],
  ['epoch', 'Epoch'],
  ['clock', 'Clock'],
];

/** Rows that a table shows of a longer curve. */
const tableRows = 60;

/** A column for each line, a row for each place of the first line; areas as their own height, not as they are stacked. */
export function figureTable(figure: Figure, axis: Axis, caption?: string): TemplateResult {
  const own = figure.lines[0]!;
  const stacked = figure.lines.some(({ kind }) => kind === 'area');
  const rows = spread(own.x.length, tableRows);
  const cell = (line: Figure['lines'][number], column: number, x: number): string => {
    const i = nearestIndex(line.x, x);
    const below = stacked && line.kind === 'area' ? (figure.lines[column - 1]?.y[i] ?? 0) : 0;
    return figure.format(line.y[i]! - below);
  };
  const thinned = rows.length < own.x.length ? `${rows.length} of ${formatCount(own.x.length)} rows. ` : '';
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${figure.title}, table">
    <table class="data" aria-label=${figure.title}>
      ${
        thinned !== '' || caption !== undefined
          ? html`<caption>
              ${thinned}${caption ?? ''}
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
          const x = own.x[row]!;
          return html`<tr>
            <td>${axisText(axis, x)}</td>
            ${figure.lines.map((line, column) => html`<td>${cell(line, column, x)}</td>`)}
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
