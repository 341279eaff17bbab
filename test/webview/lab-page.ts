/** @file What the tests of the Lab's page share: the page in a browser, and what it ought to show, worked out apart from it. */

import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject } from 'vitest';
import { formatShare, shareDecimals } from '../../src/protocol/format';
import type { LabMethod } from '../../src/protocol/lab-requests';
import { openPage, type LabPage, type Size } from './browser';
import { mobyRun } from './sample/moby-run';
import type { SampleRun } from './sample/sample-run';
import { spamRun } from './sample/spam-run';

const served = inject('labPage');
if (!served) console.warn('Skipped: the Lab page in a browser. Install Chromium, e.g. apt-get install chromium.');

export const moby = mobyRun();
export const spam = spamRun();
export const tokens = JSON.stringify({ tab: 'tokens', id: moby.run.id });

/** Softmax written out plainly, apart from the page's own. */
function plainSoftmax(logits: readonly number[], temperature: number): number[] {
  const scaled = logits.map((z) => z / temperature);
  const largest = Math.max(...scaled);
  const powers = scaled.map((z) => Math.exp(z - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

export interface Expected {
  teacher: number[];
  student: number[];
  label: number;
  kl: number;
}

export function expected(
  sample: SampleRun,
  example: number,
  position: number,
  step: number,
  temperature: number,
): Expected {
  const { examples, teacher } = sample.probes;
  const size = examples.names.length;
  const row = (logits: Float32Array): number[] => [...logits.slice(position * size, (position + 1) * size)];
  const q = plainSoftmax(row(teacher[example]!), temperature);
  const s = plainSoftmax(row(sample.student(step)[example]!), temperature);
  const kl = q.reduce((sum, p, i) => sum + p * Math.log(p / s[i]!), 0);
  return { teacher: q, student: s, label: examples.examples[example]!.positions[position]!.label, kl };
}

/** The numbers that the bars show: id, soft label, soft prediction. */
export async function shownBars(page: Page): Promise<[number, string, string][]> {
  const rows = page.locator('lab-distribution .body');
  return Promise.all(
    (await rows.all()).map(async (row): Promise<[number, string, string]> => {
      const shares = await row.locator('.share').allInnerTexts();
      return [Number(await row.getAttribute('data-id')), shares[0]!, shares[1]!];
    }),
  );
}

export function expectedBars({ teacher, student, label }: Expected, k: number): [number, string, string][] {
  const ids = teacher.map((_, id) => id).sort((a, b) => teacher[b]! - teacher[a]!);
  const top = ids.slice(0, k);
  if (!top.includes(label)) top.push(label);
  const decimals = shareDecimals(top.flatMap((id) => [teacher[id]!, student[id]!]));
  const rest = (p: number[]): number => 1 - top.reduce((sum, id) => sum + p[id]!, 0);
  const row = (id: number, soft: number, predicted: number): [number, string, string] => [
    id,
    formatShare(soft, decimals),
    formatShare(predicted, decimals),
  ];
  return [
    ...top.map((id) => row(id, teacher[id]!, student[id]!)),
    ...(top.length < teacher.length ? [row(-1, rest(teacher), rest(student))] : []),
  ];
}

/** What the page has asked, each with its parameters beside its method. */
export const heard = (page: Page): Promise<({ method: LabMethod } & Record<string, unknown>)[]> =>
  page.evaluate('heard');
export const kept = (page: Page): Promise<Record<string, unknown>> => page.evaluate('kept');
export const text = (page: Page, selector: string): Promise<string> => page.locator(selector).innerText();

export async function probesRead(page: Page, sample: SampleRun): Promise<void> {
  const all = sample.probes.steps.length;
  await page
    .locator('lab-training-time .point')
    .nth(all - 1)
    .waitFor();
}

export type Open = (query: Record<string, string>, size?: Size) => Promise<Page>;

/** Waits until nothing is under way to the page any more, and what has arrived is drawn. */
export async function settled(page: Page): Promise<void> {
  await expect.poll(() => page.evaluate('underWay')).toBe(0);
  await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');
}

/** Tests of the page, skipped where there is no browser. When a test has ended, no script of its pages may have failed. */
export function describePage(name: string, tests: (open: Open) => void): void {
  describe.skipIf(!served)(name, () => {
    let browser: Browser;
    let opened: LabPage[] = [];
    const free: Page[] = [];
    beforeAll(async () => {
      browser = await chromium.connect(served!.browser);
    });
    afterEach(async () => {
      const pages = opened;
      opened = [];
      for (const { page } of pages) {
        // Nothing of it goes on, and no pointer lies where the next one has something.
        await page.goto('about:blank');
        page.removeAllListeners('pageerror');
        await page.mouse.move(0, 0);
        free.push(page);
      }
      expect(pages.flatMap(({ errors }) => errors)).toEqual([]);
    });
    afterAll(() => browser.close());
    tests(async (query, size) => {
      const one = await openPage(browser, served!.url, query, size, free.pop());
      opened.push(one);
      return one.page;
    });
  });
}
