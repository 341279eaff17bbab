/** @file The Lab for everyone: each tab on real runs in each kind of theme keeps to WCAG 2.1 AA, and on a narrow page nothing is lost. */

import { readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';
import { beforeAll, describe, expect, it } from 'vitest';
import { allOr } from '../torture';
import { violations } from '../webview/axe';
import { drawn, openLab, openTab, refusals, tabNames } from './lab-window';
import { sampleWorkspace, type Sample } from './real-runs';
import { plain, themes, Workbench, type Theme } from './workbench';

/** How the sidebar calls the run of each experiment: by what was set. */
const titles = { moby: 'T 2 · α .5', spam: 'T 4 · α .7' };

const allThemes = Object.keys(themes) as Theme[];
/** In which a run's tabs are looked at; those of the second draw little that the first's do not. */
const seenIn = { moby: allThemes, spam: allOr<Theme>(allThemes, ['dark', 'high-contrast-light']) };
/** In which tables in place of charts are looked at too. */
const withTables = allOr<Theme>(allThemes, ['dark']);

async function open(experiment: Sample): Promise<Workbench> {
  const window = await Workbench.open(sampleWorkspace(experiment), { theme: 'dark' });
  await openLab(window, experiment, titles[experiment]);
  return window;
}

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

describe.each(['moby', 'spam'] as const)('the Lab on %s', (experiment) => {
  let window: Workbench;
  beforeAll(async () => {
    window = await open(experiment);
  });

  it.each(seenIn[experiment])('keeps to WCAG 2.1 AA in every tab: %s', async (theme) => {
    const { lab } = window;
    await window.chooseTheme(theme);
    // Else the tests of the page alone would look at colours that nobody has. They are written anew by vitest's --update.
    if (experiment === 'moby')
      await expect(
        `${JSON.stringify(await lab.locator('body').evaluate(themeOf, colours), undefined, 2)}\n`,
      ).toMatchFileSnapshot(`../webview/themes/${harnessNames[theme]}.json`);
    for (const tab of tabNames) {
      await openTab(window, tab);
      await lab.locator(drawn[tab]).first().waitFor();
      if (tab === 'Completions' && experiment === 'moby' && (await lab.locator('lab-expected').count()) === 0)
        await complete(window);
      expect(await violations(lab.locator('body')), tab).toEqual([]);
      if (withTables.includes(theme)) {
        await lab.getByRole('tab', { name: tab }).press('t');
        expect(await violations(lab.locator('body')), `${tab}, tables`).toEqual([]);
        await lab.getByRole('tab', { name: tab }).press('t');
      }
      await window.picture(`accessible-${experiment}-${tab}-${theme}`);
    }
    expect(await refusals(window)).toEqual([]);
  });

  it('has rows in the sidebar that say all that they show', async () => {
    const labels = await Promise.all(
      (await window.page.locator('.part.sidebar .monaco-list-row').all()).map((row) => row.getAttribute('aria-label')),
    );
    expect(labels.length).toBeGreaterThan(3);
    expect(labels.filter((label) => !label)).toEqual([]);
    // The state is an icon to who sees it.
    const quality = { moby: 'perplexity', spam: 'macro-F1' }[experiment];
    const row = new RegExp(`^${titles[experiment].replace('.', '\\.')}, done, ${quality} `);
    expect(labels.map((label) => plain(label))).toContainEqual(expect.stringMatching(row));
  });

  it.runIf(experiment === 'moby')(
    'keeps everything in reach on a page of 320 pixels, and stands still where motion is reduced',
    async () => {
      const { lab, page } = window;
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
        expect(await violations(lab.locator('body')), tab).toEqual([]);
        await window.picture(`narrowest-${tab}`);
      }
      expect(await refusals(window)).toEqual([]);
    },
  );
});

interface Box {
  left: number;
  right: number;
  width: number;
}

interface Part {
  localName: string;
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
