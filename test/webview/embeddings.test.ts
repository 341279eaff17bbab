/** @file The Lab of a run of sentence embeddings: pairs with their similarities, no distributions, and their comparison. */

import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { cosine } from '../../src/protocol/distribution';
import { metricFacts } from '../../src/protocol/quality';
import { violations, violationsInColours } from './axe';
import { describePage, text } from './lab-page';
import { picture } from './picture';
import { embeddingRun } from './sample/embedding-run';

const sample = embeddingRun();
const last = sample.probes.steps.at(-1)!;
const width = sample.probes.examples.names.length;
const format = metricFacts.teacherCosine.format;

const stateOf = (tab: string): string => JSON.stringify({ tab, id: sample.run.id });

/** All rules in the dark, those of colours in the others; pictures of all. */
async function inThemes(page: Page, tab: string): Promise<void> {
  expect(await violations(page)).toEqual([]);
  for (const theme of ['dark', 'light', 'hc', 'hc-light']) {
    await page.evaluate(`setTheme('${theme}')`);
    if (theme !== 'dark') expect(await violationsInColours(page)).toEqual([]);
    await picture(page, `embeddings-${tab}-${theme}`);
  }
}

describePage('sentence embeddings, in the Lab', (open) => {
  it('are pairs, how near the student is to the teacher, and how similar both find the texts', async () => {
    const page = await open({ run: 'embeddings', state: stateOf('tokens') });
    const rows = page.locator('lab-tokens tbody tr');
    await rows.first().waitFor();
    expect(await rows.count()).toBe(3);
    const of = (values: Float32Array, at: number): Float32Array => values.subarray(at * width, (at + 1) * width);
    const [teacher, student] = [sample.probes.teacher[2]!, sample.student(last)[2]!];
    const cells = await rows.nth(2).locator('td.number').allInnerTexts();
    expect(cells.map((cell) => cell.split(/\s+/))).toEqual([
      [0, 1].map((at) => format(cosine(of(teacher, at), of(student, at)))),
      [format(cosine(of(teacher, 0), of(teacher, 1)))],
      [format(cosine(of(student, 0), of(student, 1)))],
      [format(0.72)],
    ]);
    // What a row says is text.
    expect(await text(page, 'lab-tokens tbody tr:nth-child(3) p:nth-child(2)')).toBe(
      '<b>Wheat</b> grew dearer once more.',
    );
    await inThemes(page, 'tokens');
  });

  it('have no distribution that a temperature could soften', async () => {
    const page = await open({ run: 'embeddings', state: stateOf('temperature') });
    await expect.poll(() => text(page, 'lab-temperature-view .waiting')).toMatch(/no distribution/);
  });

  it('are compared by the rank correlation with the scores', async () => {
    const page = await open({ run: 'embeddings', state: stateOf('compare') });
    await page.locator('lab-model-table table').waitFor();
    expect(await text(page, 'lab-model-table thead')).toMatch(/Spearman.*Pearson.*Cosine to teacher/s);
    expect(await text(page, 'lab-disagreements tbody tr:first-child .said')).toMatch(/\.680 → \.480.*\.720/s);
    expect(await page.locator('lab-confusion').count()).toBe(0);
    await inThemes(page, 'compare');
  });
});
