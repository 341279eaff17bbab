/** @file Every text that a person reads can be translated: the editor in a pseudo-language, and what is left outside its brackets. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { tabNames } from './lab-window';
import { leftOver, readTexts } from '../webview/untranslated';
import { pseudoLanguage, translatedExtension } from './pseudo-language';
import { runClassifier, runLanguageModel } from './real-runs';
import { Workbench } from './workbench';

describe('in another language', () => {
  let workspace = '';
  let extension = '';
  let workbench: Workbench | undefined;

  beforeAll(async () => {
    workspace = mkdtempSync(path.join(tmpdir(), 'journey-'));
    extension = translatedExtension();
    await runClassifier(workspace);
    await runLanguageModel(workspace);
  });
  afterAll(() => {
    for (const folder of [workspace, extension]) rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async ({ task }) => {
    await workbench?.close(task.result?.state === 'fail' ? task.name : undefined);
    workbench = undefined;
  });

  async function open(run: string): Promise<Workbench> {
    const window = (workbench = await Workbench.open(workspace, { extension, language: pseudoLanguage }));
    await window.page.getByRole('tab', { name: 'Distillery' }).first().click();
    const rows = window.page.locator('.part.sidebar .monaco-list-row');
    const row = rows.filter({ hasText: new RegExp(`${run}.*\\d runs?`) });
    await row.waitFor();
    if ((await row.getAttribute('aria-expanded')) === 'false') await row.locator('.monaco-tl-twistie').click();
    await rows
      .filter({ hasText: run === 'moby' ? 'T 2 · α .5' : 'T 4 · α .7' })
      .first()
      .click();
    await window.lab.getByRole('tab').first().waitFor();
    return window;
  }

  it.each(['moby', 'spam'])('the Lab says all in it: %s', async (run) => {
    const window = await open(run);
    const { lab } = window;
    const found: string[] = [];
    for (const [i, name] of tabNames.entries()) {
      await lab.getByRole('tab').nth(i).click();
      await lab.locator('main figure, main textarea, main .waiting').first().waitFor();
      if (name === 'Completions' && run === 'moby') {
        await lab.locator('#prompt textarea').fill('The whale');
        await lab.locator('#continue').click();
        await lab.locator('lab-surprises').first().waitFor();
        await lab.locator('lab-completion [role=option]').first().click();
        await lab.locator('lab-expected').waitFor();
      }
      await window.page.waitForTimeout(1000);
      const texts = await lab.locator('body').evaluate(readTexts);
      found.push(...leftOver(texts).map((words) => `${name}: ${words}`));
      await window.picture(`pseudo-${run}-${name}`);
    }
    expect(found).toEqual([]);
  });
});
