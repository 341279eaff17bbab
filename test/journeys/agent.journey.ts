/** @file An agent that wants to run an experiment: the editor asks the person first, in our words. */

import path from 'node:path';
import { expect, it } from 'vitest';
import { listRuns } from '../../src/run-directory/run-directory';
import { newWorkspace, writeClassifier } from './real-runs';
import { plain, Workbench } from './workbench';

async function callTool(window: Workbench, name: string, input: object): Promise<void> {
  await window.runCommand('Test Helper: Call Tool');
  await window.page.locator('.quick-input-widget').filter({ hasText: 'Name and input of a tool' }).waitFor();
  await window.page.keyboard.insertText(JSON.stringify({ name, input }));
  await window.page.keyboard.press('Enter');
}

it('runs it only after a yes, and is told what came of it', async () => {
  const workspace = newWorkspace();
  writeClassifier(workspace, { training: { epochs: 1 } });
  const window = await Workbench.open(workspace, { theme: 'dark', helper: true });
  const runs = path.join(workspace, '.distillery/runs');
  const told = (text: string): Promise<void> =>
    window.page.locator('.view-line').filter({ hasText: text }).first().waitFor();
  const ask = (): Promise<void> => callTool(window, 'distillery_run_experiment', { file: 'spam.distill.json' });

  await ask();
  await window.dialog.waitFor();
  const words = plain(await window.dialog.textContent());
  expect(words).toContain('Run experiment?');
  expect(words).toContain('This trains models on this machine, as "spam.distill.json" says.');
  await window.picture('agent-asks');
  await window.dialog.getByRole('button', { name: 'Cancel' }).click();
  await told('Refused:');
  expect(await listRuns(runs)).toEqual([]);

  await ask();
  await window.dialog.getByRole('button', { name: 'Yes' }).click();
  await told('"started":true');
  const [run] = await listRuns(runs);
  await told(run!.paths.id);
  await expect.poll(async () => (await listRuns(runs))[0]!.record.status).toBe('done');
  await window.picture('agent-told');
});
