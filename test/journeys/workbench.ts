/** @file The editor's window, as a person uses it. */

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CDPSession, FrameLocator, Locator, Page } from 'playwright-core';
import { expect, inject, vi } from 'vitest';
import { openWindow, startCodeServer, type EditorWindow } from '../harness/code-server';
import { compiledIn, portFor } from '../harness/kept-caches';
import { ensureEditor } from '../harness/setup';
import { allOr } from '../torture';
import {
  addToMachine,
  deskEnvironment,
  extensionOf,
  ownBrowser,
  ownDesk,
  setDesk,
  type Desk,
  type Surroundings,
} from './desk';
import { atEnd } from './endings';

/** The setting's value, the class that the window then has, and what the pages in it are told. */
export const themes = {
  dark: ['Dark Modern', 'vs-dark', 'vscode-dark'],
  light: ['Light Modern', 'vs', 'vscode-light'],
  'high-contrast': ['Default High Contrast', 'hc-black', 'vscode-high-contrast'],
  'high-contrast-light': ['Default High Contrast Light', 'hc-light', 'vscode-high-contrast-light'],
} as const;

export type Theme = keyof typeof themes;

export const allThemes = Object.keys(themes) as Theme[];

/** In which what is the editor's own is looked at: a dark one and a light one, one of them of high contrast. The Lab's colours are compared in all. */
export const themesLookedAt = allOr<Theme>(allThemes, ['dark', 'high-contrast-light']);

/** Pictures lie here; git does not keep them. */
const shots = path.resolve('test/journeys/shots');

export interface OpenOptions extends Surroundings {
  /** The editor's own choice where none is named. */
  theme?: Theme;
  /** Whether the folder is one that the person trusts. */
  trusted?: boolean;
  /** Whether the helper of the tests is loaded beside it. */
  helper?: boolean;
  /** An editor in which the extension is installed: one under development is at work also where the editor turns it off. */
  installedIn?: Desk;
  /** An editor with all of its own extensions, as it is shipped, and nothing set but what keeps it from the network and the tests' way. */
  shipped?: Desk;
  /** Of the editor, by its code. */
  language?: string;
}

const helper = path.resolve('test/harness/helper');

/** Text with ordinary spaces in place of those that do not break. */
export function plain(text: string | null): string {
  return (text ?? '').replace(/\s/g, ' ').trim();
}

/** Those that are open now. */
const all = new Set<Workbench>();

/** Pictures of all windows of this worker. */
export async function pictureAll(name: string): Promise<void> {
  for (const window of all) await window.picture(name.replace(/[^\w-]+/g, '-'));
}

interface Asked<T> {
  result: T;
  onsuccess: () => void;
}

interface Databases {
  databases: () => Promise<{ name: string }[]>;
  open: (name: string) => Asked<{
    objectStoreNames: Iterable<string>;
    transaction: (store: string) => { objectStore: (store: string) => { getAll: () => Asked<unknown[]> } };
    close: () => void;
  }>;
}

/** Runs in the page: the texts that the editor keeps in the browser's databases. */
async function readKept(): Promise<string[]> {
  const { indexedDB } = globalThis as unknown as { indexedDB: Databases };
  const answer = <T>(asked: Asked<T>): Promise<T> =>
    new Promise((resolve) => (asked.onsuccess = () => resolve(asked.result)));
  const texts: unknown[] = [];
  for (const { name } of await indexedDB.databases()) {
    const database = await answer(indexedDB.open(name));
    for (const store of database.objectStoreNames)
      texts.push(...(await answer(database.transaction(store).objectStore(store).getAll())));
    database.close();
  }
  return texts.filter((text) => typeof text === 'string');
}

interface Drawn {
  ownerDocument: { getAnimations: () => { finished: Promise<unknown> }[] };
}

/** Runs in the page: what fades in has faded in. */
export async function endOfAnimations({ ownerDocument }: Drawn): Promise<void> {
  // One that is taken away before its end is no reason to wait either.
  await Promise.allSettled(ownerDocument.getAnimations().map(({ finished }) => finished));
}

export class Workbench {
  /** What the browser has refused because of a content security policy. */
  readonly violations: string[] = [];

  private constructor(
    private readonly desk: Desk,
    private readonly window: EditorWindow,
    private readonly protocol: CDPSession,
  ) {
    window.page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) this.violations.push(message.text());
    });
  }

  /** Opens a folder, if any, in a fresh window, which is closed when the test, or all of the file, has ended. */
  static async open(folder: string | undefined, options: OpenOptions = {}): Promise<Workbench> {
    const { theme, trusted = true, installedIn, shipped, language } = options;
    const installed = installedIn !== undefined;
    const desk = installedIn ?? shipped ?? ownDesk();
    setDesk(desk.folder, options);
    const window = await openWindow(await ownBrowser(), desk, {
      ...(folder !== undefined && { folder }),
      ...(options.helper && !installed && { helper }),
      extension: installed ? helper : extensionOf(desk.folder),
      trust: !trusted,
      asShipped: installed || shipped !== undefined,
      settings: {
        'security.workspace.trust.startupPrompt': 'never',
        ...(theme && { 'workbench.colorTheme': themes[theme][0] }),
      },
      ...(language !== undefined && { language }),
    });
    window.page.setDefaultTimeout(60_000);
    const workbench = new Workbench(desk, window, await window.page.context().newCDPSession(window.page));
    all.add(workbench);
    atEnd(() => workbench.close());
    await workbench.untilReady();
    // Our contributions are known.
    if (!installed) await workbench.page.getByRole('tab', { name: 'Distillery' }).first().waitFor();
    if (theme) await workbench.untilThemed(theme);
    return workbench;
  }

  /** Waits until the editor has put back what was open: until then, the focus goes elsewhere, and lists close. */
  async untilReady(): Promise<void> {
    await this.page.locator('.monaco-workbench .part.activitybar').waitFor();
    const restored = "performance.getEntriesByName('code/LifecyclePhase/Restored').length > 0";
    // Not at each frame, which would be drawn for it.
    await this.page.waitForFunction(restored, undefined, { polling: 100 });
  }

  /** Changes the theme of an open window, and of the Lab in it, in its settings: the editor's list draws each theme that is passed on the way. */
  async chooseTheme(theme: Theme): Promise<void> {
    addToMachine(this.desk.folder, { 'workbench.colorTheme': themes[theme][0] });
    await this.untilThemed(theme);
    // The page is told a moment after the window has changed.
    if ((await this.page.locator('iframe.webview.ready').count()) > 0)
      await this.lab.locator(`body[data-vscode-theme-kind=${themes[theme][2]}]`).waitFor({ state: 'attached' });
  }

  private untilThemed(theme: Theme): Promise<void> {
    return this.page.locator(`.monaco-workbench.${themes[theme][1]}`).waitFor();
  }

  get page(): Page {
    return this.window.page;
  }

  /** Rows of a view in the sidebar: a name can be in several views, such as a run's in that of what it computes on. */
  rows(view: 'Experiments' | 'Datasets' | 'Devices'): Locator {
    return this.pane(view).locator('.pane-body .monaco-list-row');
  }

  /** Folder of the server that serves this window: all its processes have it in their environment. */
  get serverFolder(): string {
    return this.desk.folder;
  }

  get statusItem(): Locator {
    return this.page.locator('[id="distillery.distillery.distillery.run"]');
  }

  /** The Lab's page, inside its two frames. */
  get lab(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
  }

  get notification(): Locator {
    return this.page.locator('.notification-list-item');
  }

  /** A view of the sidebar with its title; its actions are shown while the pointer is over it. */
  pane(title: string): Locator {
    return this.page
      .locator('.part.sidebar .pane')
      .filter({ has: this.page.locator('.pane-header h3', { hasText: title }) });
  }

  /** What the editor asks before it does anything else. */
  get dialog(): Locator {
    return this.page.locator('.monaco-dialog-box');
  }

  async openSidebar(): Promise<void> {
    const tab = this.page.getByRole('tab', { name: 'Distillery' }).first();
    if ((await tab.getAttribute('aria-selected')) !== 'true') await tab.click();
    await this.page.locator('.part.sidebar .title-label', { hasText: 'Distillery' }).waitFor();
  }

  /** Titles that the palette offers for what was typed. */
  async palette(typed: string): Promise<string[]> {
    const list = await this.openPalette(typed);
    const titles = await list.locator('.monaco-list-row .label-name').allTextContents();
    await this.closePalette();
    return titles;
  }

  async runCommand(title: string): Promise<void> {
    await this.openPalette(title);
    await this.take(await this.untilOffered(title));
  }

  /** Waits until the palette offers a command, which may depend on what the extension has yet to read. */
  async untilPossible(title: string): Promise<void> {
    await this.openPalette(title);
    await this.untilOffered(title);
    await this.closePalette();
  }

  /** Or what is picked next is a row of the list that is being closed. */
  private async closePalette(): Promise<void> {
    const list = this.page.locator('.quick-input-widget');
    await list.locator('input').first().press('Escape');
    await list.waitFor({ state: 'hidden' });
  }

  /** The palette works out anew what it offers when its text changes, and not before. */
  private async untilOffered(title: string): Promise<Locator> {
    const { page } = this;
    const rows = page.locator('.quick-input-list .monaco-list-row');
    // While the list is drawn anew, its old row may still stand beside the new one.
    const command = rows.filter({ has: page.locator('.label-name').getByText(title, { exact: true }) }).first();
    const input = page.locator('.quick-input-widget input').first();
    let spaces = 0;
    const isOffered = async (): Promise<boolean> => {
      if (await command.isVisible()) return true;
      await input.fill(`>${title}${' '.repeat(spaces++ % 2)}`);
      return command.isVisible();
    };
    await vi.waitUntil(isOffered, { timeout: 60_000, interval: 100 });
    return command;
  }

  /**
   * Waits until the window has written what it keeps over a reload. It does so every five seconds, but only where it then has nothing
   * else to do: who asks without a pause takes that from it.
   */
  async untilKept(words: RegExp): Promise<void> {
    const kept = (): Promise<string[]> => this.page.evaluate(readKept);
    await expect.poll(kept, { interval: 500 }).toContainEqual(expect.stringMatching(words));
  }

  /** By the editor's own command: it writes its layout down first, for which the browser's does not wait. */
  async reload(): Promise<void> {
    await Promise.all([this.page.waitForEvent('load'), this.runCommand('Developer: Reload Window')]);
    await this.untilReady();
  }

  /** Opens a file by the editor's own list of files. Its tab is there a moment before its text, and extensions are told of no active editor until then. */
  async openFile(name: string): Promise<void> {
    const last = name.split('/').at(-1)!;
    await this.page.keyboard.press('Control+p');
    await this.page.locator('.quick-input-widget input').first().fill(name);
    await this.pick(last);
    await this.page.getByRole('tab', { name: last }).waitFor();
    await this.page.locator(`.editor-instance .monaco-editor[data-uri$="/${last}"]`).first().waitFor();
  }

  /** Picks the first row with these words of the list that is asked. */
  pick(label: string): Promise<void> {
    return this.take(this.page.locator('.quick-input-list .monaco-list-row', { hasText: label }).first());
  }

  /**
   * Answers the editor's question for a file or a folder, which is open.
   * @param there a row of the folder that is named, and not of that where it begins: an answer on the way only leads there
   */
  async answerWithPath(answer: string, there: string): Promise<void> {
    const asked = this.page.locator('.quick-input-widget');
    const row = (name: string): Locator => asked.locator('.monaco-list-row', { hasText: name }).first();
    // What is typed before its first folder is listed is lost with that.
    await row('..').waitFor();
    const input = asked.locator('input').first();
    await input.fill(answer);
    await row(there).waitFor();
    await input.press('Enter');
  }

  /** Takes a row of a list by the keyboard, whoever has the focus: it may be drawn anew under the pointer. */
  private async take(row: Locator): Promise<void> {
    await row.waitFor();
    const input = this.page.locator('.quick-input-widget input').first();
    const rows = Number(await row.getAttribute('aria-setsize'));
    const isFocused = async (): Promise<boolean> => /\bfocused\b/.test((await row.getAttribute('class')) ?? '');
    for (let at = 0; at <= rows && !(await isFocused()); at++) await input.press('ArrowDown');
    await input.press('Enter');
  }

  /** What events have changed is on the screen after two frames. */
  async untilDrawn(): Promise<void> {
    await this.page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');
  }

  /** Takes an entry of a row's menu. */
  async takeFromMenu(row: Locator, name: string): Promise<void> {
    await row.click({ button: 'right' });
    await this.takeEntry(name);
  }

  /** Takes an entry of the menu that is open, by the keyboard: a menu takes no click in its first tenth of a second. */
  async takeEntry(name: string): Promise<void> {
    const entry = this.page.getByRole('menuitem', { name });
    await entry.hover();
    await this.page.keyboard.press('Enter');
    await entry.waitFor({ state: 'hidden' });
  }

  private async openPalette(typed: string): Promise<Locator> {
    await this.page.keyboard.press('F1');
    const input = this.page.locator('.quick-input-widget input').first();
    await input.waitFor();
    await input.fill(`>${typed}`);
    const list = this.page.locator('.quick-input-list');
    await list.locator('.monaco-list-row').first().waitFor();
    return list;
  }

  /** By the browser's protocol: Playwright has it packed as small as can be, which takes half of what a picture takes. */
  async picture(name: string): Promise<void> {
    mkdirSync(shots, { recursive: true });
    const { data } = await this.protocol.send('Page.captureScreenshot', { optimizeForSpeed: true });
    writeFileSync(path.join(shots, `${name}.png`), Buffer.from(data, 'base64'));
  }

  async close(): Promise<void> {
    if (!all.delete(this)) return;
    await this.window.close();
  }
}

/** A server of an editor as it is shipped, which ends with the test, or all of the file. `installed`: folder of an extension that it has. */
export async function shippedDesk(installed?: string): Promise<Desk> {
  const options = {
    environment: deskEnvironment,
    port: await portFor('shipped'),
    compiled: compiledIn(inject('kept')),
    ...(installed !== undefined && { installed }),
  };
  const server = await startCodeServer(ensureEditor(process.cwd()), options);
  atEnd(() => server.stop());
  return server;
}
