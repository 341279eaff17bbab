/** @file The editor's window, as a person uses it. */

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { FrameLocator, Locator, Page } from 'playwright-core';
import { openWindow, startCodeServer, type CodeServer, type EditorWindow } from '../harness/code-server';
import { ensureEditor } from '../harness/setup';

/** The name in the editor's list, and the class that its window then has. */
export const themes = {
  dark: ['Dark Modern', 'vs-dark'],
  light: ['Light Modern', 'vs'],
  'high-contrast': ['Dark High Contrast', 'hc-black'],
  'high-contrast-light': ['Light High Contrast', 'hc-light'],
} as const;

export type Theme = keyof typeof themes;

/** Pictures lie here; git does not keep them. */
const shots = path.resolve('test/journeys/shots');

export interface OpenOptions {
  /** The editor's own choice where none is named. */
  theme?: Theme;
  /** Whether the folder is one that the person trusts. */
  trusted?: boolean;
  /** Where the extension is, if not as it is built here. */
  extension?: string;
  /** Whether the helper of the tests is loaded beside it. */
  helper?: boolean;
  /** Whether the extension is installed: one under development is at work also where the editor turns it off. */
  installed?: boolean;
  /** Of the editor, by its code. */
  language?: string;
}

const helper = path.resolve('test/harness/helper');

/** Text with ordinary spaces in place of those that do not break. */
export function plain(text: string | null): string {
  return (text ?? '').replace(/\s/g, ' ').trim();
}

export class Workbench {
  /** What the browser has refused because of a content security policy. */
  readonly violations: string[] = [];

  private constructor(
    private readonly server: CodeServer,
    private readonly window: EditorWindow,
  ) {
    window.page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) this.violations.push(message.text());
    });
  }

  /** Opens a folder, if any, in an editor of its own. */
  static async open(folder: string | undefined, options: OpenOptions = {}): Promise<Workbench> {
    const { theme, trusted = true, extension = process.cwd(), installed = false, language } = options;
    const editor = ensureEditor(process.cwd());
    const server = await startCodeServer(editor, {
      trust: !trusted,
      ...(installed && { installed: extension }),
      settings: { 'security.workspace.trust.startupPrompt': 'never' },
    });
    const window = await openWindow(editor, server, {
      ...(folder !== undefined && { folder }),
      ...(options.helper && !installed && { helper }),
      extension: installed ? helper : extension,
      ...(language !== undefined && { language }),
    });
    window.page.setDefaultTimeout(30_000);
    const workbench = new Workbench(server, window);
    try {
      await workbench.page.locator('.monaco-workbench .part.activitybar').waitFor();
      // Our contributions are known.
      if (!installed) await workbench.page.getByRole('tab', { name: 'Distillery' }).first().waitFor();
      if (theme) await workbench.chooseTheme(theme);
      return workbench;
    } catch (error) {
      await workbench.close('open');
      throw error;
    }
  }

  /** By the editor's list: a setting that is there from the start is now and then read before the themes are known. */
  async chooseTheme(theme: Theme): Promise<void> {
    const [name, className] = themes[theme];
    const window = this.page.locator(`.monaco-workbench.${className}`);
    for (let attempt = 1; attempt <= 5; attempt++) {
      // While the editor still starts, something else may take the focus, and the list closes.
      const chosen = await this.pickTheme(name).then(
        () => true,
        () => false,
      );
      if (chosen) break;
      await this.page.keyboard.press('Escape');
    }
    await window.waitFor();
  }

  private async pickTheme(name: string): Promise<void> {
    await this.runCommand('Preferences: Color Theme');
    await this.page.locator('.quick-input-widget input').first().fill(name, { timeout: 5000 });
    const row = this.page.locator('.quick-input-list .monaco-list-row.focused', { hasText: name });
    await row.waitFor({ timeout: 5000 });
    await this.page.keyboard.press('Enter');
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
    return this.server.folder;
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
    await this.page.keyboard.press('Escape');
    return titles;
  }

  async runCommand(title: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const list = await this.openPalette(title);
      const command = list.locator('.label-name').filter({ hasText: new RegExp(`^${title}$`) });
      // A list that was opened too early, before a key was set, does not change any more.
      const found = await command.waitFor({ timeout: 2000 }).then(
        () => true,
        () => false,
      );
      if (found || attempt === 10) return command.click();
      await this.page.keyboard.press('Escape');
    }
  }

  /** By the editor's own command: it writes its layout down first, for which the browser's does not wait. */
  async reload(): Promise<void> {
    const loaded = this.page.waitForEvent('load');
    await this.runCommand('Developer: Reload Window');
    await loaded;
  }

  /** Opens a file by the editor's own list of files. */
  async openFile(name: string): Promise<void> {
    await this.page.keyboard.press('Control+p');
    await this.page.locator('.quick-input-widget input').first().fill(name);
    await this.pick(name.split('/').at(-1)!);
    await this.page.getByRole('tab', { name: name.split('/').at(-1)! }).waitFor();
  }

  /** Picks a row of the list that is asked. */
  pick(label: string): Promise<void> {
    return this.take(this.page.locator('.quick-input-list .monaco-list-row', { hasText: label }).first());
  }

  /** Takes an entry of a row's menu, which closes again where something else asks for attention just then. */
  async takeFromMenu(row: Locator, name: string): Promise<void> {
    const entry = this.page.getByRole('menuitem', { name });
    for (let attempt = 1; attempt <= 5; attempt++) {
      await row.click({ button: 'right' });
      // A menu ignores its first tenth of a second.
      if ((await this.takes(entry)) || ((await entry.isVisible()) && (await this.takes(entry)))) return;
      await this.page.keyboard.press('Escape');
    }
    throw new Error(`${entry.toString()} takes no click`);
  }

  /** Clicks an entry of a list or menu until it is gone: they take no click in their first moments, and a list may be drawn anew. */
  async take(entry: Locator): Promise<void> {
    for (let attempt = 1; attempt <= 5; attempt++) if (await this.takes(entry)) return;
    throw new Error(`${entry.toString()} takes no click`);
  }

  private async takes(entry: Locator): Promise<boolean> {
    try {
      await entry.click({ timeout: 5000 });
      await entry.waitFor({ state: 'hidden', timeout: 2000 });
      return true;
    } catch {
      return false;
    }
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

  async picture(name: string): Promise<void> {
    mkdirSync(shots, { recursive: true });
    await this.page.screenshot({ path: path.join(shots, `${name}.png`) });
  }

  /** Ends everything; first, where the journey has failed, takes a last picture for whoever looks into it. */
  async close(failed?: string): Promise<void> {
    if (failed !== undefined) await this.picture(`failed: ${failed}`.replace(/[^\w-]+/g, '-'));
    await this.window.browser.close();
    await this.server.stop();
  }
}
