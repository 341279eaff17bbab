/** @file The Tab key leads to all that is worked in the Lab's tabs, and back to their list. */

import { expect, it } from 'vitest';
import { tabTo } from './keyboard';
import { describePage } from './lab-page';

/** By run and tab, in the order of their list, what the key is to lead to there. */
const stops = {
  moby: {
    Loss: ['#total'],
    Tokens: ['lab-chips [role=option]'],
    Temperature: ['lab-temperature input'],
    Completions: ['#prompt textarea', 'lab-completion [role=option]'],
  },
  spam: { Loss: [], Tokens: [], Temperature: [], Completions: [], Compare: ['lab-disagreements .place .link'] },
};

describePage('the Tab key', (open) => {
  it.each(['moby', 'spam'] as const)('leads to what is worked in each tab, and back to their list: %s', async (run) => {
    const page = await open({ run });
    const body = page.locator('body');
    await page.getByRole('tab', { name: 'Loss' }).focus();
    for (const [tab, selectors] of Object.entries(stops[run])) {
      expect(await page.getByRole('tab', { selected: true }).innerText()).toBe(tab);
      for (const selector of selectors) {
        await page.locator(selector).first().waitFor();
        await tabTo(body, selector);
        if (!selector.startsWith('#prompt')) continue;
        await page.keyboard.type('Call me');
        await page.keyboard.press('Control+Enter');
        await page.locator('lab-surprises').nth(1).waitFor();
      }
      await tabTo(body, '[role=tab]');
      await page.keyboard.press('ArrowRight');
    }
  });
});
