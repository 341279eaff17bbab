/** @file The ways into the Lab and out of it: links from an inspected dataset, files that are kept from its charts. */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Locator } from 'playwright-core';
import { readRecords } from '../../src/run-directory/record-file';
import { listRuns, type Run } from '../../src/run-directory/run-directory';
import { formatCount, formatQuantity, formatShare, shareDecimals } from '../../src/protocol/format';
import type { InspectedPosition, InspectResult } from '../../src/protocol/records';
import { openLab, openTab, refusals } from './lab-window';
import { distillery, sampleWorkspace } from './real-runs';
import { plain, Workbench } from './workbench';

/** A row of the training split, counted from 1: examples are pinned of the validation split alone. */
const line = 2;

describe('the Lab', () => {
  let workspace = '';
  let run: Run;
  let window: Workbench;

  beforeAll(async () => {
    workspace = sampleWorkspace('moby');
    mkdirSync(path.join(workspace, '.vscode'));
    const settings = { 'distillery.inspection.rowLenses': 'all' };
    writeFileSync(path.join(workspace, '.vscode/settings.json'), JSON.stringify(settings));
    run = (await listRuns(path.join(workspace, '.distillery/runs')))[0]!;
    window = await Workbench.open(workspace, { theme: 'dark' });
    await openLab(window, 'moby', 'T 2 · α .5');
  });

  const textOf = (row: number): string => {
    const rows = readFileSync(path.join(workspace, 'data/moby-train.jsonl'), 'utf8').split('\n');
    return (JSON.parse(rows[row - 1]!) as { text: string }).text;
  };

  it('keeps a chart as CSV and SVG where the person says', async () => {
    const { lab, page } = window;
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
    // The Lab has the place of the first editor, as for a person who has none open.
    await window.runCommand('View: Close All Editor Groups');
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

/** Puts the cursor of the editor in front there. */
async function goTo({ page }: Workbench, line: number, column: number): Promise<void> {
  await page.keyboard.press('Control+g');
  await page.locator('.quick-input-widget input').first().fill(`:${line}:${column}`);
  await page.keyboard.press('Enter');
  await page.getByText(`Ln ${line}, Col ${column}`).waitFor();
}

/** Takes the lens of a row of an inspected dataset by the keyboard: lenses move, and come in another order, while rows get theirs. */
async function takeLens(window: Workbench, row: number, text: string): Promise<void> {
  const lenses = window.page.locator('.codelens-decoration a', { hasText: 'Open in Lab' });
  const line = window.page.locator('.view-line', { hasText: text.slice(0, 12) });
  const tops = async (places: Locator): Promise<number[]> =>
    Promise.all((await places.all()).map(async (place) => (await place.boundingBox())?.y ?? NaN));
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
