/** @file Experiments in the sidebar and in their files, as a person sees them; with pictures in each theme. */

import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Locator } from 'playwright-core';
import { listRuns } from '../../src/run-directory/run-directory';
import { listTrash } from '../../src/run-directory/run-trash';
import { beginRun, changeRun, finishRun } from '../extension/sample-run';
import { atEnd } from './endings';
import { newWorkspace } from './real-runs';
import { plain, themes, Workbench, type Theme } from './workbench';

const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

/** Samples, with a run that is done, one that has failed, and one at work. */
async function workspaceWithRuns(): Promise<string> {
  const workspace = newWorkspace();
  // Few enough for the sidebar to show them all: the last sample alone.
  cpSync('examples', workspace, { recursive: true, filter: (file) => !/definitions|language-model/.test(file) });
  const train = path.join(workspace, 'data/spam/train.jsonl');
  writeFileSync(train, `${readFileSync(train, 'utf8').trim()}\n{"text": "cut off\n`);
  await finishRun(await beginRun(workspace, { started: minutesAgo(190) }));
  const failed = await beginRun(workspace, { started: minutesAgo(120) });
  const error = { message: 'The loss is not a number at step 31.', remedy: 'Lower training.learningRate.' };
  await changeRun(failed, { status: 'failed', error });
  const live = await beginRun(workspace, { started: minutesAgo(4) });
  atEnd(() => live.lock.release());
  const progress = { role: 'student', phase: 'training', step: 250, steps: 600, fraction: 0.42 } as const;
  await changeRun(live, { progress: { ...progress, secondsLeft: 184 } });
  return workspace;
}

/** Names and hashes of all files of the run that has failed; empty where it is not there. */
async function failedFiles(workspace: string): Promise<Record<string, string>> {
  const all = await listRuns(path.join(workspace, '.distillery/runs'));
  const failed = all.find(({ record }) => record.status === 'failed')?.paths.directory;
  if (failed === undefined) return {};
  const entries = readdirSync(failed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const hashes = entries.map((entry) => {
    const file = path.join(entry.parentPath, entry.name);
    return [path.relative(failed, file), createHash('sha256').update(readFileSync(file)).digest('hex')];
  });
  return Object.fromEntries(hashes) as Record<string, string>;
}

async function deleteFailed(window: Workbench, workspace: string, by: 'menu' | 'key' = 'menu'): Promise<Locator> {
  const row = window.rows('Experiments').filter({ hasText: 'failed' }).first();
  if (by === 'menu') await window.takeFromMenu(row, 'Delete Run');
  else {
    await row.click();
    await window.page.keyboard.press('Delete');
  }
  const toast = window.notification.filter({ hasText: 'is deleted.' });
  await toast.waitFor();
  await window.rows('Experiments').filter({ hasText: '2 runs' }).waitFor();
  expect(await failedFiles(workspace)).toEqual({});
  return toast;
}

describe('experiments and their runs', () => {
  let workspace = '';
  let window: Workbench;
  beforeAll(async () => {
    workspace = await workspaceWithRuns();
    window = await Workbench.open(workspace, { theme: 'dark' });
    await window.openSidebar();
  });

  it.each(Object.keys(themes) as Theme[])('stand with their runs and datasets in the sidebar, %s', async (theme) => {
    await window.chooseTheme(theme);
    const spam = window.rows('Experiments').filter({ hasText: '3 runs' });
    await spam.waitFor();
    expect(plain(await spam.textContent())).toContain('1 at work · best macro-F1 .988 on validation');
    await window.rows('Experiments').filter({ hasText: 'T 4 · α .7' }).filter({ hasText: '42 %' }).waitFor();
    const dataset = window.rows('Datasets').filter({ hasText: 'train.jsonl' }).filter({ hasText: '1 malformed' });
    await dataset.waitFor();
    await window.openFile('spam.distill.json');
    await window.page.getByText('last: macro-F1 .976').waitFor();
    await window.picture(`experiments-${theme}`);
  });

  it('can be deleted, and come back as they were: by undo, and out of the trash until it is emptied', async () => {
    const before = await failedFiles(workspace);
    expect(Object.keys(before)).toEqual(expect.arrayContaining(['run.json', 'experiment.json']));
    await window.rows('Experiments').filter({ hasText: 'failed' }).first().click();
    const toast = await deleteFailed(window, workspace);
    await toast.getByRole('button', { name: 'Undo' }).click();
    await window.rows('Experiments').filter({ hasText: '3 runs' }).waitFor();
    expect(await failedFiles(workspace)).toEqual(before);

    await deleteFailed(window, workspace, 'key');
    await window.runCommand('Distillery: Restore Deleted Run…');
    await window.pick('Z_');
    await window.rows('Experiments').filter({ hasText: '3 runs' }).waitFor();
    expect(await failedFiles(workspace)).toEqual(before);

    await deleteFailed(window, workspace);
    const runs = path.join(workspace, '.distillery/runs');
    await window.runCommand('Distillery: Empty Trash');
    await window.dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await listTrash(runs)).toHaveLength(1);
    await window.runCommand('Distillery: Empty Trash');
    await window.picture('empty-trash');
    await window.dialog.getByRole('button', { name: 'Empty Trash' }).click();
    await expect.poll(() => listTrash(runs)).toEqual([]);
  });
});

describe('runs', () => {
  it('in the thousands are listed page by page', async () => {
    const workspace = await workspaceWithRuns();
    const run = (await listRuns(path.join(workspace, '.distillery/runs')))[2]!;
    for (let index = 0; index < 3000; index++) {
      const name = `2020-01-01T00-00-${String(index).padStart(5, '0')}Z_old`;
      cpSync(run.paths.record, path.join(workspace, '.distillery/runs', name, 'run.json'));
      cpSync(run.paths.experiment, path.join(workspace, '.distillery/runs', name, 'experiment.json'));
    }
    const window = await Workbench.open(workspace, { theme: 'dark' });
    await window.openSidebar();
    const spam = window.rows('Experiments').filter({ hasText: '3,003 runs' });
    await spam.waitFor();
    // Closed and opened again, so that the list has the focus.
    await spam.click();
    await window.rows('Experiments').filter({ hasText: 'failed' }).first().waitFor({ state: 'detached' });
    await spam.click();
    await window.rows('Experiments').filter({ hasText: 'failed' }).first().waitFor();
    await window.page.keyboard.press('End');
    await window.rows('Experiments').filter({ hasText: '2,953 more runs' }).click();
    // The list has grown where the row was.
    await window.rows('Experiments').filter({ hasText: '2,953 more runs' }).waitFor({ state: 'detached' });
    await window.page.keyboard.press('End');
    await window.rows('Experiments').filter({ hasText: '2,453 more runs' }).waitFor();
    await window.picture('thousands');
  });
});
