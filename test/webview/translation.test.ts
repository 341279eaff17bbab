/** @file Every text of the Lab's page can be translated: what is left outside the brackets of a pseudo-language is data. */

import { expect, it } from 'vitest';
import { describePage, moby, settled } from './lab-page';
import { leftOver, readTexts } from './untranslated';

describePage('the Lab page', (open) => {
  it.each(['loss', 'tokens', 'temperature', 'completions', 'compare'])(
    'says all in the chosen language: %s',
    async (tab) => {
      for (const run of ['moby', 'spam'] as const) {
        const page = await open({
          run,
          language: 'pseudo',
          state: JSON.stringify({ tab, id: moby.run.id, position: 8 }),
        });
        await page.locator('main figure, main textarea, main .waiting').first().waitFor();
        if (tab === 'completions' && run === 'moby') {
          await page.locator('#prompt textarea').fill('Call me Ishmael');
          await page.locator('#continue').click();
          await page.locator('lab-surprises').nth(1).waitFor();
          await page.locator('lab-completion [role=option]').first().click();
          await page.locator('lab-expected').waitFor();
        }
        for (const instead of ['charts', 'tables']) {
          await settled(page);
          const texts = await page.locator('body').evaluate(readTexts);
          expect.soft(leftOver(texts), `${run}, ${instead}`).toEqual([]);
          await page.getByRole('tab', { selected: true }).press('t');
        }
      }
    },
  );
});
