/** @file Every menu that the manifest fills, opened in the real editor: each place offers what the table says, and nothing else of ours. */

import { cpSync, existsSync } from 'node:fs';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { viewport } from '../harness/code-server';
import { keptLibraries, setMachine } from './desk';
import { everyState } from './every-state';
import { expectPalette, expectRow, expectTitle, icons, offered, tall } from './menus';
import {
  editorMenus,
  editorTitles,
  explorerMenus,
  palette,
  rows,
  runButton,
  titles,
  type Command,
  type Row,
} from './offers';
import { newWorkspace } from './real-runs';
import { Workbench, type OpenOptions } from './workbench';

const hasLibrary = existsSync(path.join(keptLibraries, 'openvino'));

/** Tall, so that all rows of all views, and of the palette, are on screen. */
async function open(folder: string, options: OpenOptions): Promise<Workbench> {
  const window = await Workbench.open(folder, options);
  await window.page.setViewportSize(tall);
  await window.openSidebar();
  return window;
}

let libraries = '';
let window: Workbench;
beforeAll(async () => {
  const folder = await everyState();
  cpSync('test/golden/data/models/gpt2', path.join(folder, 'gpt2'), { recursive: true });
  libraries = newWorkspace();
  window = await open(folder, { libraries });
  setMachine(window.serverFolder, { 'distillery.hosts': ['gpu1'] });
});

const device = (name: string): Locator => window.rows('Devices').filter({ hasText: new RegExp(`^${name}(?!-)`) });

describe('a row offers what can be done with it, and no more', () => {
  const experiments = (text: RegExp): Locator => window.rows('Experiments').filter({ hasText: text }).first();
  const ofExperiments: [Row, RegExp][] = [
    ['running run', /^Is running/],
    ['paused run', /^Is paused/],
    ['queued run', /^Is queued/],
    ['failed run', /^Was failed/],
    ['stopped run', /^Was stopped/],
    ['finished run', /^Finished(?! ·)/],
    ['run of a sweep', /^Finished · T=4/],
    ['run without a control', /^Alone/],
    ['experiment', /^other/],
    ['experiment whose file is gone', /file is gone/],
    ['run whose file is gone', /^T 4/],
    ['row of a comparison', /^control/],
  ];

  it('in Experiments', async () => {
    const gone = experiments(/file is gone/);
    await gone.click();
    await experiments(/^T 4/).waitFor();
    await experiments(/^Finished(?! ·)/)
      .locator('.monaco-tl-twistie')
      .click();
    await window.picture('menus-experiments');
    for (const [row, text] of ofExperiments) await expectRow(window, experiments(text), rows[row]);
    await experiments(/^Was failed/).click();
    await experiments(/^Alone/).click({ modifiers: ['Control'] });
    await expectRow(window, experiments(/^Alone/), rows['several runs']);
  });

  it('in Datasets', async () => {
    const datasets = (text: RegExp): Locator => window.rows('Datasets').filter({ hasText: text }).first();
    await datasets(/^spam-train\.jsonl/).waitFor();
    await expectRow(window, datasets(/^spam-train\.jsonl/), rows.dataset);
    await expectRow(window, datasets(/^data/), rows['folder of datasets']);
    await datasets(/^spam-train\.jsonl/)
      .locator('.monaco-tl-twistie')
      .click();
    await expectRow(window, datasets(/^ham/), rows['label of a dataset']);
  });

  it('in Devices, where no library is installed', async () => {
    await device('cpu').waitFor({ timeout: 120_000 });
    await expectRow(window, device('cpu'), rows.device);
    await expectRow(window, device('openvino'), rows['device without OpenVINO']);
    await expectRow(window, device('tfjs-node'), rows['device without TensorFlow']);
    await expectRow(window, device('tfjs-node-gpu'), rows['device without TensorFlow for GPUs']);
    await expectTitle(window, 'Devices', titles.Devices);
    const hosts = window.rows('Devices').filter({ hasText: /^Hosts/ });
    await expectRow(window, hosts, rows.hosts);
    await hosts.locator('.monaco-tl-twistie').click();
    await expectRow(window, device('gpu1'), rows.host);
    const models = window.rows('Devices').filter({ hasText: /^Models/ });
    await expectRow(window, models, rows.models);
    await models.locator('.monaco-tl-twistie').click();
    await expectRow(window, device('gpt2'), rows['model that is here']);
  });
});

describe('files offer what can be done with them', () => {
  const actions = (window: Workbench): Locator => window.page.locator('.editor-group-container.active .editor-actions');
  const line = (window: Workbench): Locator =>
    window.page.locator('.editor-group-container.active .view-line').filter({ hasText: /\w/ }).first();
  const expectIcons = (window: Workbench, commands: Command[]): Promise<void> =>
    expect.poll(() => icons(actions(window))).toEqual(commands);
  const expectMenu = (window: Workbench, groups: Command[][]): Promise<void> =>
    expect.poll(() => offered(window, () => line(window).click({ button: 'right' }))).toEqual(groups);
  const selectAll = async (window: Workbench): Promise<void> => {
    await line(window).click();
    await window.page.keyboard.press('Control+A');
  };

  it('above an editor, and in the menu of its text', async () => {
    // A hundred lines would be drawn, and their rows asked about.
    await window.page.setViewportSize(viewport);
    await window.openFile('other.distill.json');
    await expectIcons(window, runButton.slice(0, 1));
    const arrow = actions(window).locator(
      '.monaco-dropdown-with-default .codicon-chevron-down, .dropdown-action-container',
    );
    expect((await offered(window, () => arrow.last().click())).flat()).toEqual(runButton);
    await window.openFile('notes.md');
    await expectIcons(window, editorTitles['any other file']);
    await expectMenu(window, editorMenus['text without a selection']);
    await selectAll(window);
    await expectMenu(window, editorMenus['selected text']);
    await window.openFile('rows.jsonl');
    await expectIcons(window, editorTitles.dataset);
    await actions(window).getByRole('button', { name: 'Inspect Dataset with Run…' }).click();
    await window.pick('spam');
    await window.page.getByText(/Inspecting with spam/).waitFor();
    await expectIcons(window, editorTitles['inspected dataset']);
    await line(window).click();
    await expectMenu(window, editorMenus['inspected dataset']);
    await selectAll(window);
    await expectMenu(window, editorMenus['selection in an inspected dataset']);
    await window.picture('menus-inspected');
    await window.takeFromMenu(line(window), 'Open Row in Lab');
    await window.lab.getByRole('tab', { name: 'Tokens', selected: true }).waitFor();
  });

  it('in the explorer', async () => {
    await window.page.keyboard.press('Control+Shift+E');
    const files: [keyof typeof explorerMenus, string][] = [
      ['experiment file', 'other.distill.json'],
      ['dataset', 'rows.jsonl'],
      ['any other file', 'notes.md'],
      ['folder named as a dataset', 'folder.csv'],
    ];
    for (const [kind, name] of files) {
      const file = window.page.locator('.explorer-folders-view').getByRole('treeitem', { name });
      const shown = (): Promise<Command[][]> => offered(window, () => file.click({ button: 'right' }));
      await expect.poll(shown).toEqual(explorerMenus[kind]);
    }
  });
});

describe('views and palette offer what can be done now', () => {
  it('and a run’s folder can be revealed', async () => {
    await window.page.setViewportSize(tall);
    await window.openSidebar();
    const run = window
      .rows('Experiments')
      .filter({ hasText: /^Alone/ })
      .first();
    // Alone: several are selected.
    await run.click();
    await window.takeFromMenu(run, 'Reveal Run Folder');
    const file = window.page.locator('.explorer-folders-view .monaco-list-row.selected');
    await file.filter({ hasText: 'run.json' }).waitFor();
    expect(await file.locator('.monaco-icon-label').first().getAttribute('aria-label')).toMatch(
      /runs.*_Alone\/run\.json$/,
    );
    await window.picture('revealed');
  });

  it('with runs in each state, a dataset inspected, a run deleted, and a library that is installed and removed', async () => {
    const everything = palette[
      'runs in each state, one deleted, a dataset being inspected, a library being installed'
    ].filter((command) => hasLibrary || command !== 'removeLibrary');
    await window.openSidebar();
    const openvino = device('openvino');
    if (hasLibrary) {
      cpSync(path.join(keptLibraries, 'openvino'), path.join(libraries, 'openvino'), { recursive: true });
      await window.runCommand('Distillery: Refresh Devices');
      await openvino.filter({ hasText: 'GB' }).waitFor({ timeout: 120_000 });
      await expectRow(window, openvino, rows['device with a library']);
      await expectTitle(window, 'Devices', titles['Devices, a library being installed']);
    }
    await expectTitle(window, 'Experiments', titles.Experiments);
    await window.takeFromMenu(
      window
        .rows('Experiments')
        .filter({ hasText: /^Was failed/ })
        .first(),
      'Delete Run',
    );
    await expectTitle(window, 'Experiments', titles['Experiments, a run being deleted']);
    await window.openFile('rows.jsonl');
    await window.page.getByText(/Inspecting with spam/).waitFor();
    await expectPalette(window, everything);
    await window.picture('menus-everything');
    if (!hasLibrary) return;
    await window.takeFromMenu(openvino, 'Remove Native Library…');
    await openvino.filter({ hasText: 'not installed' }).waitFor({ timeout: 120_000 });
    expect(existsSync(path.join(libraries, 'openvino'))).toBe(false);
    await expectTitle(window, 'Devices', titles.Devices);
  });
});
