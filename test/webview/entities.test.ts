/** @file The Lab of a run of named entities: words as chips, the distribution over tags, and their comparison. */

import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { violations, violationsInColours } from './axe';
import { describePage, expected, expectedBars, settled, shownBars, text } from './lab-page';
import { picture } from './picture';
import { entityRun } from './sample/entity-run';

const sample = entityRun();
const last = sample.probes.steps.at(-1)!;

const stateOf = (tab: string, more: object = {}): string => JSON.stringify({ tab, id: sample.run.id, ...more });

/** All rules in the dark, those of colours in the others; pictures of all. */
async function inThemes(page: Page, tab: string): Promise<void> {
  expect(await violations(page)).toEqual([]);
  for (const theme of ['dark', 'light', 'hc', 'hc-light']) {
    await page.evaluate(`setTheme('${theme}')`);
    if (theme !== 'dark') expect(await violationsInColours(page)).toEqual([]);
    await picture(page, `entities-${tab}-${theme}`);
  }
}

describePage('named entities, in the Lab', (open) => {
  it('are words with a distribution over tags each, those that are cut off apart', async () => {
    const page = await open({ run: 'entities', state: stateOf('tokens', { example: 1, position: 8 }) });
    await page.locator('lab-distribution .body').first().waitFor();
    const chips = page.locator('lab-chips [role=option]');
    expect(await chips.count()).toBe(11);
    expect(await chips.nth(8).getAttribute('aria-label')).toMatch(/^York, I-LOC, .* nats/);
    expect(await page.locator('lab-chips .tokens .uncounted').allInnerTexts()).toEqual(['said', '.']);
    expect(await shownBars(page)).toEqual(expectedBars(expected(sample, 1, 8, last, 2), 7));
    expect(await text(page, 'lab-tokens .title b')).toBe('I-LOC');
    await expect.poll(() => text(page, 'lab-alignment p')).toContain('11 of 13 words count');
    await inThemes(page, 'tokens');
    await chips.nth(2).click();
    await settled(page);
    expect(await text(page, 'lab-tokens .title b')).toBe('I-ORG');
  });

  it('are compared by the F1 of entities', async () => {
    const page = await open({ run: 'entities', state: stateOf('compare') });
    await page.locator('lab-model-table table').waitFor();
    expect(await text(page, 'lab-model-table thead')).toMatch(/Entity F1.*Accuracy/s);
    expect(await page.locator('lab-confusion').count()).toBe(0);
  });
});
