/** @file What any part of the page wants of the extension; the page itself says which run is meant. */

import type { PageMessage } from '../src/protocol/panel';

type WithoutId<T> = T extends { id: string } ? Omit<T, 'id'> : T;

/** A message to the extension, without the run's name. */
export type Wish = WithoutId<Exclude<PageMessage, { type: 'showRun' }>> | Extract<PageMessage, { type: 'showRun' }>;

export class TellEvent extends CustomEvent<Wish> {
  constructor(wish: Wish) {
    super('tell', { detail: wish, bubbles: true, composed: true });
  }
}

declare global {
  interface HTMLElementEventMap {
    tell: TellEvent;
  }
}
