/** @file The Loss tab in a browser, with sample data: curves, cursor, zoom, tables, files. */

import { expect, it } from 'vitest';
import { formatQuantity } from '../../src/protocol/format';
import { describePage, heard, kept, moby, text } from './lab-page';

interface Text {
  ownerDocument: { defaultView: { getComputedStyle: (text: Text) => { color: string } } };
}

/** Runs in the page. */
const colourOf = (text: Text): string => text.ownerDocument.defaultView.getComputedStyle(text).color;

describePage('the Loss tab', (open) => {
  it('grows its curves without making the charts anew, and adds evaluations', async () => {
    const page = await open({});
    await page.locator('lab-time-chart canvas').nth(7).waitFor();
    await page.locator('#smoothing').fill('0');
    for (const canvas of await page.locator('lab-time-chart canvas').all()) {
      await canvas.evaluate((element: { dataset: Record<string, string> }) => (element.dataset.first = 'yes'));
    }
    const { metrics } = moby.run.series[1]!;
    const last = Object.entries(metrics).map(([name, values]) => [name, values.at(-1)!] as const);
    const next = { ...Object.fromEntries(last), step: 1844, total: 1.111, soft: 0.1, hard: 1.2, hidden: 0.3 };
    const evaluation = { step: 1844, split: 'validation', role: 'student', metrics: { perplexity: 15.3 } };
    const columns = `Object.fromEntries(Object.entries(${JSON.stringify(next)}).map(([n, v]) => [n, Float64Array.of(v)]))`;
    const more = `{ role: 'student', name: 'student', metrics: ${columns}, evaluations: [${JSON.stringify(evaluation)}] }`;
    await page.evaluate(`send({ type: 'append', id: ${JSON.stringify(moby.run.id)}, series: [${more}] })`);
    await page.locator('lab-time-chart text', { hasText: '1.11' }).waitFor();
    expect(await text(page, 'lab-header dl')).toContain('15.3 at 1,844');
    const first = page.locator('lab-time-chart canvas[data-first=yes]');
    expect(await first.count()).toBe(await page.locator('lab-time-chart canvas').count());
  });

  it('has a chart for each component there is, and none for others, and says which schedule the learning rate has', async () => {
    const titles = async (run: 'moby' | 'spam', schedule: string): Promise<string[]> => {
      const page = await open({ run });
      await page.locator('lab-time-chart canvas').first().waitFor();
      const rate = page.locator('lab-figure', { hasText: 'Learning rate' });
      await rate.getByText(`${schedule}, axis`).waitFor();
      return page.locator('lab-figure h2 .title').allInnerTexts();
    };
    const rest = ['Gradient norm', 'Learning rate', 'Tokens per second'];
    const two = ['Distillation loss (soft)', 'Student loss (hard)'];
    expect(await titles('moby', 'cosine')).toEqual([...two, 'Hidden-layer loss', 'Perplexity', ...rest]);
    expect(await titles('spam', 'linear')).toEqual([...two, 'Macro-F1', ...rest]);
  });

  it('has charts of the attention and relation losses where there are such, and their parts in the total', async () => {
    const page = await open({});
    await page.locator('lab-time-chart canvas').nth(7).waitFor();
    const { metrics } = moby.run.series[1]!;
    const last = Object.fromEntries(Object.entries(metrics).map(([name, values]) => [name, values.at(-1)!]));
    const next = JSON.stringify({ ...last, step: 1844, attention: 0.375, relations: 0.625 });
    const columns = `Object.fromEntries(Object.entries(${next}).map(([n, v]) => [n, Float64Array.of(v)]))`;
    const series = `{ role: 'student', name: 'student', metrics: ${columns}, evaluations: [] }`;
    await page.evaluate(`send({ type: 'append', id: ${JSON.stringify(moby.run.id)}, series: [${series}] })`);
    const loss = page.locator('lab-figure', { hasText: 'Attention loss' });
    expect(await loss.locator('.value').last().innerText()).toBe(formatQuantity(0.375));
    const relations = page.locator('lab-figure', { hasText: 'Relation loss' });
    expect(await relations.locator('.value').last().innerText()).toBe(formatQuantity(0.625));
    expect(await page.locator('lab-total .ink-relations').first().innerText()).toBe('relations');
    expect(await page.locator('lab-total .ink-attention').first().innerText()).toBe('attention');
  });

  it('has charts of the loss on own texts and of their length, from the step on that has any', async () => {
    const page = await open({});
    await page.locator('lab-time-chart canvas').nth(7).waitFor();
    const { metrics } = moby.run.series[1]!;
    const absent = ['soft', 'hard'];
    const last = Object.fromEntries(
      Object.entries(metrics).flatMap(([name, values]) => (absent.includes(name) ? [] : [[name, values.at(-1)!]])),
    ) as Record<string, number>;
    const own = { ownSoft: 0.25, writtenLength: 17.5, writtenEnds: 0.625, writingSeconds: 0.042 };
    const next = JSON.stringify({ ...last, step: 1844, total: 0.8, ...own });
    const columns = `Object.fromEntries(Object.entries(${next}).map(([n, v]) => [n, Float64Array.of(v)]))`;
    const series = `{ role: 'student', name: 'student', metrics: ${columns}, evaluations: [] }`;
    await page.evaluate(`send({ type: 'append', id: ${JSON.stringify(moby.run.id)}, series: [${series}] })`);
    const length = page.locator('lab-figure', { hasText: 'Length of own texts' });
    await length.locator('.note', { hasText: /tokens; 62\.5.% ended, written in 42\.0.ms/ }).waitFor();
    const loss = page.locator('lab-figure', { hasText: 'Distillation (own texts)' });
    expect(await loss.locator('.value').last().innerText()).toBe(formatQuantity(0.25));
  });

  it('says below the throughput how much of it is padding', async () => {
    const page = await open({ run: 'moby' });
    const note = page.locator('lab-figure', { hasText: 'Tokens per second' }).locator('.note');
    await note.filter({ hasText: /· 2\d\.\d.% padding$/ }).waitFor();
  });

  it('moves one step cursor through all charts, by pointer and by key', async () => {
    const page = await open({});
    await page.locator('lab-time-chart .overlay').first().waitFor();
    const total = page.locator('#total');
    await total.focus();
    await total.press('Home');
    expect(await total.getAttribute('aria-valuetext')).toMatch(/^step 4: /);
    const { metrics } = moby.run.series[1]!;
    const soft = page.locator('lab-figure figure', { hasText: 'Distillation loss (soft)' }).locator('.value').last();
    expect(await soft.innerText()).toBe(formatQuantity(metrics.soft![0]));
    await total.press('End');
    await total.press('ArrowLeft');
    expect(await total.getAttribute('aria-valuenow')).toBe('1836');
    expect(await page.locator('lab-time-chart .cursor').count()).toBe(8);
    await page.locator('lab-time-chart .overlay').nth(2).hover();
    expect(Number(await total.getAttribute('aria-valuenow'))).toBeCloseTo(1200, -2);
  });

  it('has a table behind each chart, with the same numbers', async () => {
    const page = await open({});
    await page.locator('#smoothing').fill('0');
    await page.keyboard.press('Escape');
    await page.locator('#tables').click();
    const rows = page.locator('lab-figure figure', { hasText: 'Gradient norm' }).locator('tbody tr');
    const { metrics } = moby.run.series[1]!;
    expect(await rows.first().locator('td').allInnerTexts()).toEqual(['4', formatQuantity(metrics.gradientNorm![0])]);
    expect(await rows.last().locator('td').allInnerTexts()).toEqual([
      '1,840',
      formatQuantity(metrics.gradientNorm!.at(-1)),
    ]);
    expect(await page.locator('lab-loss canvas').count()).toBe(0);
  });

  it('zooms all charts to what was brushed, moves along, and shows all again', async () => {
    const page = await open({});
    const overlay = page.locator('lab-total .overlay');
    await overlay.waitFor();
    const box = (await overlay.boundingBox())!;
    const x = (share: number): number => box.x + share * box.width;
    await page.mouse.move(x(0.25), box.y + 80);
    await page.mouse.down();
    await page.mouse.move(x(0.5), box.y + 90, { steps: 3 });
    await page.mouse.up();
    const zoom = (await kept(page)).zoom as [number, number];
    expect(zoom[1] / zoom[0]).toBeCloseTo(2, 1);
    await page.locator('#total').press('Shift+ArrowRight');
    expect(((await kept(page)).zoom as [number, number])[0]).toBeCloseTo(zoom[0] + 0.1 * (zoom[1] - zoom[0]), 3);
    await page.getByText('Show all steps').click();
    expect((await kept(page)).zoom).toBeUndefined();
  });

  it('lays runs over each other in colours that stay, and picks the run whose curve is clicked', async () => {
    const page = await open({});
    await page.locator('#add-run').click();
    await page.getByRole('menuitem').first().click();
    await page.locator('lab-run-chips .run').nth(1).waitFor();
    const added = ((await kept(page)).besides as string[])[0]!;
    expect(await heard(page)).toContainEqual({ method: 'besides', id: moby.run.id, runs: [added] });
    const colour = (): Promise<string> =>
      page
        .locator('lab-run-chips .ink')
        .nth(1)
        .evaluate((ink: { style: { background: string } }) => ink.style.background);
    const first = await colour();
    await page.locator('lab-run-chips .ink').nth(1).click();
    expect(await colour()).not.toBe(first);
    expect(await page.locator('lab-total lab-time-chart').getAttribute('class')).toBeNull();
    const end = page.locator('lab-total text', { hasText: 'Moby Dick, T' }).first();
    await end.waitFor();
    const { y } = (await page.locator('lab-total circle').nth(1).boundingBox())!;
    const dot = (await page.locator('lab-total circle').nth(1).boundingBox())!;
    await page.mouse.click(dot.x + 2, y + 3);
    expect((await kept(page)).picked).toBe(added);
  });

  it('keeps a chart as CSV, SVG and PNG, in the theme it is seen in', async () => {
    const page = await open({});
    await page.locator('#smoothing').fill('0');
    const figure = page.locator('lab-figure', { hasText: 'Gradient norm' });
    await figure.locator('canvas').waitFor();
    const saved = async (kind: string): Promise<{ name: string; content: unknown }> => {
      await figure.getByRole('button', { name: 'Save Gradient norm' }).click();
      await figure.getByRole('menuitem', { name: kind }).click();
      await expect
        .poll(async () =>
          (await heard(page)).some((one) => one.method === 'save' && String(one.name).endsWith(kind.toLowerCase())),
        )
        .toBe(true);
      return (await heard(page)).find(
        (one) => one.method === 'save' && String(one.name).endsWith(kind.toLowerCase()),
      ) as never;
    };
    const csv = (await saved('CSV')).content as string;
    const { metrics } = moby.run.series[1]!;
    expect(csv.split('\r\n')[1]).toBe(`4,${metrics.gradientNorm![0]}`);
    expect(csv.trim().split('\r\n')).toHaveLength(metrics.step.length + 1);
    const svg = (await saved('SVG')).content as string;
    expect(svg).toContain('Gradient norm');
    expect(svg).not.toContain('var(--');
    const png = Object.values((await saved('PNG')).content as Record<string, number>).slice(0, 4);
    expect(png).toEqual([0x89, 0x50, 0x4e, 0x47]);
    expect(await page.evaluate('refused')).toEqual([]);
  });

  it('has room for the numbers of an axis that are long, and a place for all others', async () => {
    const page = await open({});
    await page.locator('lab-time-chart canvas').nth(7).waitFor();
    const { metrics } = moby.run.series[1]!;
    const columns = Object.entries(metrics).map(([name, values]) => {
      const few = [...values.slice(0, 40)];
      return [name, name === 'soft' ? few.map((value) => value * 1e-5) : few];
    });
    const run = JSON.stringify({ ...moby.run, id: 'tiny', series: [] });
    const series = `{ role: 'student', name: 'student', evaluations: [],
      metrics: Object.fromEntries(${JSON.stringify(columns)}.map(([n, v]) => [n, Float64Array.from(v)])) }`;
    await page.evaluate(`send({ type: 'run', run: { ...${run}, series: [${series}] } })`);
    const overlay = (title: string) => page.locator('lab-figure', { hasText: title }).locator('.overlay');
    const leftOf = (title: string): Promise<number> =>
      overlay(title).evaluate((drawing: { style: { left: string } }) => parseFloat(drawing.style.left));
    await expect.poll(() => overlay('Distillation loss (soft)').count()).toBe(1);
    const widest = await page.evaluate(`(() => {
      const context = document.createElement('canvas').getContext('2d');
      context.font = '11px ' + getComputedStyle(document.querySelector('distillery-lab')).fontFamily;
      return context.measureText('2 × 10⁻⁵').width;
    })()`);
    await expect.poll(() => leftOf('Distillation loss (soft)')).toBeGreaterThanOrEqual(Number(widest) + 8);
    expect(await leftOf('Student loss (hard)')).toBe(48);
  });

  it('shows the trainings in the order in which they are made, whichever was heard of first', async () => {
    const page = await open({});
    await page.locator('lab-time-chart canvas').nth(7).waitFor();
    const chips = page.locator('lab-loss-bar .trainings .chip');
    const order = ["Teacher's training", "Student's", 'Control'];
    expect(await chips.allInnerTexts()).toEqual(order);
    const columns = Object.entries(moby.run.series[1]!.metrics).map(([name, values]) => [
      name,
      [...values.slice(0, 9)],
    ]);
    const run = JSON.stringify({ ...moby.run, id: 'other', series: [] });
    const series = ['control', 'student', 'teacher'].map(
      (role) => `{ role: '${role}', name: '${role}', evaluations: [],
        metrics: Object.fromEntries(${JSON.stringify(columns)}.map(([n, v]) => [n, Float64Array.from(v)])) }`,
    );
    await page.evaluate(`send({ type: 'run', run: { ...${run}, series: [${series.join()}] } })`);
    await expect.poll(() => chips.allInnerTexts()).toEqual(order);
  });

  it('colours by component while it shows one run, and by run while it shows several', async () => {
    const page = await open({});
    await page.locator('lab-time-chart canvas').nth(7).waitFor();
    const title = page.locator('lab-figure h2 .title', { hasText: 'Distillation loss (soft)' });
    const inkOf = (): Promise<string> => title.evaluate(colourOf);
    const plain = await page.locator('lab-figure h2 .title', { hasText: 'Gradient norm' }).evaluate(colourOf);
    expect(await inkOf()).not.toBe(plain);
    await page.locator('#add-run').click();
    const added = page.locator('lab-run-chips [role=menuitem]').first();
    // Its name tells it from the others.
    expect(await added.locator('span').first().innerText()).toBe('Moby Dick, T 1');
    await added.click();
    await expect.poll(inkOf).toBe(plain);
  });
});
