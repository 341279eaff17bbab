/**
 * @file A stranger's folder in the real editor, before and after it is trusted: what empty views say and offer until then, and what is there to be
 * looked at; and a run that somebody holds who cannot be seen from here.
 */

import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { complaint } from '../../src/protocol/problem';
import { beginRun, changeRun, finishRun, summary, type SampleRun } from '../extension/sample-run';
import { atEnd } from './endings';
import { writeRuns } from './every-state';
import { openTab, refusals } from './lab-window';
import { expectPalette, expectTitle, follow, tall } from './menus';
import { palette, titles } from './offers';
import { newWorkspace } from './real-runs';
import { plain, Workbench } from './workbench';

/** What would tell that markup was taken for markup, in any of the editor's frames. */
const markup = '<img src=x onerror="window.top.owned=1"><script>window.top.owned=1</script>';

interface Strangers {
  folder: string;
  /** What must be as it was: where the folder's links lead, and what a pattern of its experiment finds above it. */
  outside: string;
  /** Who asked the network for anything. */
  asked: readonly unknown[];
  /** An experiment, and a run: what the views show comes with them. */
  addRun: () => Promise<SampleRun>;
}

/** A folder that means harm in every name and text that is in it. */
async function strangersFolder(): Promise<Strangers> {
  const asked: unknown[] = [];
  const net = createServer((socket) => asked.push(socket.destroy()));
  await once(net.listen(0, '127.0.0.1'), 'listening');
  atEnd(() => void net.close());
  const address = `http://127.0.0.1:${(net.address() as AddressInfo).port}/x.png`;
  const hostile = `${markup} [a](command:workbench.action.quit) ![b](${address}) $(error) **c** | \u001b[2J \u202egnp`;

  const [above, outside] = [newWorkspace(), newWorkspace()];
  const folder = path.join(above, 'folder');
  mkdirSync(folder);
  writeFileSync(path.join(outside, 'kept.txt'), 'mine');
  // Programs by the names that are looked for, and places of ours that lead out.
  for (const name of ['pip.py', 'python3', 'node', 'sitecustomize.py']) {
    const file = path.join(folder, name);
    writeFileSync(file, name.endsWith('.py') ? 'open("ran.txt", "w")' : '#!/bin/sh\ntouch ran.txt\n');
    chmodSync(file, 0o755);
  }
  const rows = Array.from({ length: 40 }, (_, i) => ({ text: `${hostile} ${i}`, label: i % 2 === 0 ? markup : 'ham' }));
  writeFileSync(path.join(folder, 'rows.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  mkdirSync(path.join(above, 'many'));
  for (let i = 0; i <= 10_000; i++) writeFileSync(path.join(above, 'many', `${i}.jsonl`), '');
  mkdirSync(path.join(folder, '.distillery'));
  symlinkSync(outside, path.join(folder, '.distillery', 'trash'));
  const addRun = async (): Promise<SampleRun> => {
    writeFileSync(
      path.join(folder, 'a [b](command:c) $(error) <i>d.distill.json'),
      JSON.stringify({ name: hostile, task: 'text-classification', dataset: { train: ['rows.jsonl', '../**/*'] } }),
    );
    const run = await beginRun(folder, { name: hostile, device: hostile });
    await finishRun(run);
    const alert = { ...complaint('teacher-at-chance', { label: hostile, accuracy: '.5', share: '.5' }), step: 0 };
    const rowsOfRun = summary(run).rows.map((row) => (row.role === 'control' ? { ...row, name: markup } : row));
    await changeRun(run, {
      summary: { rows: rowsOfRun },
      alerts: [{ ...alert, role: 'teacher', name: hostile }],
      error: { message: hostile, remedy: hostile },
    });
    return run;
  };
  return { folder, outside, asked, addRun };
}

/** The view has the run, its hover and the Lab show the texts as texts. */
async function lookAtRun(
  window: Workbench,
  { folder, outside, asked }: Strangers,
  run: SampleRun,
  /** Of its row. */
  words: RegExp,
  picture: string,
): Promise<void> {
  const row = window.rows('Experiments').filter({ hasText: words }).first();
  await row.waitFor();
  expect(await window.pane('Experiments').locator('img, script, .monaco-list-row a[href^="command"]').count()).toBe(0);
  await row.click();
  await window.lab.getByRole('tab', { name: 'Loss' }).waitFor();
  await window.page.keyboard.press('Control+0');
  await row.click();
  await window.page.keyboard.press('Control+K');
  await window.page.keyboard.press('Control+I');
  const hover = window.page.locator('.monaco-hover').filter({ hasText: 'script' }).first();
  await hover.waitFor();
  await window.picture(`${picture}-hover`);
  expect(await hover.locator('img, script, a').count()).toBe(0);
  await window.lab.locator('h1').filter({ hasText: '<script>' }).waitFor();
  await openTab(window, 'Compare');
  await window.lab.locator('lab-model-table tbody').waitFor();
  expect(await window.lab.locator('img, iframe').count()).toBe(0);
  await window.picture(picture);
  expect(await window.page.evaluate('window.owned')).toBeUndefined();
  expect(await refusals(window)).toEqual([]);
  expect(existsSync(run.paths.record)).toBe(true);
  expect(existsSync(path.join(folder, 'ran.txt'))).toBe(false);
  expect(readdirSync(outside)).toEqual(['kept.txt']);
  expect(asked).toEqual([]);
}

describe('in a folder of a stranger', () => {
  let strangers: Strangers;
  let run: SampleRun;
  let window: Workbench;
  beforeAll(async () => {
    strangers = await strangersFolder();
    window = await Workbench.open(strangers.folder, { theme: 'dark', trusted: false });
    await window.openSidebar();
  });

  const manager = (): Locator => window.page.getByText('You are in Restricted Mode');

  it('that is not trusted, and without experiments, each view says so, and leads to trust', async () => {
    for (const [view, welcome] of [
      ['Experiments', 'welcome.untrusted'],
      ['Datasets', 'welcome.untrustedDatasets'],
      ['Devices', 'welcome.untrustedDevices'],
    ] as const) {
      await follow(window, view, welcome, 'Manage Workspace Trust');
      await manager().waitFor();
      await window.page.keyboard.press('Escape');
      await manager().waitFor({ state: 'detached' });
    }
  });

  it('that is not trusted nothing runs, leaks or leaves the folder', async () => {
    run = await strangers.addRun();
    await lookAtRun(window, strangers, run, /^T 4/, 'stranger-untrusted');
    await window.pane('Experiments').getByText('This workspace is not trusted').waitFor();
    expect(await window.rows('Datasets').count()).toBe(0);
  });

  it('that is not trusted runs in each state can be looked at, and no more', async () => {
    await window.page.setViewportSize(tall);
    await writeRuns(strangers.folder);
    await expectPalette(window, palette['a folder that is not trusted']);
    await expectTitle(window, 'Experiments', titles['Experiments, not trusted']);
    await expectTitle(window, 'Devices', titles['Devices, not trusted']);
    await window
      .rows('Experiments')
      .filter({ hasText: /^Is running/ })
      .click();
    await window.lab.locator('h1').filter({ hasText: 'Is running' }).waitFor();
    const devices = window.pane('Devices');
    await devices.getByText('none is started in a workspace that is not trusted').waitFor();
    await window.page.getByText('In a workspace that is not trusted none of them is opened').waitFor();
    await window.picture('not-trusted');
    await devices.getByRole('button', { name: 'Manage Workspace Trust' }).click();
    await manager().waitFor();
  });

  it('that is trusted then nothing is loaded anew, what was empty asks, texts are texts and patterns end', async () => {
    await window.page.getByRole('button', { name: /^Trust$/ }).click();
    await window.rows('Devices').filter({ hasText: /^cpu/ }).waitFor({ timeout: 120_000 });
    await window.rows('Datasets').filter({ hasText: 'rows.jsonl' }).filter({ hasText: '40 rows' }).waitFor();
    expect(await window.pane('Datasets').locator('img, script, .monaco-list-row a[href^="command"]').count()).toBe(0);
    // The button that had the focus has gone.
    await window.page.locator('.monaco-modal-editor-block .codicon-close').click();
    await window.page.getByText('You trust this folder').waitFor({ state: 'detached' });
    await lookAtRun(window, strangers, run, /^<img.*keeps/, 'stranger-trusted');
  });

  it('a run that is held in another container is taken over only where a person says that it has ended', async () => {
    const held = await beginRun(strangers.folder, { name: 'Night train' });
    await held.lock.release();
    const claim = path.join(held.paths.directory, 'lock.4242.1.aaaaaaaa-bbbbbbbb-cccccccc');
    writeFileSync(claim, 'gpu-box-3');
    await window.rows('Experiments').filter({ hasText: 'Night train' }).waitFor();
    await window.runCommand('Distillery: Stop Run');
    await window.pick('Night train');
    await window.dialog.waitFor();
    const words = plain(await window.dialog.textContent());
    expect(words).toContain('Night train is held by process 4242 on gpu-box-3, which cannot be seen from here.');
    expect(words).toContain('If it is still at work, both would write the same run.');
    await window.picture('take-over');
    await window.dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(existsSync(claim)).toBe(true);
  });
});
