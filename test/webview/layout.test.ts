/** @file Each tab in each theme and width: it fits, axe objects to nothing, its policy holds. The pictures lie in .cache/lab. */

import { mkdir } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { violations } from './axe';
import { allOr } from '../torture';
import { describePage, moby, probesRead } from './lab-page';
import { labelRun } from './sample/label-runs';

const tabs = ['loss', 'tokens', 'temperature', 'completions', 'compare'] as const;
const main = "document.querySelector('distillery-lab').shadowRoot.querySelector('main')";

const sizes = {
  wide: { width: 1280, height: 800 },
  medium: { width: 900, height: 900 },
  narrow: { width: 420, height: 900 },
  least: { width: 320, height: 900 }, // 1280 px at 400 %
};
const pictures = '.cache/lab';
beforeAll(() => mkdir(pictures, { recursive: true }));

async function expectFits(page: Page): Promise<void> {
  await expect.poll(() => page.evaluate(`${main}.scrollWidth - ${main}.clientWidth`)).toBe(0);
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
}

async function expectAccessible(page: Page): Promise<void> {
  expect(await violations(page)).toEqual([]);
  for (const drawing of await page.locator('[role=img]').all()) {
    expect(await drawing.getAttribute('aria-label')).toMatch(/./);
  }
  expect(await page.evaluate('refused')).toEqual([]);
}

describePage('the Lab page', (open) => {
  async function openTab(tab: (typeof tabs)[number], size: keyof typeof sizes): Promise<Page> {
    const run = tab === 'compare' ? 'spam' : 'moby';
    const page = await open({ run, state: JSON.stringify({ tab, id: moby.run.id, position: 8 }) }, sizes[size]);
    await drawn(page, tab);
    return page;
  }

  it.each(tabs)(
    'keeps to WCAG 2.1 AA and breaks no policy in any theme, and grows narrower with its window: %s',
    async (tab) => {
      const page = await openTab(tab, 'wide');
      for (const theme of ['dark', 'light', 'hc', 'hc-light']) {
        await page.evaluate(`setTheme('${theme}')`);
        await expectFits(page);
        await expectAccessible(page);
        await page.screenshot({ path: `${pictures}/${tab}-${theme}-wide.png` });
      }
      await page.evaluate("setTheme('dark')");
      for (const size of ['medium', 'narrow', 'least'] as const) {
        await page.setViewportSize(sizes[size]);
        await expectFits(page);
        if (size === 'least') await expectAccessible(page);
        await page.screenshot({ path: `${pictures}/${tab}-dark-${size}.png` });
      }
    },
  );

  it.each(allOr<(typeof tabs)[number]>(tabs, ['tokens']))(
    'fits a window that is as narrow as may be from the start: %s',
    async (tab) => {
      const page = await openTab(tab, 'least');
      await expectFits(page);
      await expectAccessible(page);
    },
  );
});

/** What each tab draws last of runs whose labels are several a row, or numbers; these have no tab of temperatures. */
const ofLabels = [
  ['multiple', 'loss', 'lab-time-chart .overlay'],
  ['multiple', 'tokens', 'lab-distribution .body'],
  ['multiple', 'temperature', 'lab-curve svg'],
  ['multiple', 'compare', 'lab-label-scores table'],
  ['regression', 'loss', 'lab-time-chart .overlay'],
  ['regression', 'tokens', 'table.numbers'],
  ['regression', 'compare', 'lab-model-table table'],
] as const;

describePage('the line above an example', (open) => {
  /** Pairs of what is written or pressed there of which one lies over the other. */
  const overlaps = `(() => {
    const tab = document.querySelector('distillery-lab').shadowRoot.querySelector('lab-tokens').shadowRoot;
    const temperature = tab.querySelector('lab-temperature').shadowRoot;
    const parts = [...tab.querySelectorAll('.heading button, .heading span:not(button *)'), ...temperature.querySelectorAll('label, .track, output')];
    const boxes = parts.map((part) => {
      // A value that is wider than its box is written beyond it.
      const range = document.createRange();
      range.selectNodeContents(part);
      const written = getComputedStyle(part).overflow === 'hidden' ? part : range;
      const [box, own] = [written.getBoundingClientRect(), part.getBoundingClientRect()];
      return { name: part.className || part.localName, left: Math.min(box.left, own.left), right: Math.max(box.right, own.right), top: own.top, bottom: own.bottom };
    }).filter(({ left, right }) => right > left);
    return boxes.flatMap((one, i) => boxes.slice(i + 1)
      .filter((other) => one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 && other.top < one.bottom - 1)
      .map((other) => one.name + ' over ' + other.name));
  })()`;

  it('has room for all that stands there, whatever the width', async () => {
    const state = JSON.stringify({ tab: 'tokens', id: moby.run.id, position: 8 });
    const page = await open({ run: 'moby', state }, sizes.wide);
    await drawn(page, 'tokens');
    for (const width of [1280, 1080, 926, 901, 700, 420, 320]) {
      await page.setViewportSize({ width, height: 800 });
      await expectFits(page);
      expect(await page.evaluate(overlaps), `${width} pixels`).toEqual([]);
      await page.screenshot({ path: `${pictures}/heading-${width}.png` });
    }
  });
});

describePage('the Lab page of other labels than classes', (open) => {
  const shown = allOr<(typeof ofLabels)[number]>(ofLabels, [ofLabels[3], ofLabels[5]]);

  it.each(shown)('keeps to WCAG 2.1 AA in any theme and fits its window: %s, %s', async (kind, tab, last) => {
    const page = await open(
      { run: kind, state: JSON.stringify({ tab, id: labelRun(kind).run.id, example: 1 }) },
      sizes.wide,
    );
    await page.locator(last).first().waitFor();
    for (const theme of ['dark', 'light', 'hc', 'hc-light']) {
      await page.evaluate(`setTheme('${theme}')`);
      await expectFits(page);
      await expectAccessible(page);
      await page.screenshot({ path: `${pictures}/${kind}-${tab}-${theme}-wide.png` });
    }
    for (const size of ['medium', 'narrow', 'least'] as const) {
      await page.setViewportSize(sizes[size]);
      await expectFits(page);
      await page.screenshot({ path: `${pictures}/${kind}-${tab}-${size}.png` });
    }
    await expectAccessible(page);
  });
});

/** Waits for what a tab draws last. */
async function drawn(page: Page, tab: (typeof tabs)[number]): Promise<void> {
  await page.locator(`lab-${tab}${tab === 'temperature' ? '-view' : ''}`).waitFor();
  if (tab === 'temperature') await page.locator('lab-curve svg').nth(2).waitFor();
  if (tab === 'completions') {
    await page.locator('#prompt textarea').fill('Call me Ishmael');
    await page.locator('#continue').click();
    await page.locator('lab-surprises').nth(1).waitFor();
  }
  if (tab === 'compare') await page.locator('lab-confusion').waitFor();
  if (tab === 'tokens') await probesRead(page, moby);
  if (tab === 'loss') await page.locator('lab-time-chart .overlay').first().waitFor();
}
