/**
 * @file Takes the pictures of README and guide, in each theme, from finished runs of the samples:
 *
 *   npm run demo && npx distillery run demo/language-model.distill.json && npm run pictures
 *
 * DISTILLERY_PICTURES names another folder with them than demo/. Those of docs/real-teachers.md are taken where its experiments are there,
 * by the names of `smollm2.distill.json` and `minilm.distill.json`.
 */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, it } from 'vitest';
import { toFraction } from '../../webview/tokens/temperature-scale';
import { keptLibraries, ownDesk } from '../journeys/desk';
import { openLab, openTab } from '../journeys/lab-window';
import { endOfAnimations, themes, Workbench, type Theme } from '../journeys/workbench';

const workspace = path.resolve(process.env.DISTILLERY_PICTURES ?? 'demo');
const images = path.resolve('docs/images');

/** The Lab's page in a picture. */
const wide = { width: 1280, height: 860 };
const narrow = { width: 420, height: 860 };

/** Places in the pinned validation rows at which there is something to be seen. */
const shown = {
  definitions: { example: 3, temperature: 2 }, // "being easily excited": an attribute, a state, a feeling
  'language-model': { example: 5, token: 'plants', temperature: 1, prompt: 'a large African' },
  minilm: { example: 3, temperature: 2 },
  smollm2: { example: 3, token: 'distant', temperature: 1 }, // "his gaze fixed upon the dim and distant horizon"
};
type Sample = keyof typeof shown;

/** Those whose experiments are in the folder. */
const here = (Object.keys(shown) as Sample[]).filter((name) =>
  existsSync(path.join(workspace, `${name}.distill.json`)),
);

const isOfClasses = (sample: Sample): sample is 'definitions' | 'minilm' =>
  sample === 'definitions' || sample === 'minilm';

/** It may be closed from the start: what stood open in the folder's last window is put back. */
async function closeSidebar(window: Workbench): Promise<void> {
  if (await window.page.locator('.part.sidebar').isVisible()) await window.runCommand('View: Close Primary Side Bar');
}

async function openSample(sample: Sample): Promise<Workbench> {
  const window = await Workbench.open(workspace, { theme: 'dark', shipped: ownDesk(), libraries: keptLibraries });
  // Both experiments may stand open.
  await openLab(window, sample, isOfClasses(sample) ? /^T 2 / : /^T 1 /);
  await closeSidebar(window);
  return window;
}

/** Makes the Lab's page as large as its picture, whatever of the editor stands around it. */
async function fit({ page, lab }: Workbench, size: typeof wide): Promise<void> {
  const shownSize = (): Promise<typeof wide> =>
    lab
      .locator('body')
      .evaluate(({ clientWidth, clientHeight }: Box) => ({ width: clientWidth, height: clientHeight }));
  for (let now = await shownSize(); now.width !== size.width || now.height !== size.height; now = await shownSize()) {
    const { width, height } = page.viewportSize()!;
    await page.setViewportSize({ width: width + size.width - now.width, height: height + size.height - now.height });
  }
}

interface Box {
  clientWidth: number;
  clientHeight: number;
}

async function keepLab(window: Workbench, name: string): Promise<void> {
  await window.page.mouse.move(0, 0);
  await window.untilDrawn();
  await window.page.locator('iframe.webview.ready').screenshot({ path: path.join(images, `lab-${name}.png`) });
}

async function keepWindow(window: Workbench, name: string): Promise<void> {
  await window.page.screenshot({ path: path.join(images, `${name}.png`) });
}

/** An element as far as the browser's types are needed here. */
interface Scrolled {
  localName: string;
  scrollTop: number;
  parentElement: Scrolled | null;
  getRootNode: () => { host?: Scrolled };
  getBoundingClientRect: () => { top: number };
}

/** Runs in the page: scrolls the tab's content, and nothing around it, as `scrollIntoView` would. */
function toTheTop(shown: Scrolled): void {
  let at: Scrolled | undefined = shown;
  while (at && at.localName !== 'main') at = at.parentElement ?? at.getRootNode().host;
  if (at) at.scrollTop += shown.getBoundingClientRect().top - at.getBoundingClientRect().top;
}

/** What is on a tab that somebody has looked at for a while. */
const looks: Record<
  string,
  { sample: Sample; tab: Parameters<typeof openTab>[1]; look: (w: Workbench) => Promise<void> }
> = {
  loss: {
    sample: 'definitions',
    tab: 'Loss',
    look: async ({ lab }) => lab.locator('lab-figure canvas').nth(3).waitFor(),
  },
  temperature: {
    sample: 'definitions',
    tab: 'Temperature',
    look: async ({ lab }) => lab.locator('lab-curve svg').nth(2).waitFor(),
  },
  compare: {
    sample: 'definitions',
    tab: 'Compare',
    look: async ({ lab }) => {
      await lab.locator('lab-taught tbody tr').first().waitFor();
      await lab.locator('lab-compare').evaluate(toTheTop);
    },
  },
  taught: {
    sample: 'definitions',
    tab: 'Compare',
    look: async ({ lab }) => {
      await lab.locator('lab-taught tbody tr').first().waitFor();
      await lab.locator('lab-taught').evaluate(toTheTop);
    },
  },
  tokens: {
    sample: 'language-model',
    tab: 'Tokens',
    look: async ({ lab }) => lab.locator('lab-distribution .body').first().waitFor(),
  },
  minilm: {
    sample: 'minilm',
    tab: 'Compare',
    look: async ({ lab }) => {
      await lab.locator('lab-taught tbody tr').first().waitFor();
      await lab.locator('lab-compare').evaluate(toTheTop);
    },
  },
  smollm2: {
    sample: 'smollm2',
    tab: 'Tokens',
    look: async ({ lab }) => {
      await lab.locator('lab-distribution .body').first().waitFor();
      // Probes come one by one, and that of step 0 last.
      await lab.locator('figure', { hasText: 'as training went on' }).getByText('0', { exact: true }).waitFor();
    },
  },
  completions: {
    sample: 'language-model',
    tab: 'Completions',
    look: async ({ lab }) => lab.locator('lab-expected').waitFor(),
  },
};

/** Chooses what is looked at: an example, a token, T, a prompt. */
async function choose(window: Workbench, sample: Sample): Promise<void> {
  const { lab } = window;
  const { example, temperature } = shown[sample];
  await openTab(window, 'Tokens');
  await lab.locator('lab-examples .example').nth(example).click();
  await lab.locator('lab-distribution .body').first().waitFor();
  await lab.locator('lab-temperature #slider').fill(String(Math.round(1000 * toFraction(temperature))));
  if (isOfClasses(sample)) return;
  await lab.locator('lab-chips [role=option]').filter({ hasText: shown[sample].token }).first().click();
  if (sample === 'smollm2') return;
  const { prompt } = shown[sample];
  await openTab(window, 'Completions');
  await lab.locator('vscode-checkbox', { hasText: 'Control too' }).click();
  await lab.locator('#prompt textarea').fill(prompt);
  await lab.locator('#continue').click();
  await lab.locator('lab-completion .tokens').last().locator('button, [role=option]').nth(1).click();
}

describe.each(here)('the Lab on %s', (sample) => {
  let window: Workbench;
  beforeAll(async () => {
    window = await openSample(sample);
    await fit(window, wide);
    await choose(window, sample);
  });
  const own = Object.entries(looks).filter(([, look]) => look.sample === sample);

  it.each(Object.keys(themes) as Theme[])('%s', async (theme) => {
    await window.chooseTheme(theme);
    for (const [name, { tab, look }] of own) {
      await openTab(window, tab);
      await look(window);
      await keepLab(window, `${name}-${theme}`);
    }
  });

  it('narrow', async () => {
    await window.chooseTheme('dark');
    await fit(window, narrow);
    for (const [name, { tab, look }] of own) {
      await openTab(window, tab);
      await look(window);
      await keepLab(window, `${name}-narrow`);
    }
    // What is open is put back in the folder's next window, and takes the focus there while it loads.
    await window.runCommand('View: Close All Editors');
  });
});

/** The high-contrast light theme differs from the others in what the Lab draws, not in what the editor does. */
const editorThemes = ['dark', 'light', 'high-contrast'] as const;

describe.runIf(here.includes('definitions'))('the editor', () => {
  it('experiments', async () => {
    const window = await Workbench.open(workspace, { theme: 'dark', shipped: ownDesk(), libraries: keptLibraries });
    await window.openSidebar();
    await window.openFile('definitions.distill.json');
    await window.page.getByText(/last: macro-F1/).waitFor();
    await window.rows('Devices').first().waitFor();
    for (const theme of editorThemes) {
      await window.chooseTheme(theme);
      await keepWindow(window, `experiments-${theme}`);
    }
  });

  it.each([
    { name: 'tokens', run: 'Language model', row: 'a morbid fear of', place: 'death' },
    { name: 'labels', run: 'Definitions', row: 'compulsiveness about working', place: 'attribute' },
  ])('inspection of $name', async ({ name, run, row, place }) => {
    const window = await Workbench.open(workspace, { theme: 'dark', shipped: ownDesk(), libraries: keptLibraries });
    await window.openFile('definitions/test.jsonl');
    await closeSidebar(window);
    await window.runCommand('Distillery: Inspect Dataset with Run…');
    await window.pick(run);
    const painted = window.page
      .locator('.view-line', { hasText: row.replaceAll(' ', '\u00a0') })
      .locator('span[class*="TextEditorDecorationType"]', { hasText: place })
      .first();
    for (const theme of editorThemes) {
      await window.chooseTheme(theme);
      await painted.hover();
      const hover = window.page.locator('.monaco-hover-content').filter({ hasText: 'Teacher' }).first();
      await hover.waitFor();
      await hover.evaluate(endOfAnimations);
      await keepWindow(window, `inspect-${name}-${theme}`);
      await window.page.mouse.move(0, 0);
    }
  });
});
