/**
 * @file Real runs in the real editor: a dataset inspected in place, with its predictions, heat, the hover and F8, and pictures in each theme;
 * the Lab's five tabs, in which a person sees what the command line says; the ways into it and out of it, links from an inspected dataset
 * and files that are kept from its charts; a sweep; and, before all that, that the Lab is for everyone. All in one window.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Locator } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { viewport } from '../harness/code-server';
import { readProbeExamples } from '../../src/run-directory/probes';
import { readRecords } from '../../src/run-directory/record-file';
import { listRuns, type Run } from '../../src/run-directory/run-directory';
import { formatCount, formatQuantity, formatShare, shareDecimals } from '../../src/protocol/format';
import type { CompleteResult, InspectedPosition, InspectResult } from '../../src/protocol/inspection-records';
import { torture } from '../torture';
import { hostileText } from '../webview/sample/texts';
import { describeForEveryone } from './accessibility';
import { atEnd } from './endings';
import { openLab, openTab, refusals } from './lab-window';
import { processesOf } from '../harness/processes';
import { distillery, sampleWorkspace, sweepLanguageModel, type Sample } from './real-runs';
import { endOfAnimations, plain, themesLookedAt, Workbench } from './workbench';

async function setNumber({ lab }: Workbench, id: string, value: number): Promise<void> {
  await lab.locator(`#${id} input`).fill(String(value));
  await lab.locator(`#${id} input`).press('Tab');
}

/** A row of the training split, counted from 1: examples are pinned of the validation split alone. */
const line = 2;

const [temperature, alpha] = ['distillation.temperature', 'distillation.alpha'];

let workspace = '';
let window: Workbench;
beforeAll(async () => {
  workspace = sampleWorkspace('moby', 'spam');
  window = await Workbench.open(workspace, { theme: 'dark' });
});

async function runOf(experiment: Sample): Promise<Run> {
  const all = await listRuns(path.join(workspace, '.distillery/runs'));
  return all.find(({ record }) => record.name === experiment)!;
}

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

/** With all editors, so that it has the place of the first, as for a person who has none open, and holds nothing of the run before. */
const closeLab = (): Promise<void> => window.runCommand('View: Close All Editor Groups');

// First, for it counts what it meets on the keyboard's way from a Lab in which nothing was done.
describe('the Lab for everyone', () => {
  describeForEveryone(() => window);
});

describe('a dataset of texts inspected with a run', () => {
  beforeAll(async () => {
    await window.page.setViewportSize(viewport);
    await closeLab();
    await window.page.keyboard.press('Control+Shift+E');
    await inspect('moby');
  });

  it.each(themesLookedAt)('shows tokens by divergence and both distributions, %s', async (theme) => {
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
    const follow = async (key: string): Promise<string> => {
      const before = await place.textContent();
      await window.page.keyboard.press(key);
      await expect.poll(() => place.textContent()).not.toBe(before);
      return (await place.textContent())!;
    };
    const first = await follow('F8');
    await follow('F8');
    expect(await follow('Shift+F8')).toBe(first);
    // By the keyboard, for lenses move rows under a pointer; and past the row's beginning: the first token is predicted from nothing.
    await goTo(window, 1, 48);
    await window.runCommand('Show or Focus Hover');
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
  it.each([...themesLookedAt].reverse())('shows the predictions of a classifier, %s', async (theme) => {
    await window.chooseTheme(theme);
    const hint = window.page.getByText(/^teacher\s(ham|spam)\s\S+\s→\sstudent/).first();
    await hint.waitFor();
    expect(plain(await hint.textContent())).toMatch(
      /^teacher (✗ )?(ham|spam) (\.\d\d|>\.99|1) → student (✗ )?(ham|spam) /,
    );
    await window.page.getByText(/\d+ of \d+ rows seen disagree/).waitFor();
    await window.picture(`inspect-labels-${theme}`);
  });

  // The editor gives extensions no text of more than 50 MB.
  it('is shown in pages and scrolls, where it has more than the editor shows an extension', async () => {
    const row = readFileSync(path.join(workspace, 'data/spam-test.jsonl'), 'utf8').split('\n')[1]!;
    const many = Math.ceil(((torture ? 100 : 51) * 2 ** 20) / (row.length + 1));
    const large = path.join(workspace, 'large.jsonl');
    writeFileSync(large, `${row}\n`.repeat(many));
    atEnd(() => rmSync(large));
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

describe('the Lab on the run of a language model', () => {
  let run: Run;
  beforeAll(async () => {
    run = await runOf('moby');
    await closeLab();
    await openLab(window, 'moby', 'T 2 · α .5');
  });

  it("shows the losses of the run's last step, and zooms by brushing", async () => {
    const { lab } = window;
    await openTab(window, 'Loss');
    await lab.locator('lab-figure canvas').nth(3).waitFor();
    await lab.locator('#smoothing').fill('0');
    const shown = lab.locator('lab-figure', { hasText: 'Distillation loss (soft)' }).locator('.value.number');
    const metrics = await readRecords(run.paths, 'metrics');
    expect(plain(await shown.textContent())).toBe(formatQuantity(metrics.at(-1)!.loss.soft));
    const chart = lab.locator('lab-total .overlay');
    const box = (await chart.boundingBox())!;
    await window.page.mouse.move(box.x + 0.2 * box.width, box.y + 60);
    await window.page.mouse.down();
    await window.page.mouse.move(box.x + 0.5 * box.width, box.y + 80, { steps: 4 });
    await window.page.mouse.up();
    await lab.getByText('Show all steps').click();
    await lab.getByText('Show all steps').waitFor({ state: 'detached' });
    await window.picture('lab-real-loss');
    expect(await refusals(window)).toEqual([]);
  });

  it('shows the distributions that `inspect` prints, token by token', async () => {
    const { paths } = run;
    const { examples } = (await readProbeExamples(paths.probes))!;
    const index = 3;
    const example = examples[index]!;
    const inspected = (await distillery(
      workspace,
      'inspect',
      paths.directory,
      '--text',
      example.text,
      '--temperature',
      '2',
      '--top',
      '5',
    )) as InspectResult;
    const { lab } = window;
    await openTab(window, 'Tokens');
    await lab.locator('lab-examples .example').nth(index).click();
    await lab.locator('lab-distribution .body').first().waitFor();
    const position = 4;
    await lab.locator('lab-chips [role=option]').nth(position).click();
    // The exported student is the best one: the probe of that evaluation has its logits, in half precision.
    const wanted = inspected.positions[example.positions[position]!.token]!;
    const teacher = wanted.teacher!;
    await expect
      .poll(async () => plain(await lab.locator('#entropy').textContent()))
      .toContain(formatQuantity(teacher.entropy).slice(0, 3));
    const row = lab.locator(`lab-distribution .body[data-id="${teacher.top[0]!.id}"] .share`).first();
    expect(Math.abs(Number(plain(await row.textContent())) - teacher.top[0]!.probability)).toBeLessThan(0.002);
    await window.picture('lab-real-tokens');
    expect(await refusals(window)).toEqual([]);
  });

  it('shows a dataset full of markup as text in every tab', async () => {
    const { lab } = window;
    const isText = async (): Promise<void> => {
      expect(await lab.locator('distillery-lab').locator('img, script').count()).toBe(0);
      expect(await refusals(window)).toEqual([]);
    };
    await openTab(window, 'Loss');
    await lab.locator('lab-figure canvas').first().waitFor();
    await isText();
    await openTab(window, 'Tokens');
    await lab.locator('lab-examples .text').first().waitFor();
    expect(await lab.locator('lab-examples .text').first().textContent()).toBe(hostileText);
    await isText();
    await openTab(window, 'Temperature');
    await lab.locator('lab-curve svg').first().waitFor();
    await isText();
    await openTab(window, 'Completions');
    await lab.locator('#prompt textarea').fill(hostileText);
    await setNumber(window, 'maxNewTokens', 4);
    await lab.locator('#continue').click();
    await lab.locator('lab-surprises').first().waitFor();
    expect(await lab.locator('lab-completion .tokens > .muted').first().textContent()).toBe(
      `…${hostileText.slice(-28)}`,
    );
    await isText();
    await openTab(window, 'Compare');
    await lab.locator('lab-disagreements', { hasText: hostileText.slice(0, 24) }).waitFor();
    await isText();
  });

  it('shows what was expected while tokens stream, and stops them', async () => {
    const { lab } = window;
    await openTab(window, 'Completions');
    await lab.locator('#prompt textarea').fill('The whale');
    const tokens = lab.locator('lab-completion').first().locator('[role=option]');
    await setNumber(window, 'maxNewTokens', 1);
    await lab.locator('#continue').click();
    await lab.locator('lab-surprises').first().waitFor();

    // These models write 512 tokens faster than a busy page draws one: the process that holds them goes on in small steps.
    const [server, ...others] = processesOf(window.serverFolder, /runner\.js serve/);
    expect(others).toEqual([]);
    await setNumber(window, 'maxNewTokens', 512);
    process.kill(server!, 'SIGSTOP');
    try {
      await lab.locator('#continue').click();
      await lab.locator('#stop-completion').waitFor();
      while ((await tokens.count()) === 0) {
        process.kill(server!, 'SIGCONT');
        await setTimeout(10);
        process.kill(server!, 'SIGSTOP');
      }
      await tokens.first().hover();
      await lab.locator('lab-expected tr.strong').waitFor();
      await lab.locator('#stop-completion').click();
    } finally {
      process.kill(server!, 'SIGCONT');
    }
    await lab.locator('#continue').waitFor();
    const count = await tokens.count();
    expect(count).toBeLessThan(512);
    expect(await lab.locator('lab-surprises').count()).toBe(0);
    await window.picture('lab-stopped-completion');
    expect(await tokens.count()).toBe(count);
  });

  it('lets teacher, student and control continue a prompt, with the words of `complete`', async () => {
    const { paths } = run;
    const prompt = 'The whale';
    const complete = async (target: string): Promise<CompleteResult> =>
      (await distillery(workspace, 'complete', target, '--prompt', prompt, '--max-new-tokens', '6')) as CompleteResult;
    const models = await complete(paths.directory);
    const control = await complete(`${paths.directory}/controls/no-distillation`);
    const { lab } = window;
    await openTab(window, 'Completions');
    await lab.locator('#prompt textarea').fill(prompt);
    await setNumber(window, 'maxNewTokens', 6);
    await lab.getByText('Control too').click();
    // The only token that can be drawn is the most probable.
    await lab.getByLabel('Sample').check();
    await setNumber(window, 'samplingTopK', 1);
    await setNumber(window, 'samplingTemperature', 1.5);
    await lab.locator('#continue').click();
    await lab.locator('lab-surprises').first().waitFor();
    const sides = [models.teacher, models.student, control.student];
    for (const [i, side] of sides.entries()) {
      const tokens = await lab.locator('lab-completion').nth(i).locator('[role=option]').all();
      const labels = await Promise.all(tokens.map((token) => token.getAttribute('aria-label')));
      expect(labels.map((label) => label?.split(', ').at(-1))).toEqual(
        side!.tokens.map(({ probability }) => formatShare(probability)),
      );
    }
    await window.picture('lab-real-completions');
    expect(await refusals(window)).toEqual([]);
  });

  const textOf = (row: number): string => {
    const rows = readFileSync(path.join(workspace, 'data/moby-train.jsonl'), 'utf8').split('\n');
    return (JSON.parse(rows[row - 1]!) as { text: string }).text;
  };

  it('keeps a chart as CSV and SVG where the person says', async () => {
    const { lab, page } = window;
    await openTab(window, 'Loss');
    await lab.locator('#smoothing').fill('0');
    const figure = lab.locator('lab-figure', { hasText: 'Gradient norm' });
    await figure.locator('canvas').waitFor();
    const save = async (kind: string, name: string): Promise<string> => {
      await figure.getByRole('button', { name: 'Save Gradient norm' }).click();
      await figure.getByRole('menuitem', { name: kind }).click();
      const file = path.join(workspace, name);
      const input = page.locator('.quick-input-widget input').first();
      await expect.poll(() => input.inputValue()).toContain(`Gradient norm.${kind.toLowerCase()}`);
      await window.picture(`lab-save-${kind}`);
      await window.answerWithPath(file, '.distillery');
      const written = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
      // It is there, empty, before it is written.
      await expect.poll(written).not.toBe('');
      return written();
    };
    const metrics = await readRecords(run.paths, 'metrics');
    const [head, ...rows] = (await save('CSV', 'norm.csv')).trim().split('\r\n');
    expect(head).toMatch(/^step,/);
    expect(rows).toEqual(metrics.map(({ step, gradientNorm }) => `${step},${gradientNorm}`));
    const drawing = await save('SVG', 'norm.svg');
    expect(drawing).toMatch(/^<svg[^>]* xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(drawing).toContain('Gradient norm');
    expect(drawing).not.toContain('var(--');
    expect(await refusals(window)).toEqual([]);
  });

  it('says beside a row why its file cannot be opened, and opens it once it can', async () => {
    const { lab, page } = window;
    await openTab(window, 'Tokens');
    const source = lab.locator('lab-tokens .heading .source');
    const [name] = (await source.innerText()).split(':');
    const file = path.join(workspace, 'data', name!);
    renameSync(file, `${file}.away`);
    await source.click();
    const alert = lab.locator('lab-tokens .middle .request-failed');
    await alert.waitFor();
    expect(await alert.innerText()).toContain(
      `data/${name!} is gone: it was moved or deleted after the run had read it.`,
    );
    // It is said there alone.
    expect(await page.locator('.notification-toast').count()).toBe(0);
    await window.picture('lab-request-failed');
    renameSync(`${file}.away`, file);
    await source.click();
    await page.getByRole('tab', { name: name! }).waitFor();
    await alert.waitFor({ state: 'detached' });
    expect(await refusals(window)).toEqual([]);
  });

  it('is led to a row that is not pinned by its lens, and to a token by its hover', async () => {
    const { lab, page } = window;
    await closeLab();
    // On all rows, and not alone on those on which the models differ.
    mkdirSync(path.join(workspace, '.vscode'));
    const settings = { 'distillery.inspection.rowLenses': 'all' };
    writeFileSync(path.join(workspace, '.vscode/settings.json'), JSON.stringify(settings));
    await window.openFile('moby-train.jsonl');
    await window.runCommand('Distillery: Inspect Dataset with Run…');
    await window.pick('moby');
    await takeLens(window, line, textOf(line));
    await lab.getByText(`line ${line}, models as they are now`).waitFor();
    expect(await lab.locator('lab-examples .besides .text').textContent()).toBe(textOf(line));
    expect(await lab.getByRole('tab', { name: 'Tokens' }).getAttribute('aria-selected')).toBe('true');
    expect(plain(await lab.locator('lab-tokens .heading').textContent())).toContain('not pinned');
    // As the editor shows it.
    expect(await lab.locator('lab-temperature output').textContent()).toBe('1.00');
    const chosen = lab.locator('lab-chips [aria-selected=true]');
    expect(await lab.locator('lab-chips [role=option]').first().getAttribute('aria-selected')).toBe('true');

    const inspect = async (temperature: number): Promise<InspectedPosition> => {
      const text = ['--text', textOf(line), '--temperature', String(temperature)];
      const { positions } = (await distillery(workspace, 'inspect', run.paths.directory, ...text)) as InspectResult;
      return positions[9]!;
    };
    const wanted = await inspect(1);
    await page.getByRole('tab', { name: 'moby-train.jsonl' }).click();
    // A letter of the token, counted from the beginning of the file's line. By the keyboard: lenses move rows under a pointer.
    const column = `{"text":"`.length + JSON.stringify(textOf(line).slice(0, wanted.end)).length - 2;
    await goTo(window, line, column);
    await window.runCommand('Show or Focus Hover');
    const hover = page.locator('.monaco-hover-content').filter({ hasText: 'hard label, ranks' }).first();
    await hover.getByRole('link', { name: 'Open in Lab' }).click();
    await expect
      .poll(async () => (await chosen.getAttribute('aria-label'))?.split(', ').at(1))
      .toBe(`${formatQuantity(wanted.kl)} nats`);
    // The page is given the logits of this row in full precision: every number is the command line's.
    expect(await shownNumbers(window)).toEqual(numbersOf(wanted));
    await lab.getByLabel('Temperature', { exact: true }).fill('636');
    expect(await lab.locator('lab-temperature output').textContent()).toBe('4.00');
    expect(await shownNumbers(window)).toEqual(numbersOf(await inspect(4)));
    await window.picture('lab-linked-token');
    expect(await refusals(window)).toEqual([]);
  });
});

describe('the Lab on the run of a classifier', () => {
  let run: Run;
  beforeAll(async () => {
    run = await runOf('spam');
    await closeLab();
    await openLab(window, 'spam', 'T 4 · α .7');
  });

  it('softens in the page, and says what a sweep would add', async () => {
    const { lab } = window;
    await openTab(window, 'Temperature');
    await lab.locator('lab-curve svg').nth(2).waitFor();
    expect(await lab.locator('#big-t').textContent()).toBe('4.00');
    await lab.locator('#slider').press('End');
    expect(await lab.locator('#big-t').textContent()).toBe('20.0');
    await lab.getByText('not part of a sweep').waitFor();
    await window.picture('lab-real-temperature');
    expect(await refusals(window)).toEqual([]);
  });

  it('compares with intervals, and opens a row on which the models differ', async () => {
    const { lab } = window;
    await openTab(window, 'Compare');
    await lab.locator('lab-confusion').waitFor();
    const student = run.record.summary!.rows.find(({ role }) => role === 'student')!;
    // Beside an editor the models are columns.
    const table = plain(await lab.locator('lab-model-table table').textContent());
    expect(table).toContain(formatShare(student.metrics.macroF1));
    expect(table).toContain(
      `${formatShare(student.intervals!.macroF1![0])}–${formatShare(student.intervals!.macroF1![1])}`,
    );
    await window.picture('lab-real-compare');
    const apart = lab.locator('lab-disagreements .place .link').first();
    const place = plain(await apart.textContent());
    await apart.click();
    await window.page.getByRole('tab', { name: place.split(':')[0]! }).waitFor();
    await window.page.getByRole('button', { name: new RegExp(`^Ln ${place.split(':')[1]!}, Col`) }).waitFor();
    expect(await refusals(window)).toEqual([]);
  });
});

it('a sweep over T and α is announced once, drawn over T and as a heat map, from which one goes to each run', async () => {
  const result = await sweepLanguageModel(workspace, { [temperature]: [1, 4], [alpha]: [0.3, 0.7] }, { epochs: 1 });
  const { lab } = window;
  await closeLab();
  // Not of each run, though each was at work for a while.
  const toast = window.notification.filter({ hasText: 'moby.distill.json: all 4 runs of the sweep have ended.' });
  await toast.evaluate(endOfAnimations);
  expect(plain(await toast.textContent())).toMatch(
    /The best is moby · T=[14], α=0\.[37]: perplexity \S+ on validation\./,
  );
  expect(await window.notification.count()).toBe(1);
  await window.picture('sweep-done');
  await toast.getByRole('button', { name: 'Show Sweep' }).click();
  const chart = lab.locator('lab-sweep-chart');
  await chart.locator('path[stroke-dasharray]').nth(1).waitFor();
  expect((await chart.locator('text', { hasText: 'α' }).allTextContents()).sort()).toEqual(['α .3', 'α .7']);
  const qualityAt = (T: number, a: number): string => {
    const row = result.rows.find(({ values }) => values[temperature] === T && values[alpha] === a)!;
    const student = row.summary!.rows.find(({ role }) => role === 'student')!;
    return formatQuantity(student.metrics.perplexity);
  };
  expect(await chart.locator('svg.plot').getAttribute('aria-label')).toContain(`α .3: T 1, ${qualityAt(1, 0.3)}`);

  const rows = await lab.locator('lab-sweep-table tbody tr').all();
  // Across α, down T: by the fields' names.
  expect(await lab.locator('lab-sweep-table thead th').allTextContents()).toEqual(['T', '.3', '.7']);
  const cells = await Promise.all(rows.map((row) => row.locator('td').allInnerTexts()));
  expect(cells.map((row) => row.map(plain))).toEqual([
    [qualityAt(1, 0.3), qualityAt(1, 0.7)],
    [qualityAt(4, 0.3), qualityAt(4, 0.7)],
  ]);
  expect(await lab.locator('lab-sweep-table td.best').count()).toBe(1);
  await chart.scrollIntoViewIfNeeded();
  await window.picture('lab-sweep');
  await lab.locator('lab-sweep-table').scrollIntoViewIfNeeded();
  await window.picture('lab-sweep-heat-map');
  await lab.locator('lab-sweep-table td').first().locator('.link').click();
  await expect.poll(async () => plain(await lab.locator('#big-t').textContent())).toBe('1.00');
  expect(await refusals(window)).toEqual([]);
});

/** Puts the cursor of the editor in front there. */
async function goTo({ page }: Workbench, line: number, column: number): Promise<void> {
  await page.keyboard.press('Control+g');
  await page.locator('.quick-input-widget input').first().fill(`:${line}:${column}`);
  await page.keyboard.press('Enter');
  await page.getByText(`Ln ${line}, Col ${column}`).waitFor();
}

interface Placed {
  getBoundingClientRect: () => { y: number };
}

/** Takes the lens of a row of an inspected dataset by the keyboard: lenses move, and come in another order, while rows get theirs. */
async function takeLens(window: Workbench, row: number, text: string): Promise<void> {
  const lenses = window.page.locator('.codelens-decoration a', { hasText: 'Open in Lab' });
  const line = window.page.locator('.view-line', { hasText: text.slice(0, 12) });
  // All at once: one that is gone meanwhile is not waited for.
  const tops = (places: Locator): Promise<number[]> =>
    places.evaluateAll((found: Placed[]) => found.map((place) => place.getBoundingClientRect().y));
  const isThere = async (): Promise<boolean> => {
    const [[top], places] = [await tops(line), await tops(lenses)];
    return places.some((lens) => lens < top! && lens > top! - 30);
  };
  await expect.poll(isThere).toBe(true);
  await goTo(window, row, 1);
  await window.runCommand('Show CodeLens Commands for Current Line');
  await window.page.getByPlaceholder('Select a command').waitFor();
  await window.pick('Open in Lab');
}

/** What the page says of the chosen token, teacher before student. */
async function shownNumbers({ lab }: Workbench): Promise<Record<string, string[]>> {
  const both = async (id: string): Promise<string[]> => {
    const texts = await lab.locator(`lab-tokens ${id} > span`).allInnerTexts();
    return texts.map((text) => plain(text).split(' ').at(-1)!);
  };
  const bars = await lab.locator('lab-distribution .body').all();
  const shares = await Promise.all(bars.map((bar) => bar.locator('.share').allInnerTexts()));
  return {
    kl: [plain(await lab.locator('lab-tokens #kl').innerText())],
    entropy: await both('#entropy'),
    darkKnowledge: await both('#dark'),
    rank: await both('#rank'),
    shares: shares.map((row) => row.join(' ')),
  };
}

/** The same from what `inspect` prints; the bars are sorted by the teacher. */
function numbersOf({ id, kl, teacher, student }: InspectedPosition): Record<string, string[]> {
  const sides = [teacher!, student!];
  const rows = teacher!.top.map(({ probability }, i) => [probability, student!.ofOther![i]!]);
  if (!teacher!.top.some((one) => one.id === id)) rows.push(sides.map(({ label }) => label!.probability));
  const decimals = shareDecimals(rows.flat());
  const others = sides.map((_, side) => 1 - rows.reduce((sum, row) => sum + row[side]!, 0));
  return {
    kl: [formatQuantity(kl)],
    entropy: sides.map(({ entropy }) => formatQuantity(entropy)),
    darkKnowledge: sides.map(({ top }) => formatShare(1 - top[0]!.probability)),
    rank: sides.map(({ label }) => formatCount(label!.rank)),
    shares: [...rows, others].map((row) => row.map((share) => formatShare(share, decimals)).join(' ')),
  };
}
