/** @file What each view says while it is empty: its words, its links, and where one of them leads. */

import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectPalette, tall } from './menus';
import { palette, welcomes } from './offers';
import { newWorkspace } from './real-runs';
import { plain, Workbench } from './workbench';

type Welcome = keyof typeof welcomes;

const words = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<Welcome, string>;

/** Expects the words and links in a view, and follows one. */
async function follow(window: Workbench, view: string, welcome: Welcome, link: string): Promise<void> {
  const body = window.pane(view).locator('.welcome-view-content');
  await body.waitFor({ timeout: 120_000 });
  const buttons = body.getByRole('button');
  // While the editor starts, it does not know yet whether the folder is trusted.
  await expect.poll(async () => (await buttons.allTextContents()).map(plain)).toEqual(welcomes[welcome]);
  for (const line of words[welcome].split('\n').filter((part) => !part.startsWith('['))) {
    expect(plain(await body.textContent())).toContain(line);
  }
  await buttons.filter({ hasText: link }).click();
}

/** The extension as it is built, but for one file. */
function extensionWithout(file: string): string {
  const copy = path.join(newWorkspace(), 'extension');
  mkdirSync(path.join(copy, 'dist'), { recursive: true });
  const link = (name: string): void => symlinkSync(path.resolve(name), path.join(copy, name));
  for (const name of ['package.json', 'package.nls.json', 'l10n', 'media', 'examples']) link(name);
  for (const name of readdirSync('dist').map((entry) => path.join('dist', entry))) if (name !== file) link(name);
  return copy;
}

describe('in one window', () => {
  const runner = path.join('dist', 'runner.js');
  let extension = '';
  let window: Workbench;
  beforeAll(async () => {
    const folder = newWorkspace();
    cpSync('examples/data/spam/test.jsonl', path.join(folder, 'mails.jsonl'));
    extension = extensionWithout(runner);
    window = await Workbench.open(folder, { theme: 'dark', libraries: newWorkspace(), extension });
    await window.openSidebar();
  });

  it('where the devices cannot be asked: they are asked again', async () => {
    // Asked in vain: until then, there is nothing to say.
    await window.pane('Devices').getByText('What can compute here could not be asked.').waitFor();
    await window.picture('welcome-devices');
    symlinkSync(path.resolve(runner), path.join(extension, runner));
    await follow(window, 'Devices', 'welcome.devices', 'Refresh Devices');
    await window.rows('Devices').filter({ hasText: /^cpu/ }).waitFor({ timeout: 120_000 });
  });

  it('in a folder without experiments: a new one from a dataset', async () => {
    await follow(window, 'Experiments', 'welcome.empty', 'New Experiment…');
    const picker = window.page.locator('.quick-input-widget').filter({ hasText: 'text-classification' });
    await picker.waitFor();
    await window.page.keyboard.press('Escape');
    // Or what is picked next is a row of the list that is being closed.
    await picker.waitFor({ state: 'hidden' });
    await follow(window, 'Datasets', 'welcome.noDatasets', 'New Experiment…');
    await window.pick('text-classification');
    await window.page.getByRole('tab', { name: 'mails.distill.json' }).waitFor();
  });
});

it('a new experiment may have a model that is here as its teacher, and a student by how much smaller that is', async () => {
  const folder = newWorkspace();
  cpSync('examples/data/spam/test.jsonl', path.join(folder, 'mails.jsonl'));
  cpSync('examples/models/definitions-teacher', path.join(folder, 'models/definitions'), { recursive: true });
  const window = await Workbench.open(folder, { theme: 'dark', libraries: newWorkspace() });
  await window.runCommand('Distillery: New Experiment…');
  await window.pick('text-classification');
  const rows = window.page.locator('.quick-input-list .monaco-list-row');
  await rows.filter({ hasText: 'A model that is trained here' }).waitFor();
  await window.picture('new-experiment-teacher');
  await window.pick('fine-tuned on these rows first');
  await rows.filter({ hasText: 'Half of the teacher’s blocks' }).waitFor();
  const sized = /parameters · [\d.]+\s[kM]B · [\d.]+\s[MG]B of memory/;
  expect(await rows.filter({ hasText: sized }).count()).toBeGreaterThan(1);
  await window.picture('new-experiment-student');
  await window.pick('Half of the teacher’s blocks');
  await window.page.getByRole('tab', { name: 'mails.distill.json' }).waitFor();
  await window.page.locator('.view-line', { hasText: 'half-blocks' }).waitFor();
});

it('without a folder: one is opened', async () => {
  const folder = newWorkspace();
  mkdirSync(path.join(folder, 'inside'));
  const window = await Workbench.open(undefined, { theme: 'dark', libraries: newWorkspace() });
  await window.openSidebar();
  await window.picture('welcome-no-folder');
  await window.page.setViewportSize(tall);
  await expectPalette(window, palette['no folder']);
  await follow(window, 'Experiments', 'welcome.noFolder', 'Open Folder');
  await window.page.locator('.quick-input-widget', { hasText: 'Open Folder' }).waitFor();
  await window.answerWithPath(`${folder}/`, 'inside');
  await window.page.waitForURL((url) => url.searchParams.get('folder') === folder);
  await window.untilReady();
  await window.openSidebar();
  await expectPalette(window, palette['a folder without runs']);
});

it('in a folder that is not trusted: trust is granted', async () => {
  const window = await Workbench.open(newWorkspace(), { trusted: false });
  await window.openSidebar();
  const views: [string, Welcome][] = [
    ['Experiments', 'welcome.untrusted'],
    ['Datasets', 'welcome.untrustedDatasets'],
    ['Devices', 'welcome.untrustedDevices'],
  ];
  const manager = window.page.getByText('You are in Restricted Mode');
  for (const [view, welcome] of views) {
    await follow(window, view, welcome, 'Manage Workspace Trust');
    await manager.waitFor();
    if (view === 'Devices') break;
    await window.page.keyboard.press('Escape');
    await manager.waitFor({ state: 'detached' });
  }
  await window.page.getByRole('button', { name: /^Trust$/ }).click();
  // Nothing is reloaded: what was empty asks anew.
  await window.rows('Devices').filter({ hasText: /^cpu/ }).waitFor({ timeout: 120_000 });
  await window.page.getByText('No experiments yet.').waitFor();
});
