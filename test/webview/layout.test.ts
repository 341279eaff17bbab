/** @file Each tab in each theme and width: it fits, axe objects to nothing, its policy holds. */

import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { structure, violations, violationsInColours } from './axe';
import { allOr } from '../torture';
import { describePage, moby, probesRead, spam, type Open } from './lab-page';
import { picture } from './picture';
import { labelRun } from './sample/label-runs';

const tabs = ['loss', 'tokens', 'temperature', 'completions', 'compare'] as const;
const main = "document.querySelector('distillery-lab').shadowRoot.querySelector('main')";

const sizes = {
  wide: { width: 1280, height: 800 },
  medium: { width: 900, height: 900 },
  narrow: { width: 420, height: 900 },
  least: { width: 320, height: 900 }, // 1280 px at 400 %
};

async function expectFits(page: Page): Promise<void> {
  await expect.poll(() => page.evaluate(`${main}.scrollWidth - ${main}.clientWidth`)).toBe(0);
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
}

interface Labelled {
  getAttribute(name: string): string | null;
}

async function expectAccessible(page: Page): Promise<void> {
  expect(await violations(page)).toEqual([]);
  const labels = page
    .locator('[role=img]')
    .evaluateAll((drawings: Labelled[]) => drawings.map((drawing) => drawing.getAttribute('aria-label')));
  for (const label of await labels) expect(label).toMatch(/./);
  expect(await page.evaluate('refused')).toEqual([]);
}

/** In the dark theme by all rules, in the others by those of colours: nothing else of the page changes with its theme. */
async function expectAccessibleInThemes(page: Page, name: string): Promise<void> {
  await expectAccessible(page);
  const inDark = await structure(page);
  for (const theme of ['dark', 'light', 'hc', 'hc-light']) {
    await page.evaluate(`setTheme('${theme}')`);
    await expectFits(page);
    if (theme !== 'dark') expect(await violationsInColours(page)).toEqual([]);
    expect(await structure(page)).toEqual(inDark);
    expect(await page.evaluate('refused')).toEqual([]);
    await picture(page, `${name}-${theme}-wide`);
  }
}

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
      await picture(page, `heading-${width}`);
    }
  });
});

/** Runs in the page: each element of it, through all shadows. */
const everything = `(function all(root) {
  return [...root.querySelectorAll('*')].flatMap((part) => [part, ...(part.shadowRoot ? all(part.shadowRoot) : [])]);
})(document)`;

/** Texts that end in an ellipsis, and that neither a title nor another place says in full. */
const cutOff = `${everything}
  .filter((part) => getComputedStyle(part).textOverflow === 'ellipsis' && part.scrollWidth > part.clientWidth + 1)
  // A summary opens; an example is shown whole when it is chosen; what comes before a token stands among the tokens.
  .filter((part) => part.closest('[title], summary, .example, .context') === null)
  .map((part) => part.localName + '.' + part.className + ': ' + part.textContent.trim().replace(/\\s+/g, ' '))`;

/** Whether what is seen at a place of the page is an element, or lies within it. */
const isOnTop = `(x, y, selector) => {
  let part = document.elementFromPoint(x, y);
  while (part?.shadowRoot?.elementFromPoint(x, y) && part.shadowRoot.elementFromPoint(x, y) !== part) part = part.shadowRoot.elementFromPoint(x, y);
  const wanted = selector.split(' ').at(-1);
  return part?.closest(wanted) !== null || part?.getRootNode().host?.closest(wanted) !== null;
}`;

/** Headings that go on below what stands beside them, or beyond their figure. */
const crossed = `${everything}
  .filter((part) => part.localName === 'h2' && part.querySelector('lab-save'))
  .flatMap((heading) => {
    const button = heading.querySelector('lab-save').getBoundingClientRect();
    const range = document.createRange();
    return [...heading.childNodes].filter((node) => node.localName !== 'lab-save').flatMap((node) => {
      range.selectNodeContents(node);
      const crosses = [...range.getClientRects()].some(({ left, right, top, bottom }) =>
        right > left && right > button.left + 1 && bottom > button.top + 1 && top < button.bottom - 1);
      return crosses ? [heading.textContent.trim()] : [];
    });
  })`;

/** Captions of tables that go on beyond what is seen of a table which scrolls. */
const captionsCutOff = `${everything}
  .filter((part) => part.matches('.scroll caption'))
  .filter((caption) => {
    const range = document.createRange();
    range.selectNodeContents(caption);
    return range.getBoundingClientRect().right > caption.closest('.scroll').getBoundingClientRect().right + 1;
  })
  .map((caption) => caption.textContent.trim())`;

interface Cell {
  ownerDocument: {
    createRange: () => {
      selectNodeContents: (cell: Cell) => void;
      getBoundingClientRect: () => { top: number; bottom: number };
    };
    defaultView: { getComputedStyle: (cell: Cell) => { borderBottomColor: string } };
  };
}

/** Runs in the page: where the words of cells stand, and the rules below them. */
function linesOf(cells: Cell[]): { middle: number; colour: string }[] {
  return cells.map((cell) => {
    const { ownerDocument } = cell;
    const range = ownerDocument.createRange();
    range.selectNodeContents(cell);
    const { top, bottom } = range.getBoundingClientRect();
    return {
      middle: (top + bottom) / 2,
      colour: ownerDocument.defaultView.getComputedStyle(cell).borderBottomColor,
    };
  });
}

/** A tab of the run that has most to show there. */
async function openAt(open: Open, tab: (typeof tabs)[number], size: keyof typeof sizes = 'wide'): Promise<Page> {
  const [sample, run] = tab === 'compare' ? ([spam, 'spam'] as const) : ([moby, 'moby'] as const);
  const page = await open({ run, state: JSON.stringify({ tab, id: sample.run.id, position: 8 }) }, sizes[size]);
  await drawn(page, tab);
  return page;
}

describePage('the Lab page', (open) => {
  it.each(tabs)(
    'keeps to WCAG 2.1 AA and breaks no policy in any theme, fits its window, and says all in full whatever the width: %s',
    async (tab) => {
      const page = await openAt(open, tab);
      await expectAccessibleInThemes(page, tab);
      await page.evaluate("setTheme('dark')");
      for (const width of [1920, 1280, 922, 900, 700, 480, 420, 320]) {
        await page.setViewportSize({ width, height: 900 });
        await expectFits(page);
        expect(await page.evaluate(cutOff), `cut off at ${width} pixels`).toEqual([]);
        expect(await page.evaluate(crossed), `crossed at ${width} pixels`).toEqual([]);
        await picture(page, `${tab}-dark-${width}`);
      }
      // With tables in place of charts.
      await page.getByRole('tab', { name: new RegExp(tab, 'i') }).press('t');
      await expectFits(page);
      expect(await page.evaluate(captionsCutOff)).toEqual([]);
      await page.setViewportSize(sizes.wide);
      await expectFits(page);
      await picture(page, `${tab}-tables-dark-wide`);
      await expectAccessible(page);
    },
  );

  it.each(allOr<(typeof tabs)[number]>(tabs, ['tokens']))(
    'fits a window that is as narrow as may be from the start: %s',
    async (tab) => {
      const page = await openAt(open, tab, 'least');
      await expectFits(page);
      await expectAccessible(page);
    },
  );
});

describePage('words and numbers', (open) => {
  it('leave the run its name, its state and what can be done with it, in the narrowest window too', async () => {
    const page = await open({ run: 'spam' }, sizes.least);
    const name = page.locator('lab-header h1 .name > span');
    const isWhole = (part: { scrollWidth: number; clientWidth: number }): boolean =>
      part.scrollWidth <= part.clientWidth;
    expect(await name.evaluate(isWhole)).toBe(true);
    const middle = async (selector: string): Promise<number> => {
      const { y, height } = (await page.locator(selector).boundingBox())!;
      return y + height / 2;
    };
    expect(await middle('#choose-run')).toBeCloseTo(await middle('lab-header h1 .name > span'), -1);
    // Of the buttons the icons alone are seen; what they do is said all the same.
    for (const does of ['Run again', 'Export', 'More']) {
      const button = page.locator('lab-header').getByRole('button', { name: does });
      const { x, width } = (await button.boundingBox())!;
      expect(x + width, does).toBeLessThanOrEqual(320);
      expect(width, does).toBeLessThan(60);
    }
    // A name that is longer is cut, and is its own title.
    const long = 'A spam filter with a name that goes on and on';
    const { id, record } = spam.run;
    await page.evaluate(`send(${JSON.stringify({ type: 'record', id, record: { ...record, name: long } })})`);
    await expect.poll(() => name.getAttribute('title')).toBe(long);
    await expectFits(page);
    await picture(page, 'header-least');
  });

  it('can be scrolled to in a window as low as one that is zoomed', async () => {
    const page = await openAt(open, 'tokens');
    const low = [
      { width: 640, height: 330 },
      { width: 590, height: 260 },
      { width: 1100, height: 360 },
    ];
    for (const size of low) {
      await page.setViewportSize(size);
      for (const selector of ['lab-chips [role=option]', 'lab-distribution .share', '#probe']) {
        const shown = page.locator(selector).first();
        await shown.scrollIntoViewIfNeeded();
        // Nothing that stays in its place lies over it.
        const { x, y, width, height } = (await shown.boundingBox())!;
        const isSeen = `(${isOnTop})(${x + width / 2}, ${y + height / 2}, '${selector}')`;
        expect(await page.evaluate(isSeen), `${selector}, ${size.width} pixels`).toBe(true);
      }
    }
    for (const tab of tabs) {
      await page.getByRole('tab', { name: new RegExp(tab, 'i') }).click();
      for (const size of low) {
        await page.setViewportSize(size);
        await expectFits(page);
      }
    }
  });

  it('stand apart on an axis, however many digits they have', async () => {
    const state = JSON.stringify({ tab: 'tokens', id: moby.run.id, position: 8, temperature: 20 });
    const page = await open({ run: 'moby', state }, sizes.least);
    await drawn(page, 'tokens');
    for (const width of [320, 420, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      const marks = await page.locator('lab-distribution .axis span').all();
      const boxes = (await Promise.all(marks.map((mark) => mark.boundingBox()))).filter((box) => box !== null);
      boxes.sort((a, b) => a.x - b.x);
      boxes.forEach((box, i) =>
        expect(box.x, `${width} pixels`).toBeGreaterThan((boxes[i - 1]?.x ?? -99) + (boxes[i - 1]?.width ?? 0) + 2),
      );
      expect((await marks.at(-1)!.innerText()).length).toBeGreaterThan(3);
    }
  });

  it('stand whole in their buttons', async () => {
    const page = await open({ run: 'spam' }, sizes.wide);
    for (const width of [1920, 1280, 922, 700, 420]) {
      await page.setViewportSize({ width, height: 900 });
      for (const button of await page.locator('lab-header vscode-button').all()) {
        const [own, words] = [(await button.boundingBox())!, (await button.locator('.words').boundingBox())!];
        expect(words.x + words.width, `${width} pixels`).toBeLessThanOrEqual(own.x + own.width);
        expect(words.y + words.height, `${width} pixels`).toBeLessThanOrEqual(own.y + own.height);
        // Of one line, unless only a reader for the blind has them.
        if (width > 520) expect(words.height).toBeLessThan(24);
      }
    }
  });

  it('lie within the page where runs are offered to be shown beside this one', async () => {
    for (const tab of ['loss', 'compare'] as const) {
      const page = await openAt(open, tab);
      for (const width of allOr([1280, 922, 420, 320], [1280, 320])) {
        await page.setViewportSize({ width, height: 900 });
        await page.locator('#add-run').first().click();
        const list = page.locator('lab-run-chips .list');
        await list.getByRole('menuitem').first().waitFor();
        await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');
        const box = (await list.boundingBox())!;
        expect(box.x, `${tab}, ${width} pixels`).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width, `${tab}, ${width} pixels`).toBeLessThanOrEqual(width);
        await page.keyboard.press('Escape');
        await list.waitFor({ state: 'detached' });
      }
    }
  });

  it('below a drawing leave it as wide as it is', async () => {
    const page = await openAt(open, 'compare');
    for (const width of [1920, 1280, 900, 420]) {
      await page.setViewportSize({ width, height: 900 });
      await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');
      for (const figure of await page.locator('lab-compare .drawings > figure').all()) {
        const [own, drawing] = [(await figure.boundingBox())!, (await figure.locator('svg.drawn').boundingBox())!];
        expect(drawing.width, `${width} pixels`).toBeGreaterThan(250);
        expect(Math.abs(own.width - drawing.width), `${width} pixels`).toBeLessThan(1);
      }
    }
  });

  it('have one line for what a row is of and its values, and one rule below both', async () => {
    const page = await open({ run: 'multiple', state: JSON.stringify({ tab: 'compare' }) }, sizes.narrow);
    await page.locator('lab-label-scores table').waitFor();
    const rows = page.locator('lab-label-scores tbody tr, lab-model-table tbody tr');
    for (const row of await rows.all()) {
      const all = await row.locator('th, td').evaluateAll(linesOf);
      expect(new Set(all.map(({ colour }) => colour)).size).toBe(1);
      const middles = all.map(({ middle }) => middle);
      expect(Math.max(...middles) - Math.min(...middles)).toBeLessThanOrEqual(1.5);
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
    await expectAccessibleInThemes(page, `${kind}-${tab}`);
    for (const size of ['medium', 'narrow', 'least'] as const) {
      await page.setViewportSize(sizes[size]);
      await expectFits(page);
      await picture(page, `${kind}-${tab}-${size}`);
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
