/** @file From a row in a list of the comparison to its place in the file, and to its distributions. */

import * as l10n from '@vscode/l10n';
import { html, type TemplateResult } from 'lit';
import type { PredictionRecord } from '../../src/protocol/records';
import type { Asking } from '../base/asking';
import { ChooseEvent } from '../state/choices';

type Row = Pick<PredictionRecord, 'file' | 'line'>;

/**
 * Opens the row in the editor.
 * @param run its id
 * @param words what is clicked
 */
export function fileLink(asking: Asking, run: string, { file, line }: Row, words: string): TemplateResult {
  return html`<button
    class="link"
    title=${l10n.t('Open {0}:{1} in the editor', file, line)}
    @click=${() => void asking.ask('openFile', { id: run, file, line })}
  >
    ${words}
  </button>`;
}

/** Shows the row in the tab of tokens. */
export function tokensLink(view: EventTarget, { file, line }: Row): TemplateResult {
  return html`<button
    class="link"
    title=${l10n.t("Look at this row's distributions")}
    @click=${() => view.dispatchEvent(new ChooseEvent({ row: { file, line }, example: -1, position: 0, tab: 'tokens' }))}
  >
    ${l10n.t('tokens')}
  </button>`;
}
