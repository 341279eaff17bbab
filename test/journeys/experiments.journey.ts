/**
 * @file Experiments and their runs in the sidebar, the status bar, the Lab and their files, as a person sees them; with pictures in each
 * theme.
 */

import { createHash } from 'node:crypto';
import { cpSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Locator } from 'playwright-core';
import { listRuns } from '../../src/run-directory/run-directory';
import { listTrash } from '../../src/run-directory/run-trash';
import { beginRun, changeRun, finishRun, train, type SampleRun } from '../extension/sample-run';
import { atEnd } from './endings';
import { newWorkspace } from './real-runs';
import { plain, themesLookedAt, Workbench } from './workbench';

const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

const failure = { message: 'The loss is not a number at step 31.', remedy: 'Lower training.learningRate.' };
const progress = {
  role: 'student',
  phase: 'training',
  step: 250,
  steps: 600,
  fraction: 0.42,
  secondsLeft: 184,
} as const;

/** A sample, with a run that is done and one that has failed. */
async function sampleWithRuns(): Promise<string> {
  const workspace = newWorkspace();
  // Few enough for the sidebar to show all of their runs: the last sample alone.
  cpSync('examples', workspace, { recursive: true, filter: (file) => !/definitions|language-model/.test(file) });
  const train = path.join(workspace, 'data/spam/train.jsonl');
  writeFileSync(train, `${readFileSync(train, 'utf8').trim()}\n{"text": "cut off\n`);
  await finishRun(await beginRun(workspace, { started: minutesAgo(190) }));
  await changeRun(await beginRun(workspace, { started: minutesAgo(120) }), { status: 'failed', error: failure });
  return workspace;
}

/** Runs in each state, with names of their own, of an experiment whose file is gone. */
async function beginNamed(folder: string): Promise<SampleRun> {
  await finishRun(await beginRun(folder, { started: minutesAgo(190) }));
  const failed = await beginRun(folder, { name: 'Tiny student', started: minutesAgo(120) });
  await changeRun(failed, { status: 'failed', error: failure });
  const stopped = await beginRun(folder, { name: 'High temperature', started: minutesAgo(65) });
  await train(stopped.paths, 'student', 1, 200);
  await changeRun(stopped, { status: 'stopped' });
  const live = await beginRun(folder, { name: 'Spam filter, wider', started: minutesAgo(4) });
  await train(live.paths.teacher, 'teacher', 1, 300);
  await train(live.paths, 'student', 1, 250);
  await changeRun(live, { progress });
  atEnd(() => live.lock.release());
  return live;
}

/** As many old runs of one experiment. */
async function writeOld(folder: string, count: number): Promise<void> {
  const run = await beginRun(folder, { name: 'Old', started: new Date('2020-01-01T00:00:00Z') });
  await changeRun(run, { status: 'stopped' });
  const { directory, record, experiment } = run.paths;
  for (let index = 1; index < count; index++) {
    const other = path.join(path.dirname(directory), `2020-01-01T00-00-${String(index).padStart(5, '0')}Z_old`);
    mkdirSync(other);
    for (const file of [record, experiment]) linkSync(file, path.join(other, path.basename(file)));
  }
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

let workspace = '';
/** Where no experiment file is. */
let elsewhere = '';
let named: SampleRun;
let window: Workbench;
beforeAll(async () => {
  workspace = await sampleWithRuns();
  elsewhere = path.join(workspace, 'elsewhere');
  mkdirSync(path.join(elsewhere, '.distillery'), { recursive: true });
  named = await beginNamed(elsewhere);
  window = await Workbench.open(workspace, { theme: 'dark' });
  await window.openSidebar();
});

describe('runs', () => {
  describe.each(themesLookedAt)('in %s', (theme) => {
    it('are listed', async () => {
      await window.chooseTheme(theme);
      await window.rows('Experiments').nth(3).waitFor();
      await window.statusItem.waitFor();
      await window.picture(`runs-${theme}`);
      expect(plain(await window.statusItem.textContent())).toBe('Spam filter, wider · 42 % · 4 m left');
      const names = await window.rows('Experiments').locator('.label-name').allTextContents();
      expect(names).toEqual(
        expect.arrayContaining(['Spam filter, wider', 'High temperature', 'Tiny student', 'Spam filter']),
      );
    });

    it('open in the Lab', async () => {
      await window.rows('Experiments').filter({ hasText: 'Spam filter, wider' }).click();
      await window.lab.getByText('Spam filter, wider').first().waitFor();
      await window.lab.getByText('Student loss (hard)').first().waitFor();
      await window.lab.locator('canvas').first().waitFor();
      expect(window.violations).toEqual([]);
      await window.picture(`lab-${theme}`);
    });
  });

  it('are found when they begin elsewhere, and announce their end once', async () => {
    await window.rows('Experiments').nth(3).waitFor();
    const other = await beginRun(elsewhere, { name: 'From a terminal' });
    await window.rows('Experiments').filter({ hasText: 'From a terminal' }).waitFor();
    await finishRun(other);
    const toast = window.notification.filter({ hasText: 'From a terminal is done.' });
    await toast.waitFor();
    await window.picture('announced');
    expect(plain(await toast.textContent())).toContain("The student keeps 98.9 % of the teacher's quality");
    // With its own row, that of its experiment tells that it is at work no more.
    await window.rows('Experiments').filter({ hasText: 'From a terminal' }).filter({ hasText: 'keeps' }).waitFor();
    const experiment = window.rows('Experiments').filter({ hasText: '5 runs' });
    expect(plain(await experiment.textContent())).toContain('5 runs · 1 at work');
    await toast.getByRole('button', { name: 'Open Lab' }).click();
    await window.lab.getByText('From a terminal').first().waitFor();
    expect(await window.notification.count()).toBe(0);
  });

  it('are compared where several are selected', async () => {
    const done = window.rows('Experiments').filter({ hasText: 'keeps' }).first();
    await done.click();
    await window
      .rows('Experiments')
      .filter({ hasText: 'High temperature' })
      .last()
      .click({ modifiers: ['Control'] });
    await done.click({ button: 'right' });
    await window.takeEntry('Compare Runs');
    await window.lab.getByRole('tab', { name: 'Compare', selected: true }).waitFor();
    await window.lab.getByText('High temperature').first().waitFor();
    await window.picture('compared');
  });
});

describe('experiments and their runs', () => {
  it('are opened and closed by a click', async () => {
    await changeRun(named, { status: 'stopped' });
    const live = await beginRun(workspace, { started: minutesAgo(4) });
    atEnd(() => live.lock.release());
    await changeRun(live, { progress });
    await window.runCommand('View: Close All Editor Groups');
    const others = window.rows('Experiments').filter({ hasText: /5 runs · best/ });
    await others.click();
    await expect.poll(() => others.getAttribute('aria-expanded')).toBe('false');
    const these = window.rows('Experiments').filter({ hasText: /3 runs · 1 at work/ });
    await these.locator('.monaco-tl-twistie').click();
    await expect.poll(() => these.getAttribute('aria-expanded')).toBe('true');
  });

  it.each(themesLookedAt)('stand with their runs and datasets in the sidebar, %s', async (theme) => {
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

it('runs are listed page by page where they are in the thousands', async () => {
  // Moved here whole, of which the editor is told by one word; the others are closed, and these opened, so that the list has the focus.
  const old = newWorkspace();
  mkdirSync(path.join(old, 'old/.distillery'), { recursive: true });
  await writeOld(path.join(old, 'old'), 3000);
  renameSync(path.join(old, 'old'), path.join(workspace, 'old'));
  await window.runCommand('Distillery: Refresh');
  await window.rows('Experiments').filter({ hasText: '3,000 runs' }).waitFor();
  const others = window.rows('Experiments').filter({ hasText: '2 runs' });
  await others.locator('.monaco-tl-twistie').click();
  await expect.poll(() => others.getAttribute('aria-expanded')).toBe('false');
  await window.rows('Experiments').filter({ hasText: '3,000 runs' }).click();
  await window
    .rows('Experiments')
    .filter({ hasText: /^T 4 · α \.7/ })
    .first()
    .waitFor();
  await window.page.keyboard.press('End');
  await window.rows('Experiments').filter({ hasText: '2,950 more runs' }).click();
  // The list has grown where the row was.
  await window.rows('Experiments').filter({ hasText: '2,950 more runs' }).waitFor({ state: 'detached' });
  await window.page.keyboard.press('End');
  await window.rows('Experiments').filter({ hasText: '2,450 more runs' }).waitFor();
  await window.picture('thousands');
});
