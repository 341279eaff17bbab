/** @file The Lab as a person comes to it: from the sidebar, then tab by tab. */

import type { Workbench } from './workbench';

export const tabNames = ['Loss', 'Tokens', 'Temperature', 'Completions', 'Compare'] as const;

/** What each tab draws last. */
export const drawn = {
  Loss: 'lab-figure canvas',
  Tokens: 'lab-distribution .body',
  Temperature: 'lab-curve svg',
  Completions: '#prompt, lab-completions .waiting',
  Compare: 'lab-model-table tbody tr',
};

/**
 * Opens a run by its row in the sidebar, and counts from then on what the page's policy refuses.
 * @param experiment name of its file, without the ending
 * @param run words of its row
 * @param name its own, where the page may have shown another run before
 */
export async function openLab(window: Workbench, experiment: string, run: string | RegExp, name = ''): Promise<void> {
  await window.openSidebar();
  const row = window.rows('Experiments').filter({ hasText: new RegExp(`${experiment}.*\\d runs?`) });
  await row.waitFor();
  // Only the newest experiment stands open from the start.
  if ((await row.getAttribute('aria-expanded')) === 'false') await row.locator('.monaco-tl-twistie').click();
  await window.rows('Experiments').filter({ hasText: run }).first().click();
  await window.lab.locator('h1').filter({ hasText: name }).waitFor();
  await untilOpen(window);
}

/** Opens the only run by the palette: the row of one at work may be drawn anew between a click and what it does. */
export async function openLabOfRunAtWork(window: Workbench): Promise<void> {
  await window.openSidebar();
  await window.rows('Experiments').filter({ hasText: '1 at work' }).waitFor();
  await window.runCommand('Distillery: Open Lab');
  await untilOpen(window);
}

async function untilOpen(window: Workbench): Promise<void> {
  await window.lab.getByRole('tab', { name: 'Loss' }).waitFor();
  await window.lab.locator('body').evaluate(listenForRefusals);
}

export async function openTab(window: Workbench, name: (typeof tabNames)[number]): Promise<void> {
  await window.lab.getByRole('tab', { name }).click();
}

/** What the policy has refused since the Lab was opened, as the page itself and the browser's console tell. */
export async function refusals(window: Workbench): Promise<string[]> {
  const told = await window.lab.locator('body').evaluate((body: Body) => body.refused ?? []);
  return [...told, ...window.violations];
}

interface Body {
  refused?: string[];
  ownerDocument: {
    addEventListener: (type: 'securitypolicyviolation', listener: (event: Refusal) => void) => void;
  };
}

interface Refusal {
  violatedDirective: string;
  blockedURI: string;
}

/** Runs in the page. */
function listenForRefusals(body: Body): void {
  const refused = (body.refused = [] as string[]);
  body.ownerDocument.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
    refused.push(`${violatedDirective} ${blockedURI}`);
  });
}
