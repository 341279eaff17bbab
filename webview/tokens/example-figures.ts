/** @file What is drawn of a whole example: divergence by position, the same at each probe, and which predictions count. */

import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import { drawn } from '../charts/drawn';
import { formatQuantity } from '../../src/protocol/format';
import './alignment';
import type { ExampleSummary } from './divergence';
import { matrixDrawing, positionUnder, stripDrawing, type Recorded } from './drawings';
import type { Selection } from './selection';
import { divergenceTable } from './tables';
import { sentence } from '../base/sentence';

/** Pixels of the whole matrix, and of one of its rows at most. */
const matrixHeight = 220;
const tallestRow = 20;

interface FigureParts {
  summary: ExampleSummary;
  /** The example at each probe that has arrived, in their order. */
  recorded: readonly Recorded[];
  width: number;
  tables: boolean;
  /** @param step the probe that was picked with it */
  choose: (position: number, step?: number) => void;
}

export function exampleFigures(shown: Selection, parts: FigureParts): unknown {
  const { summary, recorded, width, tables, choose } = parts;
  const { example, position } = shown;
  const { names, task } = shown.probes.set.examples;
  const head = divergenceHead(summary);
  if (tables)
    return html`<figure>${head} ${divergenceTable(shown.probes.set.examples, example, summary, recorded)}</figure>`;
  return html`<figure>
      ${head}
      <div
        class="clickable"
        @click=${(event: MouseEvent) => {
          const to = positionUnder(pointerPosition(event).x, width, summary);
          if (to !== undefined) choose(to);
        }}
      >
        ${drawn(stripDrawing(width, summary, position, l10n.t('KL at each position, mean {0} nats', formatQuantity(summary.mean))))}
      </div>
    </figure>
    ${overTraining(shown, parts)}
    <figure>
      <h2>${l10n.t('What predicts this token, and which predictions count')}</h2>
      <lab-alignment .example=${example} .task=${task} .names=${names} .position=${position}></lab-alignment>
    </figure>`;
}

function divergenceHead({ positions: { length }, disagreements, mean }: ExampleSummary): unknown {
  return html`<h2>
    ${l10n.t('Divergence by position')}
    <span class="value small muted"
      >${sentence(
        l10n.t('mean {0} nats · first choices agree on {1}'),
        html`<span class="now number">${formatQuantity(mean)}</span>`,
        html`<span class="now number">${l10n.t('{0} of {1}', length - disagreements, length)}</span>`,
      )}</span
    >
  </h2>`;
}

/** Nothing where there is no probe but the one that is shown. */
function overTraining({ position, step }: Selection, { summary, recorded, width, choose }: FigureParts): unknown {
  const isSame = recorded[0]?.summary.positions.length === summary.positions.length;
  if (!isSame || step === undefined || recorded.length < 2) return nothing;
  const rowHeight = Math.max(8, Math.min(tallestRow, Math.floor(matrixHeight / recorded.length)));
  return html`<figure>
    <h2>
      ${l10n.t('The same, as training went on')}
      <span class="value small muted">${l10n.t('one row a probe; stronger is further apart')}</span>
    </h2>
    <div
      class="clickable"
      @click=${(event: MouseEvent) => {
        const { x, y } = pointerPosition(event);
        const to = positionUnder(x, width, summary);
        const row = recorded[Math.floor(y / rowHeight)];
        if (row && to !== undefined) choose(to, row.step);
      }}
    >
      ${drawn(matrixDrawing(width, rowHeight, recorded, { position, step }, l10n.t('KL at each position and probe')))}
    </div>
  </figure>`;
}

/** Where a drawing was clicked, in its pixels. */
function pointerPosition(event: MouseEvent): { x: number; y: number } {
  const { left, top } = (event.currentTarget as Element).getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}
