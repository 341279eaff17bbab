/** @file What each view says while it is empty: its words, its links, and where one of them leads. */

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { welcomes } from './offers';
import { plain, Workbench } from './workbench';

type Welcome = keyof typeof welcomes;

const words = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<Welcome, string>;

let folder = '';
let workbench: Workbench | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'journey-'));
});
afterEach(async ({ task }) => {
  await workbench?.close(task.result?.state === 'fail' ? task.name : undefined);
  workbench = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** Expects the words and links in a view, and follows one. */
async function follow(view: string, welcome: Welcome, link: string): Promise<void> {
  const body = workbench!.pane(view).locator('.welcome-view-content');
  await body.waitFor({ timeout: 120_000 });
  const buttons = body.getByRole('button');
  // While the editor starts, it does not know yet whether the folder is trusted.
  await expect.poll(async () => (await buttons.allTextContents()).map(plain)).toEqual(welcomes[welcome]);
  for (const line of words[welcome].split('\n').filter((part) => !part.startsWith('['))) {
    expect(plain(await body.textContent())).toContain(line);
  }
  await buttons.filter({ hasText: link }).click();
}

const question = (text: string): Promise<void> =>
  workbench!.page.locator('.quick-input-widget').filter({ hasText: text }).waitFor();

it('in a folder without experiments: a new one from a dataset', async () => {
  cpSync('examples/data/spam/test.jsonl', path.join(folder, 'mails.jsonl'));
  workbench = await Workbench.open(folder, { theme: 'dark' });
  await workbench.openSidebar();
  await follow('Experiments', 'welcome.empty', 'New Experiment…');
  await question('text-classification');
  await workbench.page.keyboard.press('Escape');
  await follow('Datasets', 'welcome.noDatasets', 'New Experiment…');
  await workbench.pick('text-classification');
  await workbench.page.getByRole('tab', { name: 'mails.distill.json' }).waitFor();
});

it('without a folder: one is opened', async () => {
  workbench = await Workbench.open(undefined, { theme: 'dark' });
  await workbench.openSidebar();
  await workbench.picture('welcome-no-folder');
  await follow('Experiments', 'welcome.noFolder', 'Open Folder');
  const asked = workbench.page.locator('.quick-input-widget').filter({ hasText: 'Open Folder' });
  await asked.locator('input').first().fill(`${folder}/`);
  await asked.getByRole('button', { name: 'OK' }).click();
  await workbench.page.waitForURL((url) => url.searchParams.get('folder') === folder);
});

it('in a folder that is not trusted: trust is granted', async () => {
  workbench = await Workbench.open(folder, { trusted: false });
  await workbench.openSidebar();
  const views: [string, Welcome][] = [
    ['Experiments', 'welcome.untrusted'],
    ['Datasets', 'welcome.untrustedDatasets'],
    ['Devices', 'welcome.untrustedDevices'],
  ];
  const manager = workbench.page.getByText('You are in Restricted Mode');
  for (const [view, welcome] of views) {
    await follow(view, welcome, 'Manage Workspace Trust');
    await manager.waitFor();
    if (view === 'Devices') break;
    await workbench.page.keyboard.press('Escape');
    await manager.waitFor({ state: 'detached' });
  }
  await workbench.page.getByRole('button', { name: /^Trust$/ }).click();
  // Nothing is reloaded: what was empty asks anew.
  await workbench.rows('Devices').filter({ hasText: /^cpu/ }).waitFor({ timeout: 120_000 });
  await workbench.page.getByText('No experiments yet.').waitFor();
});

/** The extension as it is built, but for one file. */
function extensionWithout(file: string): string {
  const copy = path.join(folder, 'extension');
  mkdirSync(path.join(copy, 'dist'), { recursive: true });
  const link = (name: string): void => symlinkSync(path.resolve(name), path.join(copy, name));
  for (const name of ['package.json', 'package.nls.json', 'l10n', 'media', 'examples']) link(name);
  for (const name of readdirSync('dist').map((entry) => path.join('dist', entry))) if (name !== file) link(name);
  return copy;
}

it('where the devices cannot be asked: they are asked again', async () => {
  const runner = path.join('dist', 'runner.js');
  const extension = extensionWithout(runner);
  workbench = await Workbench.open(path.join(folder), { theme: 'dark', extension });
  await workbench.openSidebar();
  await workbench.pane('Devices').locator('.welcome-view-content').waitFor();
  await workbench.picture('welcome-devices');
  symlinkSync(path.resolve(runner), path.join(extension, runner));
  await follow('Devices', 'welcome.devices', 'Refresh Devices');
  await workbench.rows('Devices').filter({ hasText: /^cpu/ }).waitFor({ timeout: 120_000 });
});
