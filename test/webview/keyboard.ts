/** @file Where the Tab key leads in the Lab's page: alone, or in a frame of the editor. */

import type { Locator } from 'playwright-core';

/** Stops after which something ought to have come. */
const mostStops = 60;

/** Goes on with the Tab key until the focus is on, or in, what is looked for. */
export async function tabTo(body: Locator, selector: string): Promise<void> {
  for (let stop = 0; stop < mostStops; stop++) {
    if (await body.evaluate(isFocused, selector)) return;
    await body.page().keyboard.press('Tab');
  }
  throw new Error(`The Tab key does not lead to ${selector}.`);
}

interface Part {
  matches: (selector: string) => boolean;
  shadowRoot: Root | null;
  parentElement: Part | null;
  getRootNode: () => { host?: Part };
}

interface Root {
  activeElement: Part | null;
}

/** Runs in the page: whether the focus is on an element, or within one, that the selector's last part fits, in its host. */
function isFocused({ ownerDocument }: { ownerDocument: Root }, selector: string): boolean {
  let element = ownerDocument.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  const parts = selector.split(' ').reverse();
  for (let at = element; at && parts.length > 0; at = at.parentElement ?? at.getRootNode().host ?? null) {
    if (at.matches(parts[0]!)) parts.shift();
  }
  return parts.length === 0;
}
