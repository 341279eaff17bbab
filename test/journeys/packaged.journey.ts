/** @file The package that people install, put in by the editor's own installer: the sample, a run on the library that comes with it, its end. */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { listRuns } from '../../src/run-directory/run-directory';
import { ensureEditor } from '../harness/setup';
import { torture } from '../torture';
import { newWorkspace } from './real-runs';
import { plain, shippedDesk, Workbench } from './workbench';

/** Packages what is here and installs it; returns where it then lies. */
function installPackage(): string {
  const { node, codeServer } = ensureEditor(process.cwd());
  const folder = newWorkspace();
  const file = path.join(folder, 'distillery.vsix');
  execFileSync(process.execPath, ['scripts/package.mjs', file], { stdio: 'ignore' });
  const extensions = path.join(folder, 'extensions');
  const places = ['--user-data-dir', path.join(folder, 'data'), '--extensions-dir', extensions];
  execFileSync(node, [codeServer, ...places, '--install-extension', file], {
    stdio: 'ignore',
    env: { ...process.env, EXTENSIONS_GALLERY: '{}', NODE_OPTIONS: undefined },
  });
  const [installed] = readdirSync(extensions).filter((name) => name.startsWith('distillery.'));
  return path.join(extensions, installed!);
}

it.runIf(torture)('trains on the sample with what comes in it alone', async () => {
  const workspace = newWorkspace();
  const window = await Workbench.open(workspace, {
    installedIn: await shippedDesk(installPackage()),
    theme: 'dark',
    libraries: path.join(workspace, '.libraries'),
  });
  await window.openSidebar();
  const openvino = window.rows('Devices').filter({ hasText: 'openvino' });
  await openvino.waitFor();
  expect(plain(await openvino.textContent())).not.toContain('not installed');

  await window.page.getByRole('button', { name: 'Create Sample Workspace' }).click();
  await window.pick('In ');
  await window.page.getByRole('tab', { name: 'definitions.distill.json' }).waitFor();
  const file = path.join(workspace, 'definitions.distill.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('{', '{ "engine": "openvino",'));
  await window.page.locator('.view-line').filter({ hasText: 'openvino' }).waitFor();
  await window.page.locator('.editor-instance .view-lines').first().click();
  await window.page.keyboard.press('Control+Alt+Enter');
  await window.lab.getByText('Running').first().waitFor();
  // With its first step the curves are drawn.
  await window.lab.locator('lab-time-chart').first().waitFor({ timeout: 120_000 });
  await window.picture('packaged-running');
  await window.runCommand('Distillery: Stop Run');
  await window.lab.getByText('Stopped').first().waitFor();
  await window.picture('packaged-stopped');
  const [run] = await listRuns(path.join(workspace, '.distillery/runs'));
  expect(run?.record).toMatchObject({ status: 'stopped', engine: 'openvino' });
  expect(window.violations).toEqual([]);
});
