/** @file A run goes on when the window is reloaded and when the extension host is killed, and the sidebar finds it again. */

import path from 'node:path';
import { expect, it } from 'vitest';
import { listRuns, type Run } from '../../src/run-directory/run-directory';
import { processesOf } from './processes';
import { newWorkspace, writeClassifier } from './real-runs';
import { Workbench } from './workbench';

it('a run survives a reload of the window and the death of the extension host', async () => {
  const workspace = newWorkspace();
  writeClassifier(workspace, { training: { epochs: 5000, evaluateEvery: 1000 } });
  const runs = (): Promise<Run[]> => listRuns(path.join(workspace, '.distillery/runs'));
  const window = await Workbench.open(workspace, { theme: 'dark' });
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
