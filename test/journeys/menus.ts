/** @file Reads what a menu, the icons beside it, or an empty view offer of ours. */

import { readFileSync } from 'node:fs';
import type { Locator } from 'playwright-core';
import { expect, vi } from 'vitest';
import { neverInPalette, welcomes, type Command, type Offer } from './offers';
import { plain, type Workbench } from './workbench';

const words = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<string, string>;

type Welcome = keyof typeof welcomes;

/** A title may be followed by its key. */
const named = new Map(
  Object.entries(words)
    .filter(([key]) => key.startsWith('command.'))
    .map(([key, title]) => [title, key.slice('command.'.length) as Command]),
);
const commandOf = (title: string): Command | undefined => named.get(title.replace(/ \([^)]*\)$/, ''));

const menuOf = ({ page }: Workbench): Locator => page.locator('.monaco-menu').last();

/** What is asked of an element of the page. */
interface Label {
  className: string;
  textContent: string | null;
  getAttribute(name: string): string | null;
}

/** Opens a menu by a click, and reads the groups of our commands in it. Where the editor has no entry at all, it opens none; where it has, the menu is there when the click has been dealt with. */
export async function offered(window: Workbench, open: () => Promise<void>): Promise<Command[][]> {
  await untilClosed(window);
  await open();
  const menu = menuOf(window);
  await window.untilDrawn();
  if (!(await menu.isVisible())) return [];
  const entries = await menu
    .locator('.action-item .action-label')
    .evaluateAll((labels: Label[]) =>
      labels.map(({ className, textContent }) => (className.includes('separator') ? '' : (textContent ?? ''))),
    );
  await untilClosed(window);
  const groups: Command[][] = [[]];
  for (const entry of entries.map(plain)) {
    const command = commandOf(entry);
    if (entry === '') groups.push([]);
    else if (command !== undefined) groups.at(-1)!.push(command);
  }
  return groups.filter((group) => group.length > 0);
}

/** Closes a menu: also one that came a moment after it had been looked for, under which nothing else can be pointed at. */
async function untilClosed(window: Workbench): Promise<void> {
  const menu = menuOf(window);
  const isClosed = async (): Promise<boolean> => {
    if ((await menu.count()) === 0) return true;
    // The first may go to a tooltip that came up over the menu's button meanwhile.
    await window.page.keyboard.press('Escape');
    await window.untilDrawn();
    return false;
  };
  await vi.waitUntil(isClosed, { timeout: 60_000 });
}

/** Our commands among the icons of a row or a title that the pointer is over. An action without an icon fails. */
export async function icons(place: Locator): Promise<Command[]> {
  const actions = await place
    .locator('.action-item .action-label:visible')
    .evaluateAll((labels: Label[]) =>
      labels.map((label) => [label.getAttribute('aria-label') ?? '', label.className] as const),
    );
  const ours = actions.flatMap(([title, className]) => {
    const command = commandOf(plain(title));
    return command === undefined ? [] : [{ command, className }];
  });
  const bare = ours.filter(({ className }) => !/codicon-[a-z]/.test(className));
  if (bare.length > 0) throw new Error(`No icon: ${bare.map(({ command }) => command).join(', ')}`);
  return ours.map(({ command }) => command);
}

/** A window in which all rows of all views, and of the palette, are on screen. */
export const tall = { width: 1400, height: 2400 };

/** Exactly these of our commands in the palette. */
export async function expectPalette(window: Workbench, commands: Command[]): Promise<void> {
  expect(commands).not.toEqual(expect.arrayContaining(neverInPalette));
  await expect.poll(async () => (await inPalette(window)).sort()).toEqual([...commands].sort());
}

/** Our commands in the palette. */
async function inPalette(window: Workbench): Promise<Command[]> {
  const titles = await window.palette('Distillery: ');
  const ours = titles.filter((title) => title.startsWith('Distillery: ')).map((title) => commandOf(title.slice(12)));
  // The editor has commands of its own for each view.
  return ours.filter((command) => command !== undefined);
}

/** What was there may be gone when it is pointed at, while the keys of a menu are being set: all is asked again then. */
const soon = { timeout: 5_000 };

/** What a row offers; asked again while the keys of its menu may not be set yet. */
export async function expectRow(window: Workbench, row: Locator, offer: Offer): Promise<void> {
  const shown = async (): Promise<Offer> => {
    await untilClosed(window);
    await row.hover(soon);
    const inline = await icons(row);
    return { inline, menu: await offered(window, () => row.click({ button: 'right', ...soon })) };
  };
  await expect.poll(shown).toEqual(offer);
}

export async function expectTitle(window: Workbench, name: string, offer: Offer): Promise<void> {
  const header = window.pane(name).locator('.pane-header');
  const shown = async (): Promise<Offer> => {
    await untilClosed(window);
    await header.hover(soon);
    const more = header.getByRole('button', { name: 'More Actions...' });
    const menu = (await more.isVisible()) ? await offered(window, () => more.click(soon)) : [];
    return { inline: await icons(header), menu };
  };
  await expect.poll(shown).toEqual(offer);
}

/** Expects the words and links in a view, and follows one. */
export async function follow(window: Workbench, view: string, welcome: Welcome, link: string): Promise<void> {
  const body = window.pane(view).locator('.welcome-view-content');
  await body.waitFor({ timeout: 120_000 });
  const buttons = body.getByRole('button');
  // While the editor starts, it does not know yet whether the folder is trusted.
  await expect.poll(async () => (await buttons.allTextContents()).map(plain)).toEqual(welcomes[welcome]);
  for (const line of words[welcome]!.split('\n').filter((part) => !part.startsWith('['))) {
    expect(plain(await body.textContent())).toContain(line);
  }
  await buttons.filter({ hasText: link }).click();
}
