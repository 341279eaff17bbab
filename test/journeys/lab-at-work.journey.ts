/** @file What the Lab offers to do with a run: hold it, stop it, go on with it, see its log, train its control. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readRecords } from '../../src/run-directory/record-file';
import { listRuns, type Run } from '../../src/run-directory/run-directory';
import { openLab, openLabOfRunAtWork, openTab, refusals } from './lab-window';
import { distillery, newWorkspace, runClassifier, writeClassifier } from './real-runs';
import { plain, Workbench } from './workbench';

describe('the Lab', () => {
  let workspace = '';
  let window: Workbench;

  const newestRun = async (): Promise<Run> => (await listRuns(path.join(workspace, '.distillery/runs')))[0]!;

  beforeAll(async () => {
    workspace = newWorkspace();
    writeClassifier(workspace, { training: { epochs: 5000, evaluateEvery: 1000 } });
    // It ends by a signal.
    void distillery(workspace, 'run', 'spam.distill.json').catch(() => undefined);
    window = await Workbench.open(workspace, { theme: 'dark' });
  });

  it('pauses a run, resumes and stops it; shows the log of one that died', async () => {
    const { lab } = window;
    const status = async (): Promise<string> => (await newestRun()).record.status;
    const stepsMade = async (): Promise<number> => (await readRecords((await newestRun()).paths, 'metrics')).length;
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

  it('trains the control of a run that has none, and then says what distillation gave', async () => {
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
