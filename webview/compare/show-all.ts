/** @file The link below a list of which the first entries are shown. */

import { html, nothing } from 'lit';

/** @param words that say how many there are; nothing where all are shown */
export const showAll = (
  all: readonly unknown[],
  shown: readonly unknown[],
  words: string,
  show: () => void,
): unknown => (all.length > shown.length ? html`<button class="link small" @click=${show}>${words}</button>` : nothing);
