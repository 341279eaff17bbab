/** @file Getting started, and choosing among experiment files: what is shown before anything is chosen. */

import { cpSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { newWorkspace } from './real-runs';
import { Workbench } from './workbench';

interface Manifest {
  contributes: { walkthroughs: { title: string; steps: { title: string; media: { svg: string } }[] }[] };
}

const { contributes } = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const words = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<string, string>;
const said = (placeholder: string): string => words[placeholder.replaceAll('%', '')]!;

it('the walkthrough has each of its steps, with a picture, and shows it when it is chosen', async () => {
  const walkthrough = contributes.walkthroughs[0]!;
  const window = await Workbench.open(newWorkspace(), { theme: 'dark' });
  await window.runCommand('Welcome: Open Walkthrough...');
  await window.pick(said(walkthrough.title));
  const page = window.page.locator('.gettingStartedContainer');
  for (const step of walkthrough.steps) {
    const button = page.getByRole('button', { name: said(step.title) }).first();
    await button.click();
    await page
      .locator('.step-container.expanded, .getting-started-step.expanded')
      .filter({ hasText: said(step.title) })
      .waitFor();
    await window.page
      .locator('.getting-started-media iframe')
      .first()
      .contentFrame()
      .locator('body')
      .waitFor({ state: 'attached' });
  }
  await window.picture('walkthrough');
});

it('experiment files are shown while the person moves through their list', async () => {
  const workspace = newWorkspace();
  cpSync('examples', workspace, { recursive: true });
  const window = await Workbench.open(workspace, { theme: 'dark' });
  await window.openSidebar();
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
