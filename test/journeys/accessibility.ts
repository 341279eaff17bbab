/**
 * @file The Lab for everyone: each tab on real runs in each kind of theme keeps to WCAG 2.1 AA, can be worked by keyboard alone, and
 * on a narrow page, and with motion reduced, nothing is lost.
 */

import { readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';
import { beforeAll, describe, expect, it } from 'vitest';
import { allOr, torture } from '../torture';
import { violations, violationsInColours } from '../webview/axe';
import { tabTo } from '../webview/keyboard';
import { drawn, openLab, openTab, refusals, tabNames } from './lab-window';
import type { Sample } from './real-runs';
import { allThemes, plain, themesLookedAt, type Theme, type Workbench } from './workbench';

/** How the sidebar calls the run of each experiment: by what was set. */
const titles = { moby: 'T 2 · α .5', spam: 'T 4 · α .7' };

/** In which tables in place of charts are looked at too, by all of axe's rules: those of the page alone have been. */
const withTables = allOr<Theme>(allThemes, []);
/**
 * Tabs of a language model's run on which axe has nothing to say in any theme where they are drawn without the editor
 * (test/webview/layout.test.ts): in the colours that the editor is held to here.
 */
const lookedAtAlone: readonly (typeof tabNames)[number][] = ['Loss', 'Tokens', 'Temperature', 'Completions'];
const lookedAtHere = tabNames.filter((tab) => !lookedAtAlone.includes(tab));
/** By theme, whose tabs are looked at: those of the second draw little that the first's do not. */
const seenIn = (theme: Theme): Sample[] => (themesLookedAt.includes(theme) ? ['moby', 'spam'] : ['moby']);

/** The editor's colours that the page and its controls name. */
const colours = [
  ...new Set(
    [...globSync(['webview/**/*.ts']), 'node_modules/@vscode/webview-ui-toolkit/dist/toolkit.js'].flatMap(
      (file) => readFileSync(file, 'utf8').match(/--vscode(-[a-zA-Z]+)+/g) ?? [],
    ),
  ),
]
  .filter((name) => !name.includes('-font-'))
  .sort();

/** As test/webview has them. */
const harnessNames: Record<Theme, string> = {
  dark: 'dark',
  light: 'light',
  'high-contrast': 'hc',
  'high-contrast-light': 'hc-light',
};

async function complete({ lab }: Workbench): Promise<void> {
  await lab.locator('#prompt textarea').fill('The whale');
  await lab.locator('#continue').click();
  await lab.locator('lab-surprises').first().waitFor();
  await lab.locator('lab-completion [role=option]').first().click();
  await lab.locator('lab-expected').waitFor();
}

/** @param windowOf in which are the runs of both samples, and no Lab yet */
export function describeForEveryone(windowOf: () => Workbench): void {
  let window: Workbench;
  beforeAll(() => {
    window = windowOf();
  });

  it('is worked by keys in each of its tabs, which the editor leaves to it', async () => {
    const { lab, page } = window;
    await openLab(window, 'moby', 'T 2 · α .5');
    const press = (...keys: string[]): Promise<void> =>
      keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    /** That the Tab key leads there is a test of the page alone (test/webview/keyboard.test.ts). */
    const goTo = (selector: string): Promise<void> =>
      torture ? tabTo(lab.locator('body'), selector) : lab.locator(selector).first().focus();
    const selected = (): Promise<string> => lab.getByRole('tab', { selected: true }).innerText();
    /** Back to the list of tabs, and on to the next. */
    const nextTab = async (): Promise<void> => {
      await goTo('[role=tab][aria-selected=true]');
      await press('ArrowRight');
    };

    await lab.getByRole('tab', { name: 'Loss' }).focus();
    await lab.locator('lab-figure canvas').first().waitFor();
    await goTo('#total');
    await press('Home');
    expect(await lab.locator('#total').getAttribute('aria-valuetext')).toMatch(/^step \d+: /);
    await press('t');
    await lab.locator('lab-figure table').first().waitFor();
    await press('t');

    await nextTab();
    expect(await selected()).toBe('Tokens');
    await lab.locator('lab-distribution .body').first().waitFor();
    await goTo('lab-chips [role=option]');
    await press(']', 'ArrowRight', 'ArrowRight', ',');
    expect(await lab.locator('lab-examples .example').nth(1).getAttribute('aria-selected')).toBe('true');
    expect(await lab.locator('lab-chips [role=option]').nth(2).getAttribute('aria-selected')).toBe('true');
    await press('=');
    expect(Number(await lab.locator('lab-temperature output').textContent())).toBeGreaterThan(2);
    await press('t');
    await lab.locator('lab-tokens figure table').first().waitFor();
    await press('t');

    await nextTab();
    expect(await selected()).toBe('Temperature');
    await lab.locator('lab-curve svg').nth(2).waitFor();
    await goTo('lab-temperature input');
    await press('Home');
    expect(plain(await lab.locator('#big-t').textContent())).toBe('0.25');

    await nextTab();
    expect(await selected()).toBe('Completions');
    await goTo('#prompt textarea');
    await page.keyboard.type('The whale');
    await press('Control+Enter');
    await lab.locator('lab-surprises').first().waitFor();
    await goTo('lab-completion [role=option]');
    await press('ArrowRight');
    expect(await lab.locator('lab-completion [role=option]').nth(1).getAttribute('aria-selected')).toBe('true');

    await nextTab();
    expect(await selected()).toBe('Compare');
    await lab.locator('lab-disagreements .place .link').first().waitFor();
    await goTo('lab-disagreements .place .link');
    const place = plain(await lab.locator('lab-disagreements .place .link').first().textContent());
    await press('Enter');
    await page.getByRole('tab', { name: place.split(':')[0]! }).waitFor();
    expect(await refusals(window)).toEqual([]);
  });

  it('names its parts for who listens, and stands still where motion is reduced', async () => {
    const { lab, page } = window;
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await openLab(window, 'moby', 'T 2 · α .5');
    for (const name of tabNames) {
      await lab.getByRole('tab', { name }).click();
      await lab.locator('main figure, main textarea').first().waitFor();
      for (const role of ['button', 'slider', 'checkbox', 'radio', 'textbox', 'combobox', 'table'] as const) {
        expect(await lab.getByRole(role, { name: /^$/ }).count(), `${name}: ${role} without a name`).toBe(0);
      }
      for (const drawing of await lab.locator('[role=img]').all()) {
        expect(await drawing.getAttribute('aria-label')).toMatch(/./);
      }
    }
    await lab.getByRole('tab', { name: 'Tokens' }).click();
    await lab.locator('#play').click();
    expect(await lab.locator('body').evaluate(movingParts)).toEqual([]);
    expect(await refusals(window)).toEqual([]);
  });

  describe('in each theme', () => {
    beforeAll(async () => {
      // As it moves for who wants it to.
      await window.page.emulateMedia({ reducedMotion: null });
      // The Lab has the place of the first editor, as for a person who has none open.
      await window.runCommand('View: Close All Editor Groups');
    });

    describe.each(allThemes)('in every tab: %s', (theme) => {
      it.each(seenIn(theme))('keeps to WCAG 2.1 AA on %s', async (experiment) => {
        const { lab } = window;
        await window.chooseTheme(theme);
        await openLab(window, experiment, titles[experiment], experiment);
        // Else the tests of the page alone would look at colours that nobody has. They are written anew by vitest's --update.
        if (experiment === 'moby')
          await expect(
            `${JSON.stringify(await lab.locator('body').evaluate(themeOf, colours), undefined, 2)}\n`,
          ).toMatchFileSnapshot(`../webview/themes/${harnessNames[theme]}.json`);
        for (const tab of themesLookedAt.includes(theme) ? tabNames : lookedAtHere) {
          await openTab(window, tab);
          await lab.locator(drawn[tab]).first().waitFor();
          if (tab === 'Completions' && experiment === 'moby' && (await lab.locator('lab-expected').count()) === 0)
            await complete(window);
          if (torture || experiment === 'spam' || !lookedAtAlone.includes(tab))
            expect(await (theme === 'dark' ? violations : violationsInColours)(lab.locator('body')), tab).toEqual([]);
          if (withTables.includes(theme)) {
            await lab.getByRole('tab', { name: tab }).press('t');
            expect(await violations(lab.locator('body')), `${tab}, tables`).toEqual([]);
            await lab.getByRole('tab', { name: tab }).press('t');
          }
          await window.picture(`accessible-${experiment}-${tab}-${theme}`);
        }
        expect(await refusals(window)).toEqual([]);
      });
    });
  });

  it('has rows in the sidebar that say all that they show', async () => {
    const labels = await Promise.all(
      (await window.page.locator('.part.sidebar .monaco-list-row').all()).map((row) => row.getAttribute('aria-label')),
    );
    expect(labels.length).toBeGreaterThan(4);
    expect(labels.filter((label) => !label)).toEqual([]);
    // The state is an icon to who sees it.
    for (const [experiment, quality] of [
      ['moby', 'perplexity'],
      ['spam', 'macro-F1'],
    ] as const) {
      const row = new RegExp(`^${titles[experiment].replace('.', '\\.')}, done, ${quality} `);
      expect(labels.map((label) => plain(label))).toContainEqual(expect.stringMatching(row));
    }
  });

  it('keeps everything in reach on a page of 320 pixels, and stands still where motion is reduced', async () => {
    const { lab, page } = window;
    await openLab(window, 'moby', titles.moby, 'moby');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.setViewportSize({ width: 700, height: 900 });
    await window.runCommand('View: Close Primary Side Bar');
    // What is left to the page, beside the editor's own bar of activities.
    const width = (): Promise<number> => lab.locator('body').evaluate((body: Body) => body.clientWidth);
    await page.setViewportSize({ width: 700 - (await width()) + 320, height: 900 });
    await expect.poll(width).toBe(320);
    for (const tab of tabNames) {
      await openTab(window, tab);
      await lab.locator(drawn[tab]).first().waitFor();
      if (tab === 'Completions') await complete(window);
      if (tab === 'Tokens') await lab.locator('#play').click();
      expect(await lab.locator('body').evaluate(outOfReach), tab).toEqual([]);
      expect(await lab.locator('body').evaluate(moving), tab).toEqual([]);
      await window.picture(`narrowest-${tab}`);
    }
    expect(await refusals(window)).toEqual([]);
  });
}

interface Box {
  left: number;
  right: number;
  width: number;
}

interface Part {
  localName: string;
  matches: (selector: string) => boolean;
  shadowRoot: Root | null;
  parentElement: Part | null;
  getRootNode: () => { host?: Part };
  getBoundingClientRect: () => Box;
  textContent: string;
}

interface Root {
  querySelectorAll: (selector: string) => Iterable<Part>;
}

interface Body extends Root {
  className: string;
  clientWidth: number;
  ownerDocument: {
    documentElement: { style: { getPropertyValue: (name: string) => string } };
    getAnimations: () => { playState: string }[];
  };
}

/** Runs in the page: its kind of theme, and those of the variables that the theme has. */
function themeOf({ className, ownerDocument }: Body, names: readonly string[]): object {
  const { style } = ownerDocument.documentElement;
  const values = names.map((name) => [name, style.getPropertyValue(name)] as const);
  return { kind: className, variables: Object.fromEntries(values.filter(([, value]) => value !== '')) };
}

/** Runs in the page: controls and figures that stand outside of it, and that nothing around them can be scrolled to. */
function outOfReach(body: Body): string[] {
  const { getComputedStyle } = globalThis as unknown as { getComputedStyle: (part: Part) => { overflowX: string } };
  const all = (root: Root): Part[] =>
    [...root.querySelectorAll('*')].flatMap((part) => [part, ...(part.shadowRoot ? all(part.shadowRoot) : [])]);
  const scrolls = (part: Part | null): boolean =>
    part !== null &&
    part.localName !== 'main' &&
    (['auto', 'scroll'].includes(getComputedStyle(part).overflowX) ||
      scrolls(part.parentElement ?? part.getRootNode().host ?? null));
  const names = [
    'button',
    'input',
    'textarea',
    'figure',
    'table',
    'h1',
    'h2',
    'dd',
    'vscode-button',
    'vscode-dropdown',
  ];
  return all(body)
    .filter((part) => names.includes(part.localName))
    .filter((part) => {
      const { left, right, width } = part.getBoundingClientRect();
      return width > 0 && (right > body.clientWidth + 1 || left < -1) && !scrolls(part.parentElement);
    })
    .map((part) => `${part.localName} ${part.textContent.trim().slice(0, 40)}`);
}

/** Runs in the page: animations and transitions under way, of all its parts. */
function moving(body: Body): string[] {
  return body.ownerDocument.getAnimations().map(({ playState }) => playState);
}

/** Runs in the page: parts that would move, by their styles. */
function movingParts(body: { ownerDocument: Root }): string[] {
  const { getComputedStyle } = globalThis as unknown as {
    getComputedStyle: (element: Part) => { animationName: string; transitionDuration: string };
  };
  const all = (root: Root): Part[] =>
    [...root.querySelectorAll('*')].flatMap((element) => [
      element,
      ...(element.shadowRoot ? all(element.shadowRoot) : []),
    ]);
  return all(body.ownerDocument)
    .filter((element) => element.localName.startsWith('lab-') || element.localName === 'i')
    .filter((element) => {
      const { animationName, transitionDuration } = getComputedStyle(element);
      return animationName !== 'none' || transitionDuration.split(', ').some((time) => time !== '0s');
    })
    .map(({ localName }) => localName);
}
