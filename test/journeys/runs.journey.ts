/** @file Looking at runs: sidebar, status bar, Lab, in each theme. */

import { beforeAll, describe, expect, it } from 'vitest';
import { beginRun, changeRun, finishRun, train } from '../extension/sample-run';
import { atEnd } from './endings';
import { newWorkspace } from './real-runs';
import { plain, themes, Workbench, type Theme } from './workbench';

const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

/** A folder with runs in each state. */
async function workspaceWithRuns(): Promise<string> {
  const workspace = newWorkspace();
  await finishRun(await beginRun(workspace, { started: minutesAgo(190) }));
  const failed = await beginRun(workspace, { name: 'Tiny student', started: minutesAgo(120) });
  const error = { message: 'The loss is not a number at step 31.', remedy: 'Lower training.learningRate.' };
  await changeRun(failed, { status: 'failed', error });
  const stopped = await beginRun(workspace, { name: 'High temperature', started: minutesAgo(65) });
  await train(stopped.paths, 'student', 1, 200);
  await changeRun(stopped, { status: 'stopped' });
  const live = await beginRun(workspace, { name: 'Spam filter, wider', started: minutesAgo(4) });
  await train(live.paths.teacher, 'teacher', 1, 300);
  await train(live.paths, 'student', 1, 250);
  const progress = {
    role: 'student',
    phase: 'training',
    step: 250,
    steps: 600,
    fraction: 0.42,
    secondsLeft: 184,
  } as const;
  await changeRun(live, { progress });
  atEnd(() => live.lock.release());
  return workspace;
}

describe('runs', () => {
  let workspace = '';
  let window: Workbench;
  beforeAll(async () => {
    workspace = await workspaceWithRuns();
    window = await Workbench.open(workspace, { theme: 'dark' });
    await window.openSidebar();
  });

  describe.each(Object.keys(themes) as Theme[])('in %s', (theme) => {
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
    const other = await beginRun(workspace, { name: 'From a terminal' });
    await window.rows('Experiments').filter({ hasText: 'From a terminal' }).waitFor();
    await finishRun(other);
    const toast = window.notification.filter({ hasText: 'From a terminal is done.' });
    await toast.waitFor();
    await window.picture('announced');
    expect(plain(await toast.textContent())).toContain("The student keeps 98.9 % of the teacher's quality");
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
