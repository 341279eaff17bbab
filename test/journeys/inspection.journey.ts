/** @file A dataset inspected in place, as a person sees it: predictions, heat, the hover, F8; with pictures in each theme. */

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sampleWorkspace, type Sample } from './real-runs';
import { endOfAnimations, plain, themes, Workbench, type Theme } from './workbench';

const allThemes = Object.keys(themes) as Theme[];

let workspace = '';
let window: Workbench;
beforeAll(async () => {
  workspace = sampleWorkspace('moby', 'spam');
  window = await Workbench.open(workspace, { theme: 'dark' });
});

async function inspect(experiment: Sample): Promise<void> {
  await window.openFile(`${experiment}-test.jsonl`);
  await window.runCommand('Distillery: Inspect Dataset with Run…');
  await window.pick(experiment);
}

interface Cell {
  ownerDocument: {
    createRange: () => { selectNodeContents: (cell: Cell) => void; getBoundingClientRect: () => { width: number } };
  };
}

/** Runs in the page: how wide a cell's content is. */
function written(cell: Cell): number {
  const range = cell.ownerDocument.createRange();
  range.selectNodeContents(cell);
  return range.getBoundingClientRect().width;
}

describe('a dataset of texts inspected with a run', () => {
  beforeAll(() => inspect('moby'));

  it.each(allThemes)('shows tokens by divergence and both distributions, %s', async (theme) => {
    await window.chooseTheme(theme);
    await window.page.getByText(/Inspecting with moby/).waitFor();
    await window.page
      .getByText(/^KL\s\S+\s·\s\d+\sof\s\d+\sdiffer/)
      .first()
      .waitFor();
    // Tokens are painted by divergence, in more than one of the levels.
    const painted = window.page.locator('.view-lines span[class*="TextEditorDecorationType"]');
    await painted.first().waitFor();
    const levels = await painted.evaluateAll((tokens: { className: string }[]) =>
      tokens.map((token) => token.className),
    );
    expect(new Set(levels).size).toBeGreaterThan(1);
    const place = window.page.locator('[id="status.editor.selection"]');
    const goTo = async (key: string): Promise<string> => {
      const before = await place.textContent();
      await window.page.keyboard.press(key);
      await expect.poll(() => place.textContent()).not.toBe(before);
      return (await place.textContent())!;
    };
    const first = await goTo('F8');
    await goTo('F8');
    expect(await goTo('Shift+F8')).toBe(first);
    // Past the row's beginning: the first token is predicted from nothing.
    const line = window.page.locator('.view-line').filter({ hasText: '"text"' }).first();
    const box = (await line.boundingBox())!;
    await window.page.mouse.move(box.x + 380, box.y + box.height / 2, { steps: 5 });
    const hover = window.page.locator('.monaco-hover-content').filter({ hasText: 'hard label, ranks' });
    await hover.first().waitFor();
    // The bars are kept by the editor's sanitizer, in the theme's colours.
    expect(await hover.first().locator('span[style*="--vscode-charts-blue"]').count()).toBeGreaterThan(1);
    await hover.first().evaluate(endOfAnimations);
    // Both models' bars are of one measure: what is left to all others is nearly all of both.
    const others = hover.first().locator('tr', { hasText: 'others' }).locator('td');
    const [ofTeacher, ofStudent] = await Promise.all([1, 3].map((column) => others.nth(column).evaluate(written)));
    expect(ofTeacher).toBeGreaterThan(40);
    expect(Math.abs(ofStudent! / ofTeacher! - 1)).toBeLessThan(0.15);
    await window.picture(`inspect-tokens-${theme}`);
  });
});

describe('a dataset of labels inspected with a run', () => {
  beforeAll(() => inspect('spam'));

  // It begins with the theme that is there.
  it.each([...allThemes].reverse())('shows the predictions of a classifier, %s', async (theme) => {
    await window.chooseTheme(theme);
    const hint = window.page.getByText(/^teacher\s(ham|spam)\s\S+\s→\sstudent/).first();
    await hint.waitFor();
    expect(plain(await hint.textContent())).toMatch(
      /^teacher (✗ )?(ham|spam) (\.\d\d|>\.99|1) → student (✗ )?(ham|spam) /,
    );
    await window.page.getByText(/\d+ of \d+ rows seen disagree/).waitFor();
    await window.picture(`inspect-labels-${theme}`);
  });

  it('is shown in pages and scrolls, where it has 100 MB', async () => {
    const row = readFileSync(path.join(workspace, 'data/spam-test.jsonl'), 'utf8').split('\n')[1]!;
    const many = Math.ceil((100 * 2 ** 20) / (row.length + 1));
    writeFileSync(path.join(workspace, 'large.jsonl'), `${row}\n`.repeat(many));
    // A menu that is opened before the runs are known has no such entry.
    await window.untilPossible('Distillery: Inspect Dataset with Run…');
    await window.takeFromMenu(window.page.getByRole('treeitem', { name: /large\.jsonl/ }), 'Inspect Dataset with Run…');
    await window.pick('spam');
    await window.page.getByText('Rows After').waitFor();
    await window.page
      .getByText(/^teacher\s/)
      .first()
      .waitFor();
    await window.page.keyboard.press('Control+End');
    await window.page
      .getByText(/^teacher\s/)
      .first()
      .waitFor();
    await window.picture('inspect-large');
  });
});
