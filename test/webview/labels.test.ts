/** @file The Lab of a run whose labels may be several a row, and of one whose labels are numbers. */

import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { formatQuantity, formatShare } from '../../src/protocol/format';
import { describePage, settled, shownBars, text, type Open } from './lab-page';
import { labelRun } from './sample/label-runs';

const several = labelRun('multiple');
const numbers = labelRun('regression');
const last = several.probes.steps.at(-1)!;

const stateOf = ({ run: { id } }: typeof several, tab: string, more: object = {}): string =>
  JSON.stringify({ tab, id, ...more });

const show = (open: Open, sample: typeof several, tab: string, more: object = {}): Promise<Page> =>
  open({ run: sample.run.record.labels!, state: stateOf(sample, tab, more) });

/** σ(z / T), written out apart from the page's own. */
const sigmoid = (logit: number, temperature: number): number => 1 / (1 + Math.exp(-logit / temperature));

describePage('labels of which several may apply, in the Lab', (open) => {
  it("have each a probability of its own at the run's temperature, the surest first, and the hard ones marked", async () => {
    const page = await show(open, several, 'tokens', { example: 1 });
    await page.locator('lab-distribution .body').first().waitFor();
    const [teacher, student] = [several.probes.teacher[1]!, several.student(last)[1]!];
    const order = [...teacher.keys()].sort((a, b) => teacher[b]! - teacher[a]!);
    expect(await shownBars(page)).toEqual(
      order.map((id) => [id, formatShare(sigmoid(teacher[id]!, 4)), formatShare(sigmoid(student[id]!, 4))]),
    );
    const kl = [...teacher.keys()].map((id) => {
      const [q, s] = [sigmoid(teacher[id]!, 4), sigmoid(student[id]!, 4)];
      return q * Math.log(q / s) + (1 - q) * Math.log((1 - q) / (1 - s));
    });
    expect(await text(page, '#kl')).toBe(formatQuantity(kl.reduce((a, b) => a + b) / kl.length));
    expect(await page.locator('#dark').count()).toBe(0);
    const hard = several.probes.examples.examples[1]!.positions[0]!.labels!;
    expect(await page.locator('lab-distribution .body.label').count()).toBe(hard.length);
    await expect.poll(() => text(page, 'lab-distribution p.small')).toContain('they do not add up to 1');
  });

  it('may be none, which is not the same as no label', async () => {
    const page = await show(open, several, 'tokens', { example: 0 });
    await expect.poll(() => text(page, 'lab-tokens .title b')).toBe('no label applies');
  });

  it('are softened over T towards a half, whose entropy is ln 2', async () => {
    const page = await show(open, several, 'temperature', { example: 1 });
    await page.locator('lab-curve').first().waitFor();
    expect(await page.locator('lab-curve').first().locator('svg.drawn').textContent()).toContain('ln 2 = 0.693');
  });

  it('are compared label by label, in the place of a confusion matrix', async () => {
    const page = await show(open, several, 'compare');
    const table = page.locator('lab-label-scores table');
    await table.waitFor();
    expect(await page.locator('lab-confusion').count()).toBe(0);
    expect(await table.locator('tbody tr').count()).toBe(5);
    // A label is text, whatever it looks like.
    expect(await table.locator('th[scope=row]').allInnerTexts()).toContain('<b>wry</b>');
    expect(await text(page, 'lab-model-table thead')).toMatch(/mAP.*Micro-F1/s);
    expect(await text(page, 'lab-taught .found')).toContain('hard labels of rows');
  });
});

describePage('labels that are numbers, in the Lab', (open) => {
  it('stand beside what the models say, without a distribution or a temperature', async () => {
    const page = await show(open, numbers, 'tokens', { example: 1 });
    await page.locator('table.numbers').waitFor();
    const [teacher, student] = [numbers.probes.teacher[1]![0]!, numbers.student(last)[1]![0]!];
    const label = numbers.probes.examples.examples[1]!.positions[0]!.value!;
    // Each to two decimals, and how far it is off with its sign.
    const said = (value: number): string => `${value < 0 ? '−' : ''}${Math.abs(value).toFixed(2)}`;
    const off = (value: number): string => `${value > 0 ? '+' : ''}${said(value)}`;
    expect(await text(page, '#teacher-number')).toBe(said(teacher));
    expect(await text(page, '#student-number')).toBe(said(student));
    expect(await text(page, '#label-number')).toBe(said(label));
    expect(await page.locator('table.numbers .off').allInnerTexts()).toEqual([
      off(teacher - label),
      off(student - label),
    ]);
    const apart = await page.locator('lab-examples .measure .number').allInnerTexts();
    expect(apart.length).toBeGreaterThan(1);
    for (const one of apart) expect(one).toMatch(/^0\.\d{3}$/);
    expect(await page.locator('lab-distribution').count()).toBe(0);
    expect(await page.locator('lab-tokens lab-temperature').count()).toBe(0);
    await page.getByRole('tab', { name: 'Temperature' }).click();
    await expect
      .poll(() => text(page, 'lab-temperature-view .waiting'))
      .toContain('no distribution that a temperature could soften');
  });

  it('are drawn over the hard labels, a drawing a model, and the models are judged by their error', async () => {
    const page = await show(open, numbers, 'compare');
    await page.locator('lab-model-table table').waitFor();
    await settled(page);
    await expect.poll(() => page.getByRole('img', { name: /over the hard label/ }).count()).toBe(3);
    expect(await text(page, 'lab-model-table thead')).toMatch(/RMSE.*Pearson.*Spearman.*RMSE to teacher/s);
    expect(await text(page, 'lab-compare .finding')).toContain("of the teacher's RMSE");
  });
});
