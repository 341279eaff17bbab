/** @file Every text of the Lab's page can be translated: what is left outside the brackets of a pseudo-language is data. */

import { expect, it } from 'vitest';
import { describePage, moby } from './lab-page';
import { readTexts, untranslated } from './untranslated';

/** The same in every language: signs and units, names of splits, fields, files, controls and of the sample's machine. */
const international =
  /^(KL|BERT|GPT|MB|kB|ms|ln|CSV|SVG|PNG|test|validation|distillation|temperature|jsonl|no-distillation|AMD EPYC|cores)$/;

describePage('the Lab page', (open) => {
  it.each(['loss', 'tokens', 'temperature', 'completions', 'compare'])(
    'says all in the chosen language: %s',
    async (tab) => {
      for (const [run, tables] of [
        ['moby', false],
        ['spam', false],
        ['moby', true],
        ['spam', true],
      ] as const) {
        const state = JSON.stringify({ tab, tables, id: moby.run.id, position: 8 });
        const page = await open({ run, language: 'pseudo', state });
        await page.locator('main figure, main textarea, main .waiting').first().waitFor();
        if (tab === 'completions' && run === 'moby') {
          await page.locator('#prompt textarea').fill('Call me Ishmael');
          await page.locator('#continue').click();
          await page.locator('lab-surprises').nth(1).waitFor();
          await page.locator('lab-completion [role=option]').first().click();
          await page.locator('lab-expected').waitFor();
        }
        await page.waitForTimeout(600);
        const texts = await page.locator('body').evaluate(readTexts);
        const left = texts.flatMap((text) =>
          untranslated(text)
            .filter((words) => !international.test(words))
            .map((words) => `${words} < ${text.slice(0, 120)}`),
        );
        expect.soft([...new Set(left)], `${run}, ${tables ? 'tables' : 'charts'}`).toEqual([]);
        await page.close();
      }
    },
  );
});
