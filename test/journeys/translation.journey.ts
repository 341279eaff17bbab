/** @file Every text that a person reads can be translated: the editor in a pseudo-language, and what is left outside its brackets. */

import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawn, tabNames } from './lab-window';
import { leftOver, readTexts } from '../webview/untranslated';
import { pseudoLanguage, translatedExtension } from './pseudo-language';
import { sampleWorkspace, type Sample } from './real-runs';
import { endOfAnimations, Workbench } from './workbench';

describe('in another language', () => {
  let extension = '';
  let window: Workbench;

  beforeAll(async () => {
    extension = translatedExtension();
    window = await Workbench.open(sampleWorkspace('moby', 'spam'), { extension, language: pseudoLanguage });
    await window.page.getByRole('tab', { name: 'Distillery' }).first().click();
  });
  afterAll(() => rmSync(extension, { recursive: true, force: true }));

  async function open(run: Sample): Promise<void> {
    const rows = window.page.locator('.part.sidebar .monaco-list-row');
    const row = rows.filter({ hasText: new RegExp(`${run}.*\\d runs?`) });
    await row.waitFor();
    if ((await row.getAttribute('aria-expanded')) === 'false') await row.locator('.monaco-tl-twistie').click();
    await rows
      .filter({ hasText: run === 'moby' ? 'T 2 · α .5' : 'T 4 · α .7' })
      .first()
      .click();
    await window.lab.locator('h1').filter({ hasText: run }).waitFor();
  }

  it.each(['moby', 'spam'] as const)('the Lab says all in it: %s', async (run) => {
    await open(run);
    const { lab } = window;
    const found: string[] = [];
    for (const [i, name] of tabNames.entries()) {
      await lab.getByRole('tab').nth(i).click();
      await lab.locator(drawn[name]).first().waitFor();
      if (name === 'Completions' && run === 'moby') {
        await lab.locator('#prompt textarea').fill('The whale');
        await lab.locator('#continue').click();
        await lab.locator('lab-surprises').first().waitFor();
        await lab.locator('lab-completion [role=option]').first().click();
        await lab.locator('lab-expected').waitFor();
      }
      await lab.locator('body').evaluate(endOfAnimations);
      const texts = await lab.locator('body').evaluate(readTexts);
      found.push(...leftOver(texts).map((words) => `${name}: ${words}`));
      await window.picture(`pseudo-${run}-${name}`);
    }
    expect(found).toEqual([]);
  });
});
