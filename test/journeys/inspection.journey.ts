/** @file A dataset inspected in place, as a person sees it: predictions, heat, the hover, F8; with pictures in each theme. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { distillery, tinyWorkspace } from '../runner/program';
import { plain, themes, Workbench, type Theme } from './workbench';

async function trained(task: 'text-classification' | 'causal-lm'): Promise<string> {
  const workspace = tinyWorkspace({ task, training: { epochs: 6 } });
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as { teacher: { training: { epochs: number } } };
  experiment.teacher.training.epochs = 12;
  writeFileSync(file, JSON.stringify({ ...experiment, engine: 'cpu' }));
  const { code, stderr } = await distillery(['run', 'tiny.distill.json'], workspace);
  if (code !== 0) throw new Error(stderr);
  return workspace;
}

describe('a dataset inspected with a run', () => {
  let workbench: Workbench | undefined;
  let classifier = '';
  let generator = '';
  beforeAll(async () => {
    classifier = await trained('text-classification');
    generator = await trained('causal-lm');
  });
  afterAll(() => {
    for (const folder of [classifier, generator]) rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async ({ task }) => {
    await workbench?.close(task.result?.state === 'fail' ? task.name : undefined);
    workbench = undefined;
  });

  async function inspect(folder: string, theme: Theme): Promise<Workbench> {
    const window = (workbench = await Workbench.open(folder, { theme }));
    await window.openFile('test.jsonl');
    await window.runCommand('Distillery: Inspect Dataset with Run…');
    await window.pick('Tiny');
    return window;
  }

  it.each(Object.keys(themes) as Theme[])('shows tokens by divergence and both distributions, %s', async (theme) => {
    const window = await inspect(generator, theme);
    await window.page.getByText(/Inspecting with Tiny/).waitFor();
    await window.page
      .getByText(/^KL\s\S+\s·\s\d+\sof\s\d+\sdiffer/)
      .first()
      .waitFor();
    // Tokens are painted by divergence, in more than one of the levels.
    const painted = window.page.locator('.view-lines span[class*="TextEditorDecorationType"]');
    await painted.first().waitFor();
    const levels = await Promise.all((await painted.all()).slice(0, 60).map((token) => token.getAttribute('class')));
    expect(new Set(levels).size).toBeGreaterThan(1);
    const place = window.page.locator('[id="status.editor.selection"]');
    const goTo = async (key: string): Promise<string> => {
      const before = await place.textContent();
      await window.page.keyboard.press(key);
      await expect.poll(() => place.textContent()).not.toBe(before);
      return (await place.textContent())!;
    };
    const first = await goTo('F8');
    await goTo('F8');
    expect(await goTo('Shift+F8')).toBe(first);
    // Past the row's beginning: the first token is predicted from nothing.
    const line = window.page.locator('.view-line').filter({ hasText: '"text"' }).first();
    const box = (await line.boundingBox())!;
    await window.page.mouse.move(box.x + 380, box.y + box.height / 2, { steps: 5 });
    const hover = window.page.locator('.monaco-hover-content').filter({ hasText: 'hard label, ranks' });
    await hover.first().waitFor();
    // The bars are kept by the editor's sanitizer, in the theme's colours.
    expect(await hover.first().locator('span[style*="--vscode-charts-blue"]').count()).toBeGreaterThan(1);
    // It fades in.
    await window.page.waitForTimeout(600);
    await window.picture(`inspect-tokens-${theme}`);
  });

  it.each(Object.keys(themes) as Theme[])('shows the predictions of a classifier, %s', async (theme) => {
    const window = await inspect(classifier, theme);
    const hint = window.page.getByText(/^teacher\s(ham|spam)\s\S+\s→\sstudent/).first();
    await hint.waitFor();
    expect(plain(await hint.textContent())).toMatch(/^teacher (ham|spam) (\.\d\d|>\.99|1) → student (ham|spam) /);
    await window.page.getByText(/\d+ of \d+ rows seen disagree/).waitFor();
    await window.picture(`inspect-labels-${theme}`);
  });

  it('of 100 MB is shown in pages, and scrolls while it is inspected', async () => {
    const row = readFileSync(path.join(classifier, 'test.jsonl'), 'utf8').split('\n')[0]!;
    const many = Math.ceil((100 * 2 ** 20) / (row.length + 1));
    writeFileSync(path.join(classifier, 'large.jsonl'), `${row}\n`.repeat(many));
    const window = (workbench = await Workbench.open(classifier, { theme: 'dark' }));
    // A menu that was opened before the runs were known has no such entry.
    await window.takeFromMenu(window.page.getByRole('treeitem', { name: /large\.jsonl/ }), 'Inspect Dataset with Run…');
    await window.pick('Tiny');
    await window.page.getByText('Rows After').waitFor();
    await window.page
      .getByText(/^teacher\s/)
      .first()
      .waitFor();
    await window.page.keyboard.press('Control+End');
    await window.page
      .getByText(/^teacher\s/)
      .first()
      .waitFor();
    await window.picture('inspect-large');
    rmSync(path.join(classifier, 'large.jsonl'));
  });
});
