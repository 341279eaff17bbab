/** @file What a tab is for is in sight in a panel beside the editor: without scrolling, and while the slider is dragged. */

import type { Locator, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { describePage, moby, probesRead, settled, spam } from './lab-page';

const beside = [
  { width: 700, height: 700 },
  { width: 850, height: 700 },
  { width: 1000, height: 700 },
];

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Of the page's elements, what is asked here. */
interface Part {
  getBoundingClientRect: () => Box;
  ownerDocument: Root;
  shadowRoot: Root | null;
  parentNode: Part | null;
  host?: Part;
}

interface Root {
  elementFromPoint: (x: number, y: number) => Part | null;
}

/** Runs in the page: whether the point at an element's middle is the element's own. */
function isSeen(element: Part): boolean {
  const { x, y, width, height } = element.getBoundingClientRect();
  let at: Part | null = null;
  for (let root: Root | null = element.ownerDocument; root; root = at.shadowRoot) {
    const inner = root.elementFromPoint(x + width / 2, y + height / 2);
    if (!inner || inner === at) break;
    at = inner;
  }
  while (at && at !== element) at = at.parentNode ?? at.host ?? null;
  return at !== null;
}

/** Not below the fold, behind a bar or scrolled out of a column. */
async function expectInSight(element: Locator): Promise<Box> {
  const box = (await element.boundingBox())!;
  expect(await element.evaluate(isSeen), `${JSON.stringify(box)} is in sight`).toBe(true);
  return box;
}

describePage('the Lab beside an editor', (open) => {
  const bars = (page: Page): Locator => page.locator('lab-distribution .body .pair');

  it('Tokens: text, distribution and T are in sight together', async () => {
    const page = await open({ state: JSON.stringify({ tab: 'tokens', id: moby.run.id, position: 8 }) }, beside[0]);
    await probesRead(page, moby);
    const slider = page.getByRole('slider', { name: 'Temperature' });
    for (const size of beside) {
      await page.setViewportSize(size);
      await slider.fill('100');
      await settled(page);
      const chip = await expectInSight(page.locator('lab-chips .chosen'));
      for (const i of [0, 1, 2]) await expectInSight(bars(page).nth(i));
      const first = (await bars(page).first().boundingBox())!;
      // Beside the text: none of it is scrolled away where the bars are looked at.
      expect(first.x).toBeGreaterThan(chip.x);
      await slider.fill('900');
      await settled(page);
      await expectInSight(slider);
      expect((await bars(page).first().boundingBox())!.y).toBe(first.y);
    }
  });

  it('Temperature: the distribution stays in sight while T is dragged', async () => {
    const page = await open({ state: JSON.stringify({ tab: 'temperature', id: moby.run.id, position: 8 }) }, beside[0]);
    await page.locator('lab-curve svg').nth(2).waitFor();
    const slider = page.getByRole('slider', { name: 'Temperature' });
    for (const size of beside) {
      await page.setViewportSize(size);
      await settled(page);
      const first = await expectInSight(bars(page).first());
      await page.locator('lab-curve').last().scrollIntoViewIfNeeded();
      for (const T of ['100', '900']) {
        await slider.fill(T);
        await settled(page);
        await expectInSight(slider);
        expect((await bars(page).first().boundingBox())!.y).toBe(first.y);
        for (const i of [0, 1, 2]) await expectInSight(bars(page).nth(i));
      }
    }
  });

  it('Tokens: the list of examples is a click away where it has no column of its own', async () => {
    const page = await open({ state: JSON.stringify({ tab: 'tokens', id: moby.run.id }) }, beside[0]);
    await probesRead(page, moby);
    expect(await page.locator('lab-examples').isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Pinned examples' }).click();
    await page.getByRole('option').filter({ hasText: 'Whenever I find myself' }).click();
    expect(await page.locator('lab-examples').isVisible()).toBe(false);
    expect(await page.locator('lab-tokens .heading .number').first().innerText()).toBe('2 of 10');
  });

  it('Compare: no column is beyond the edge', async () => {
    const page = await open({ run: 'spam', state: JSON.stringify({ tab: 'compare', id: spam.run.id }) }, beside[0]);
    await page.locator('lab-confusion').waitFor();
    for (const size of [
      { width: 420, height: 900 },
      ...beside,
      { width: 1100, height: 700 },
      { width: 1280, height: 700 },
    ]) {
      await page.setViewportSize(size);
      await settled(page);
      const table = page.locator('lab-model-table .scroll');
      expect(
        await table.evaluate((one: { scrollWidth: number; clientWidth: number }) => one.scrollWidth - one.clientWidth),
      ).toBe(0);
      for (const name of ['Parameters', 'Size', 'Latency']) {
        const { x, width } = (await table.getByText(name, { exact: true }).boundingBox())!;
        expect(x + width).toBeLessThan(size.width);
      }
    }
  });

  it('Compare: a wide window is filled', async () => {
    const page = await open(
      { run: 'spam', state: JSON.stringify({ tab: 'compare', id: spam.run.id }) },
      { width: 1400, height: 800 },
    );
    await page.locator('lab-confusion').waitFor();
    await settled(page);
    const boxes = await Promise.all(
      (await page.locator('lab-compare .drawings > *').all()).map((one) => one.boundingBox()),
    );
    expect(Math.max(...boxes.map((box) => box!.x + box!.width))).toBeGreaterThan(1300);
  });
});
