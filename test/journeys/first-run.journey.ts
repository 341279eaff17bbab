/**
 * @file A newcomer's way: the walkthrough, an empty folder, the sample, a run, a reload of the window, stop, and choosing among
 * experiment files. In an editor as it is shipped, in which the extension is installed: with all of its own extensions, and what moves and
 * blinks in it.
 */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readRecords } from '../../src/run-directory/record-file';
import { listRuns } from '../../src/run-directory/run-directory';
import { whileHeld } from '../harness/processes';
import { openTab } from './lab-window';
import { newWorkspace } from './real-runs';
import { plain, shippedDesk, Workbench } from './workbench';

interface Manifest {
  contributes: { walkthroughs: { title: string; steps: { title: string; media: { svg: string } }[] }[] };
}

const { contributes } = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const words = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<string, string>;
const said = (placeholder: string): string => words[placeholder.replaceAll('%', '')]!;

describe('a newcomer', () => {
  let workspace = '';
  let window: Workbench;
  beforeAll(async () => {
    workspace = newWorkspace();
    window = await Workbench.open(workspace, { theme: 'dark', installedIn: await shippedDesk(process.cwd()) });
  });

  it('the walkthrough has each of its steps, with a picture, and shows it when it is chosen', async () => {
    const walkthrough = contributes.walkthroughs[0]!;
    // Beside it there is no room for pictures.
    await window.runCommand('View: Close Primary Side Bar');
    await window.runCommand('Welcome: Open Walkthrough...');
    await window.pick(said(walkthrough.title));
    const page = window.page.locator('.gettingStartedContainer');
    for (const step of walkthrough.steps) {
      const button = page.getByRole('button', { name: said(step.title) }).first();
      // It takes the focus a quarter of a second after it is chosen, and with that closes any list that was opened meanwhile. A pointer
      // would give it the focus at once: nothing would tell when the editor has.
      await button.dispatchEvent('click');
      await page
        .locator('.getting-started-step.expanded:focus')
        .filter({ hasText: said(step.title) })
        .waitFor();
      const [, text = ''] = /<text[^>]*>([^<]+)/.exec(readFileSync(step.media.svg, 'utf8'))!;
      const media = window.page.locator('.getting-started-media iframe').first().contentFrame();
      await media
        .locator('iframe#active-frame')
        .contentFrame()
        .locator('svg text', { hasText: text })
        .first()
        .waitFor();
    }
    await window.picture('walkthrough');
  });

  it('leads from an empty folder to a run that outlives the window, and to its end', async () => {
    await window.runCommand('View: Close All Editor Groups');
    await window.openSidebar();
    await window.page.getByText('No experiments yet.').waitFor();
    await window.picture('welcome');
    const offered: string[] = [];
    // The palette holds no more rows than it shows.
    for (const word of ['Run', 'Stop', 'Resume', 'Open Lab', 'Reveal'])
      offered.push(...(await window.palette(`Distillery: ${word}`)));
    expect(offered).toContain('Distillery: Run Experiment');
    // What cannot be done yet is not offered.
    expect(offered.filter((title) => /^Distillery: .*(Stop|Resume|Open Lab|Reveal)/.test(title))).toEqual([]);

    await window.page.getByRole('button', { name: 'Create Sample Workspace' }).click();
    await window.pick('In ');
    await window.page.getByRole('tab', { name: 'definitions.distill.json' }).waitFor();
    await window.page.locator('.editor-instance .view-lines').first().click();
    await window.page.keyboard.press('Control+Alt+Enter');
    await window.lab.getByText('Running').first().waitFor();
    await window.rows('Experiments').filter({ hasText: '1 at work' }).waitFor();
    await window.statusItem.filter({ hasText: '%' }).waitFor();
    await window.picture('first-run');
    const run = (await listRuns(path.join(workspace, '.distillery/runs')))[0]!;
    const stepsMade = async (): Promise<number> => (await readRecords(run.paths, 'metrics')).length;

    let made = 0;
    await whileHeld(run.record.pid, async () => {
      made = await stepsMade();
      // What turns in the Lab meanwhile would be drawn sixty times a second.
      await window.page.emulateMedia({ reducedMotion: 'reduce' });
      await openTab(window, 'Temperature');
      await window.untilKept(/tab\W+temperature/);
      await window.reload();
      await window.statusItem.filter({ hasText: 'Definitions' }).waitFor();
      await window.lab.getByText('Running').first().waitFor();
      // With what was chosen in it.
      await window.lab.getByRole('tab', { name: 'Temperature', selected: true }).waitFor();
      await window.picture('reloaded');
      await window.page.emulateMedia({ reducedMotion: null });
    });
    await expect.poll(stepsMade).toBeGreaterThan(made);

    const row = window.rows('Experiments').filter({ hasText: /T 2 · α/ });
    // With each of its steps the row is drawn anew, from under the pointer.
    await whileHeld(run.record.pid, async () => {
      await row.hover();
      await row.getByRole('button', { name: 'Stop Run' }).click();
    });
    await window.lab.getByText('Stopped').first().waitFor();
    await window.rows('Experiments').filter({ hasText: 'stopped' }).waitFor();
    await window.picture('stopped');
    const [ended] = await listRuns(path.join(workspace, '.distillery/runs'));
    expect(ended?.record).toMatchObject({ status: 'stopped', pid: run.record.pid });
    expect(plain(await row.textContent())).toContain('stopped');
  });

  it('experiment files are shown while the person moves through their list', async () => {
    await window.runCommand('View: Close All Editor Groups');
    await window.runCommand('Distillery: Sweep Experiment');
    const list = window.page.locator('.quick-input-list .monaco-list-row');
    await window.page.getByPlaceholder('Experiment to run').waitFor();
    await list.filter({ hasText: 'spam.distill.json' }).waitFor();
    for (const name of ['language-model', 'spam']) {
      await window.page.keyboard.press('ArrowDown');
      await window.page.getByRole('tab', { name: `${name}.distill.json` }).waitFor();
    }
    await window.picture('preview');
    expect(await list.count()).toBe(3);
    await window.page.keyboard.press('Escape');
  });
});
