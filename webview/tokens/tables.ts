/** @file The tables behind the drawings of the Tokens tab. */

import * as l10n from '@vscode/l10n';
import { html, type TemplateResult } from 'lit';
import { formatCount, formatQuantity, formatShare } from '../../src/protocol/format';
import type { ProbeExample, ProbeExamples } from '../../src/protocol/inspection-records';
import type { ExampleSummary } from './divergence';
import type { Growth, Recorded } from './drawings';
import { positionName, visible } from './token-text';

/** KL of every position, now and at each probe. */
export function divergenceTable(
  examples: ProbeExamples,
  example: ProbeExample,
  summary: ExampleSummary,
  recorded: readonly Recorded[],
): TemplateResult {
  return html`<div
    class="scroll table"
    tabindex="0"
    role="region"
    aria-label=${l10n.t('Divergence by position and probe, table')}
  >
    <table class="data" aria-label=${l10n.t('Divergence')}>
      <caption>
        <span>${l10n.t('KL(teacher ‖ student) in nats: now, and at each probe.')}</span>
      </caption>
      <thead>
        <tr>
          <th scope="col">${l10n.t('Token')}</th>
          <th scope="col">KL</th>
          ${recorded.map(({ step }) => html`<th scope="col">${formatCount(step)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${summary.positions.map(
          ({ kl }, i) =>
            html`<tr>
              <td class="mono" translate="no">${i + 1} ${visible(positionName(examples, example, i))}</td>
              <td class="strong">${formatQuantity(kl)}</td>
              ${recorded.map(({ summary: then }) => html`<td>${formatQuantity(then.positions[i]?.kl)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** The hard label's probability at each probe. */
export function growthTable(points: readonly Growth[], teacher: number): TemplateResult {
  return html`<table class="data" aria-label=${l10n.t('Probability of the hard label')}>
    <thead>
      <tr>
        <th scope="col">${l10n.t('Step')}</th>
        <th scope="col">${l10n.t('Student')}</th>
        <th scope="col">${l10n.t('Teacher')}</th>
      </tr>
    </thead>
    <tbody>
      ${points.map(
        ({ step, probability }) =>
          html`<tr>
            <td>${formatCount(step)}</td>
            <td>${formatShare(probability)}</td>
            <td>${formatShare(teacher)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}
