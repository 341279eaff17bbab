/** @file Each tab in each theme and width: it fits, its parts have names, its policy holds. The pictures lie in .cache/lab. */

import { mkdir } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import { describePage, moby, probesRead } from './lab-page';

describePage('the Lab page', (open) => {
  const pictures = '.cache/lab';
  beforeAll(() => mkdir(pictures, { recursive: true }));

  const sizes = {
    wide: { width: 1280, height: 800 },
    medium: { width: 900, height: 900 },
    narrow: { width: 420, height: 900 },
  };
  const views = (['loss', 'tokens', 'temperature', 'completions', 'compare'] as const).flatMap((tab) =>
    [
      ['dark', 'wide'],
      ['light', 'wide'],
      ['hc', 'wide'],
      ['hc-light', 'wide'],
      ['dark', 'medium'],
      ['dark', 'narrow'],
    ].map(([theme, size]) => [tab, theme!, size as keyof typeof sizes] as const),
  );

  it.each(views)('fits its window, names its controls and breaks no policy: %s, %s, %s', async (tab, theme, size) => {
    const run = tab === 'compare' ? 'spam' : 'moby';
    const page = await open({ run, theme, state: JSON.stringify({ tab, id: moby.run.id, position: 8 }) }, sizes[size]);
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
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    const main = "document.querySelector('distillery-lab').shadowRoot.querySelector('main')";
    expect(await page.evaluate(`${main}.scrollWidth - ${main}.clientWidth`)).toBe(0);
    for (const role of ['button', 'slider', 'checkbox', 'radio', 'textbox', 'combobox', 'table'] as const) {
      expect(await page.getByRole(role, { name: /^$/ }).count(), `${role} without a name`).toBe(0);
    }
    for (const drawing of await page.locator('[role=img]').all()) {
      expect(await drawing.getAttribute('aria-label')).toMatch(/./);
    }
    expect(await page.evaluate('refused')).toEqual([]);
    await page.screenshot({ path: `${pictures}/${tab}-${theme}-${size}.png` });
    await page.close();
  });
});
