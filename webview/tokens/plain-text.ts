/** @file A classifier's row: its text unpainted, and the one prediction made for it. */

import * as l10n from '@vscode/l10n';
import { css, html, nothing, type TemplateResult } from 'lit';
import { formatCount, formatNumber, formatQuantity } from '../../src/protocol/format';
import type { ProbeExample, ProbeExamples } from '../../src/protocol/inspection-records';
import type { LabelKind } from '../../src/protocol/records';
import { heatClasses } from './chips';
import type { PositionSummary } from './divergence';
import { hardLabelText } from './position-title';
import { sentence } from '../base/sentence';

export const plainTextStyles = css`
  .text-tokens {
    overflow-wrap: anywhere;
    font-family: var(--vscode-editor-font-family, monospace);
    font-size: 13px;
    line-height: 24px;
    white-space: pre-wrap;
  }
  .text-tokens span {
    border-radius: 2px;
  }
  .text-tokens span:hover {
    background: var(--vscode-list-hoverBackground);
  }
  .one {
    color: var(--muted);
  }
  .one .token {
    margin: 0 6px;
    font-family: var(--vscode-editor-font-family, monospace);
  }
`;

/**
 * The text as the model saw it, token by token, and what lies beyond the last token as cut off. A classifier's words have no
 * distribution of their own, so only the label's value is painted.
 */
export function plainText(examples: ProbeExamples, example: ProbeExample, summary: PositionSummary): TemplateResult {
  const { text, tokens } = example;
  const pieces: unknown[] = [];
  let at = 0;
  for (const { start, end, token } of tokens) {
    if (end <= start || start < at) continue;
    pieces.push(text.slice(at, start), html`<span title=${token}>${text.slice(start, end)}</span>`);
    at = end;
  }
  const rest = text.slice(at).trim();
  return html`<div class="text-tokens" translate="no">${pieces}</div>
    ${rest.length > 0 && at > 0 ? html`<p class="small muted">${l10n.t('… and {0} more characters, cut off after {1} tokens.', formatCount(rest.length), formatCount(tokens.length))}</p>` : nothing}
    <p class="one">
      ${sentence(oneWords(examples.labels), labelChip(hardLabelText(examples, example), summary, examples.labels))}
    </p>`;
}

function oneWords(labels: LabelKind = 'single'): string {
  switch (labels) {
    case 'single':
    case 'entities':
      return l10n.t(
        "One prediction for the whole text: {0} (the hard label). A classifier's words have no distribution of their own, so they are not coloured.",
      );
    case 'multiple':
      return l10n.t(
        "Whether each label applies is predicted for the whole text: {0} (the hard labels). A classifier's words have no distribution of their own, so they are not coloured.",
      );
    case 'similarity':
    case 'regression':
      return l10n.t(
        'One number is predicted for the whole text: {0} (the hard label). Its words have none of their own, so they are not coloured.',
      );
  }
}

/** Heat is of nats, which numbers have none of. */
function labelChip(label: string, summary: PositionSummary, labels: LabelKind | undefined): TemplateResult {
  const isNumber = labels === 'regression';
  const title = isNumber
    ? l10n.t('{0} apart', formatNumber(summary.kl))
    : l10n.t('{0} nats', formatQuantity(summary.kl));
  return html`<span translate="no" class="token chosen ${isNumber ? '' : heatClasses(summary)}" title=${title}
    >${label}</span
  >`;
}
