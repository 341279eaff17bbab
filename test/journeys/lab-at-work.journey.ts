/**
 * @file A run at work: it goes on when the window is reloaded and when the extension host is killed, and the sidebar finds it again;
 * and what the Lab offers to do with it: hold it, stop it, go on with it, see its log, train its control.
 */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readRecords } from '../../src/run-directory/record-file';
import { listRuns, type Run } from '../../src/run-directory/run-directory';
import { openLab, openLabOfRunAtWork, openTab, refusals } from './lab-window';
import { processesOf, whileHeld } from '../harness/processes';
import { newWorkspace, runClassifier, writeClassifier } from './real-runs';
import { plain, Workbench } from './workbench';

describe('a run at work', () => {
  let workspace = '';
  let window: Workbench;

  const newestRun = async (): Promise<Run> => (await listRuns(path.join(workspace, '.distillery/runs')))[0]!;
  const stepsMade = async (): Promise<number> => (await readRecords((await newestRun()).paths, 'metrics')).length;

  beforeAll(async () => {
    workspace = newWorkspace();
    writeClassifier(workspace, { training: { epochs: 5000, evaluateEvery: 1000 } });
    window = await Workbench.open(workspace, { theme: 'dark' });
  });

  it('survives a reload of the window and the death of the extension host', async () => {
    const runs = (): Promise<Run[]> => listRuns(path.join(workspace, '.distillery/runs'));
    await window.openSidebar();
    await window.openFile('spam.distill.json');
    // By the palette: the lens may be drawn anew under a click while the file is looked at.
    await window.runCommand('Distillery: Run Experiment');
    await window.statusItem.filter({ hasText: '%' }).waitFor();
    const [run] = await runs();
    expect(run?.record.status).toBe('running');
    // The Lab takes the focus when it opens, and again when the window puts it back: no key is for the editor until it is drawn.
    const drawn = window.lab.getByRole('tab', { name: 'Loss' });
    await drawn.waitFor();

    await expect.poll(stepsMade).toBeGreaterThan(0);
    const made = await stepsMade();
    await whileHeld(run!.record.pid, async () => {
      await window.reload();
      await window.statusItem.filter({ hasText: '%' }).waitFor();
      await drawn.waitFor();
      expect((await runs())[0]?.record).toMatchObject({ status: 'running', pid: run!.record.pid });

      const hosts = processesOf(window.serverFolder, /--type=extensionHost/);
      expect(hosts.length).toBeGreaterThan(0);
      for (const pid of hosts) process.kill(pid, 'SIGKILL');
      // A window that develops an extension does not start the host anew by itself.
      await window.reload();
      await window.rows('Experiments').filter({ hasText: '1 at work' }).waitFor();
      await window.statusItem.filter({ hasText: '%' }).waitFor();
      expect((await runs())[0]?.record).toMatchObject({ status: 'running', pid: run!.record.pid });
      await window.picture('survived');
    });
    await expect.poll(stepsMade).toBeGreaterThan(made);
  });

  it('is paused in the Lab, resumed and stopped, which shows the log of one that died', async () => {
    const { lab } = window;
    const status = async (): Promise<string> => (await newestRun()).record.status;
    await openLabOfRunAtWork(window);
    const shown = lab.locator('lab-header .status');
    const isShown = (word: string): Promise<void> =>
      expect.poll(async () => plain(await shown.textContent())).toBe(word);
    await isShown('Running');
    await expect.poll(stepsMade).toBeGreaterThan(10);

    await lab.locator('#hold').click();
    await isShown('Paused');
    expect(await status()).toBe('paused');
    const held = await stepsMade();
    await window.picture('lab-paused');
    expect(await stepsMade()).toBe(held);

    await lab.getByRole('button', { name: 'Resume' }).click();
    await isShown('Running');
    await expect.poll(stepsMade).toBeGreaterThan(held);

    await lab.locator('#stop').click();
    await isShown('Stopped');
    await lab.getByText('it can be resumed from its last checkpoint').waitFor();
    await window.picture('lab-stopped');
    await lab.getByRole('button', { name: 'Resume' }).click();
    await isShown('Running');

    process.kill((await newestRun()).record.pid, 'SIGKILL');
    await isShown('Failed');
    await window.picture('lab-failed');
    expect(await refusals(window)).toEqual([]);
    await lab.getByRole('button', { name: 'Show Log' }).click();
    await window.page.getByRole('tab', { name: 'log.txt' }).waitFor();
    const { paths } = await newestRun();
    const line = readFileSync(paths.log, 'utf8')
      .split('\n')
      .find((text) => text.includes('distilling the student'))!;
    await window.page
      .locator('.view-line', { hasText: line.slice(0, 20) })
      .first()
      .waitFor();
  });

  it('without a control has one trained in the Lab, which then says what distillation gave', async () => {
    await runClassifier(workspace, { controls: [], distillation: { temperature: 2, alpha: 0.7 } });
    const { lab } = window;
    await window.runCommand('View: Close All Editor Groups');
    await openLab(window, 'spam', 'T 2 · α .7');
    await openTab(window, 'Compare');
    await lab.getByText('this run cannot tell: it has no control').waitFor();
    await window.picture('lab-no-control');
    const student = readFileSync(path.join((await newestRun()).paths.model, 'model.safetensors'));
    await lab.locator('#run-control').click();
    await lab.locator('lab-model-table table', { hasText: 'Control' }).waitFor();
    expect(plain(await lab.locator('.finding').textContent())).toMatch(
      /Distillation (gave|helped|did harm)|Whether distillation helped cannot be told/,
    );
    await window.picture('lab-control-trained');
    const { paths, record } = await newestRun();
    expect(record.summary?.rows.map(({ role }) => role)).toEqual(['teacher', 'student', 'control']);
    expect(readFileSync(path.join(paths.model, 'model.safetensors')).equals(student)).toBe(true);
    expect(await refusals(window)).toEqual([]);
  });
});
