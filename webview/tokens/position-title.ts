/** @file What is predicted: the tokens before and the token that follows them, or a row and its label. */

import * as l10n from '@vscode/l10n';
import { css, html, nothing, svg, type TemplateResult } from 'lit';
import { formatCount, formatNumber } from '../../src/protocol/format';
import type { ProbeExample, ProbeExamples } from '../../src/protocol/inspection-records';
import type { RunState } from '../state/state';
import { visible } from './token-text';
import { hasLabels, isPerToken } from '../../src/protocol/tasks';

export const positionTitleStyles = css`
  .title {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: 30px;
    white-space: nowrap;
  }
  .title b {
    overflow: hidden;
    font-size: 15px;
    font-weight: 600;
    text-overflow: ellipsis;
  }
  .title svg {
    flex: none;
  }
  /* The end of the context matters most: what does not fit is cut off at its start. */
  .context {
    overflow: hidden;
    direction: rtl;
    text-overflow: ellipsis;
    white-space: pre;
  }
`;

/** Tokens of context on either side. */
const context = 3;

/** The hard label of a row of a text classification, for people: a class, the labels that apply, or a number; empty where there is none. */
export function hardLabelText({ names }: ProbeExamples, { positions }: ProbeExample): string {
  const { label, labels, value } = positions[0]!;
  if (value !== undefined) return formatNumber(value);
  if (labels) return labels.length === 0 ? l10n.t('no label applies') : labels.map((one) => names[one]).join(', ');
  return names[label] ?? '';
}

/** What stands side by side where the tokens of one model are not those of the other. */
export const ofTwoTokenizers = ({ experiment }: RunState): TemplateResult | typeof nothing =>
  experiment.predictsOtherTokens
    ? html`<p class="small muted">
        ${l10n.t('Teacher and student have different tokenizers: this is what each expects after the same text. KL is of the tokens that both have.')}
      </p>`
    : nothing;

export function positionTitle(examples: ProbeExamples, example: ProbeExample, position: number): TemplateResult {
  const { names, task, labels } = examples;
  const { token, label } = example.positions[position]!;
  if (!isPerToken(task)) {
    const hard = hardLabelText(examples, example);
    return html`<div class="title">
      <b class="mono" translate="no" title=${hard}>${hard === '' ? '–' : hard}</b>
      <span class="muted"
        >${labels === 'multiple' ? l10n.t('line {0}, the hard labels', formatCount(example.line)) : l10n.t('line {0}, the hard label', formatCount(example.line))}</span
      >
    </div>`;
  }
  const around = (from: number, to: number): string =>
    example.tokens
      .slice(Math.max(0, from), to)
      .map((one) => one.token.replace(/\s+/g, ' '))
      .join('');
  const before = `${token > context ? '… ' : ''}${around(token - context, token).trimStart()}`;
  // For a masked token what follows is context, too.
  const after = task === 'masked-lm' ? ` ▢ ${around(token + 1, token + 1 + context)}` : '';
  // A word is all there is to be said of where its label is.
  const where = hasLabels(task) ? example.tokens[token]!.token : `${before}${after}`;
  const alone = hasLabels(task) ? '–' : (example.tokens[token]?.token ?? '');
  return html`<div class="title">
    <span class="mono muted context" translate="no"><bdi>${where}</bdi></span>
    <svg width="24" height="10" viewBox="0 0 24 10" role="img" aria-label=${l10n.t('predict')}>
      ${svg`<path d="M0 5H20M16 1.5L20 5L16 8.5" fill="none" stroke="var(--axis)" stroke-width="1.3"/>`}
    </svg>
    <b class="mono" translate="no">${visible(names[label] ?? alone)}</b>
    <span class="spacer"></span>
    <span class="small muted number">${l10n.t('position {0} of {1}', position + 1, example.positions.length)}</span>
  </div>`;
}
