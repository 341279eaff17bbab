/** @file The Lab's page in a browser, with sample data: numbers, sliders, keys, policy, layout. The real thing: test/editor. */

import { mkdir } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatQuantity, formatShare, shareDecimals } from '../../src/protocol/format';
import type { PageMessage } from '../../src/protocol/panel';
import { chromiumPath, startHarness, type Harness } from './browser';
import { hostileText, mobyRun, spamRun, type SampleRun } from './sample-run';

if (!chromiumPath) console.warn('Skipped: the Lab page in a browser. Install Chromium, e.g. apt-get install chromium.');

const pictures = '.cache/lab';
const moby = mobyRun();
const spam = spamRun();
const tokens = JSON.stringify({ tab: 'tokens', id: moby.run.id });

/** Softmax written out plainly, apart from the page's own. */
function plainSoftmax(logits: readonly number[], temperature: number): number[] {
  const scaled = logits.map((z) => z / temperature);
  const largest = Math.max(...scaled);
  const powers = scaled.map((z) => Math.exp(z - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

interface Expected {
  teacher: number[];
  student: number[];
  label: number;
  kl: number;
}

function expected(sample: SampleRun, example: number, position: number, step: number, temperature: number): Expected {
  const { examples, teacher } = sample.probes;
  const size = examples.names.length;
  const row = (logits: Float32Array): number[] => [...logits.slice(position * size, (position + 1) * size)];
  const q = plainSoftmax(row(teacher[example]!), temperature);
  const s = plainSoftmax(row(sample.student(step)[example]!), temperature);
  const kl = q.reduce((sum, p, i) => sum + p * Math.log(p / s[i]!), 0);
  return { teacher: q, student: s, label: examples.examples[example]!.positions[position]!.label, kl };
}

/** The numbers that the bars show: id, soft label, soft prediction. */
async function shownBars(page: Page): Promise<[number, string, string][]> {
  const rows = page.locator('lab-distribution .body');
  return Promise.all(
    (await rows.all()).map(async (row): Promise<[number, string, string]> => {
      const shares = await row.locator('.share').allInnerTexts();
      return [Number(await row.getAttribute('data-id')), shares[0]!, shares[1]!];
    }),
  );
}

function expectedBars({ teacher, student, label }: Expected, k: number): [number, string, string][] {
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

const heard = (page: Page): Promise<PageMessage[]> => page.evaluate('heard');
const kept = (page: Page): Promise<Record<string, unknown>> => page.evaluate('kept');
const text = (page: Page, selector: string): Promise<string> => page.locator(selector).innerText();

async function probesRead(page: Page, sample: SampleRun): Promise<void> {
  const all = sample.probes.steps.length;
  await page
    .locator('lab-training-time .point')
    .nth(all - 1)
    .waitFor();
}

describe.skipIf(!chromiumPath)('the Lab page', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
    await mkdir(pictures, { recursive: true });
  });
  afterAll(() => harness.close());

  const open = async (query: Record<string, string>, size?: { width: number; height: number }): Promise<Page> => {
    const { page, errors } = await harness.open(query, size);
    page.on('close', () => expect(errors).toEqual([]));
    return page;
  };

  it("shows softmax of the logits at the run's temperature, and the divergence of the two", async () => {
    const page = await open({ state: tokens });
    await page.locator('lab-distribution .body').first().waitFor();
    const wanted = expected(moby, 0, 0, 1800, 2);
    expect(await shownBars(page)).toEqual(expectedBars(wanted, 10));
    expect(await text(page, '#kl')).toBe(formatQuantity(wanted.kl));
    await page.close();
  });

  it('re-softens at once as the temperature slider moves, by pointer and by key', async () => {
    const page = await open({ state: tokens });
    const slider = page.getByLabel('Temperature', { exact: true });
    await slider.fill('636');
    expect(await text(page, 'lab-temperature output')).toBe('4.00');
    expect(await shownBars(page)).toEqual(expectedBars(expected(moby, 0, 0, 1800, 4), 10));
    expect(await slider.getAttribute('aria-valuetext')).toBe('temperature 4.00');
    await slider.press('Home');
    expect(await text(page, 'lab-temperature output')).toBe('0.25');
    expect(await shownBars(page)).toEqual(expectedBars(expected(moby, 0, 0, 1800, 0.25), 10));
    await page.locator('lab-temperature label').click();
    await page.keyboard.press('ArrowRight');
    expect(Number(await text(page, 'lab-temperature output'))).toBeGreaterThan(0.25);
    expect((await kept(page)).temperature).toBeGreaterThan(0.25);
    await page.close();
  });

  it('walks the tokens with the arrow keys, and the examples and probes with theirs', async () => {
    const page = await open({ state: tokens });
    await probesRead(page, moby);
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowLeft']) await page.keyboard.press(key);
    expect(await shownBars(page)).toEqual(expectedBars(expected(moby, 0, 2, 1800, 2), 10));
    expect(await page.locator('lab-chips [aria-selected=true]').count()).toBe(1);
    await page.keyboard.press(']');
    expect(await shownBars(page)).toEqual(expectedBars(expected(moby, 1, 0, 1800, 2), 10));
    await page.keyboard.press(',');
    expect(await shownBars(page)).toEqual(expectedBars(expected(moby, 1, 0, 1600, 2), 10));
    await page.keyboard.press('s');
    const [, first] = [...expected(moby, 1, 0, 1600, 2).student].sort((a, b) => b - a);
    expect((await shownBars(page))[1]![2]).toBe(formatShare(first));
    await page.close();
  });

  it('goes back in training time with the slider, and plays it', async () => {
    const page = await open({ state: tokens });
    await probesRead(page, moby);
    const slider = page.getByLabel('Training time');
    await slider.fill('3');
    expect(await slider.getAttribute('aria-valuetext')).toBe('step 600');
    const then = expected(moby, 0, 0, 600, 2);
    expect(await shownBars(page)).toEqual(expectedBars(then, 10));
    expect(await text(page, '#kl')).toBe(formatQuantity(then.kl));
    await slider.fill('12');
    expect(await slider.getAttribute('aria-valuetext'), 'what is not trained yet').toBe('step 1,800');
    await slider.fill('7');
    await page.locator('#play').click();
    await page.getByText('latest probe').waitFor();
    const states: { probe?: number }[] = await page.evaluate('states');
    expect(states.slice(-3).map(({ probe }) => probe)).toEqual([1400, 1600, undefined]);
    await page.getByLabel('Play the training').waitFor();
    await page.close();
  });

  it('asks for each probe once, the latest first', async () => {
    const page = await open({ state: tokens });
    await probesRead(page, moby);
    const asked = (await heard(page)).flatMap((message) => (message.type === 'showProbe' ? [message.step] : []));
    expect(asked).toEqual([...moby.probes.steps].reverse());
    await page.close();
  });

  it('finds examples, and opens their place in the editor', async () => {
    const page = await open({ state: tokens });
    const list = page.locator('lab-examples .example');
    await list.first().waitFor();
    await page.locator('lab-examples input').fill('CANNIBAL');
    expect(await list.count()).toBe(1);
    await list.click();
    await page.locator('lab-tokens .source').click();
    const { file, line } = moby.probes.examples.examples[4]!;
    expect(await heard(page)).toContainEqual({ type: 'openFile', id: moby.run.id, file, line });
    await page.close();
  });

  it("paints nothing but the label's value for a classifier, and shows its classes as bars", async () => {
    const page = await open({ run: 'spam', state: JSON.stringify({ tab: 'tokens' }) });
    await page.locator('lab-distribution .body').first().waitFor();
    expect(await page.locator('lab-chips').count()).toBe(0);
    expect(await page.locator('lab-tokens .one .token').allInnerTexts()).toEqual(['ham']);
    expect(await page.locator('lab-tokens .text-tokens').innerText()).toBe(spam.probes.examples.examples[0]!.text);
    expect(await shownBars(page)).toEqual(expectedBars(expected(spam, 0, 0, 900, 4), 10));
    expect(await page.locator('lab-distribution .name').allInnerTexts()).toEqual(['ham', 'spam']);
    await page.close();
  });

  it.each(['moby', 'spam'])('shows a text full of markup as text and runs nothing of it (%s)', async (run) => {
    const sample = run === 'moby' ? moby : spam;
    const example = sample.probes.examples.examples.findIndex((one) => one.text === hostileText);
    const page = await open({ run, state: JSON.stringify({ tab: 'tokens', id: sample.run.id, example }) });
    await page.locator('lab-distribution .body').first().waitFor();
    expect(await page.locator('lab-examples [aria-selected=true] .text').textContent()).toBe(hostileText);
    const whole = run === 'moby' ? '.tokens' : '.text-tokens';
    expect((await page.locator(whole).textContent())?.replaceAll(/\s/g, '')).toContain(
      hostileText.slice(0, 40).replaceAll(' ', ''),
    );
    expect(await page.locator('distillery-lab :is(img, script, b)').filter({ hasNotText: /./ }).count()).toBe(0);
    expect(await page.title()).toBe('Lab');
    expect(await page.evaluate('refused')).toEqual([]);
    await page.close();
  });

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
    await page.close();
  });

  it('has a chart for each component there is, and none for others', async () => {
    const titles = async (run: string): Promise<string[]> => {
      const page = await open({ run });
      await page.locator('lab-time-chart canvas').first().waitFor();
      const all = await page.locator('lab-figure h3 .title').allInnerTexts();
      await page.close();
      return all;
    };
    const rest = ['Gradient norm', 'Learning rate', 'Tokens per second'];
    const two = ['Distillation loss (soft)', 'Student loss (hard)'];
    expect(await titles('moby')).toEqual([...two, 'Hidden-layer loss', 'Perplexity', ...rest]);
    expect(await titles('spam')).toEqual([...two, 'Macro-F1', ...rest]);
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
    await page.close();
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
    await page.close();
  });

  it('compares teacher, student and control from the summary, the finding first', async () => {
    const page = await open({ run: 'spam', state: JSON.stringify({ tab: 'compare' }) });
    const finding = (await text(page, 'lab-compare .finding')).replaceAll('\u202f', ' ');
    expect(finding).toContain("keeps 98.9 % of the teacher's macro-F1");
    expect(finding).toContain('Distillation gave +.019 over the control');
    expect(finding).toContain('(95 % interval +.008 to +.030)');
    const control = await page.locator('lab-model-table tbody tr').nth(2).locator('td').allInnerTexts();
    expect(control.slice(0, 2)).toEqual(['Control same student, no distillation', '.952 .941–.961']);
    await page.close();
  });

  it('offers to train a control where there is none', async () => {
    const page = await open({ run: 'spam', state: JSON.stringify({ tab: 'compare' }) });
    await page.locator('lab-model-table').waitFor();
    expect(await page.locator('#run-control').count()).toBe(0);
    const { id, record } = spam.run;
    const summary = { rows: record.summary!.rows.filter(({ role }) => role !== 'control') };
    await page.evaluate(`send(${JSON.stringify({ type: 'record', id, record: { ...record, summary } })})`);
    await page.getByText('this run cannot tell: it has no control').waitFor();
    await page.getByRole('button', { name: /Run the control \(about/ }).click();
    await expect.poll(() => heard(page)).toContainEqual({ type: 'runControl', id });
    await page.evaluate(`send({ type: 'trust', trusted: false })`);
    await page.locator('#run-control').waitFor({ state: 'detached' });
    await page.close();
  });

  it('asks the extension to stop the run, and offers that only while it goes on', async () => {
    const page = await open({});
    await page.locator('#stop').click();
    expect(await heard(page)).toContainEqual({ type: 'stop', id: moby.run.id });
    await page.evaluate(
      `send(${JSON.stringify({ type: 'record', id: moby.run.id, record: { ...moby.run.record, status: 'stopped', ended: moby.run.record.started } })})`,
    );
    await page.getByText('Stopped at step 1,840 of 2,400').waitFor();
    expect(await page.locator('#stop').count()).toBe(0);
    await page.close();
  });

  it('keeps the tab, example, token, temperature and smoothing, and the run they belong to', async () => {
    const page = await open({ state: tokens });
    await page.locator('lab-examples .example').nth(2).click();
    await page.locator('lab-chips [role=option]').nth(4).click();
    await page.getByLabel('Temperature', { exact: true }).fill('790');
    const state = await kept(page);
    expect(state).toMatchObject({ id: moby.run.id, tab: 'tokens', example: 2, position: 4, temperature: 8 });
    await page.close();
    const again = await open({ state: JSON.stringify(state) });
    await again.locator('lab-distribution .body').first().waitFor();
    expect(await shownBars(again)).toEqual(expectedBars(expected(moby, 2, 4, 1800, 8), 10));
    await again.close();
  });

  it.each([
    ['empty', 'Nothing distilled yet'],
    ['silent', 'Reading the run…'],
    ['early', "The teacher's loss, as it is fine-tuned"],
  ])('says what it waits for (%s)', async (run, words) => {
    const page = await open({ run });
    await page.getByText(words).waitFor();
    await page.close();
  });

  it('shows a failed run with its error and what to do', async () => {
    const page = await open({ status: 'failed' });
    const alert = page.getByRole('alert');
    expect(await alert.innerText()).toContain('The loss became NaN at step 1,841. Lower training.learningRate');
    await alert.getByRole('button', { name: 'Show Log' }).click();
    await alert.getByRole('button', { name: 'Resume' }).click();
    const { id } = moby.run;
    await expect
      .poll(() => heard(page))
      .toEqual(
        expect.arrayContaining([
          { type: 'showLog', id },
          { type: 'resume', id },
        ]),
      );
    await page.close();
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
    await page.close();
  });

  it('lays runs over each other in colours that stay, and picks the run whose curve is clicked', async () => {
    const page = await open({});
    await page.locator('#add-run').click();
    await page.getByRole('menuitem').first().click();
    await page.locator('lab-run-chips .run').nth(1).waitFor();
    const added = ((await kept(page)).besides as string[])[0]!;
    expect(await heard(page)).toContainEqual({ type: 'besides', id: moby.run.id, runs: [added] });
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
    await page.close();
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
          (await heard(page)).some((one) => one.type === 'save' && one.name.endsWith(kind.toLowerCase())),
        )
        .toBe(true);
      return (await heard(page)).find((one) => one.type === 'save' && one.name.endsWith(kind.toLowerCase())) as never;
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
    await page.close();
  });

  it('shows what one T makes of a token, and what the sweep measured', async () => {
    const page = await open({ state: JSON.stringify({ tab: 'temperature', id: moby.run.id, temperature: 4 }) });
    await page.locator('lab-curve svg').nth(2).waitFor();
    const { kl, teacher, student } = expected(moby, 0, 0, 1800, 4);
    expect(await text(page, '#t2kl')).toBe(formatQuantity(16 * kl));
    const gradient = Math.hypot(...student.map((s, i) => (s - teacher[i]!) / 4));
    expect(await text(page, '#gradient')).toBe(formatQuantity(gradient));
    const sweep = page.locator('lab-sweep-table tbody tr');
    expect(await sweep.count()).toBe(4);
    expect(await sweep.nth(2).locator('td').first().innerText()).toBe('4');
    expect(await sweep.nth(2).locator('td').nth(3).innerText()).toBe(formatQuantity(kl));
    expect(await page.locator('lab-sweep-chart circle').count()).toBe(4);
    await sweep.nth(0).locator('.link').click();
    await expect.poll(() => heard(page)).toContainEqual(expect.objectContaining({ type: 'showRun' }));
    await page.close();
  });

  it('streams completions, says what each model expected, and can be stopped', async () => {
    const page = await open({ state: JSON.stringify({ tab: 'completions', id: moby.run.id }) });
    await page.locator('#prompt textarea').fill('Call me');
    await page.locator('#prompt textarea').press('Control+Enter');
    await page.locator('lab-surprises').nth(1).waitFor();
    expect((await heard(page)).find(({ type }) => type === 'complete')).toEqual({
      type: 'complete',
      id: moby.run.id,
      request: 1,
      prompt: 'Call me',
      maxNewTokens: 32,
    });
    expect(await page.locator('lab-completion').nth(1).locator('[role=option]').allInnerTexts()).toEqual([
      'and',
      'the',
      'whale',
      'was',
      'white',
      '.',
    ]);
    await page.locator('lab-completion').nth(1).locator('[role=option]').nth(2).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('lab-expected h3').innerText()).toContain('At “');
    await page.close();
  });

  it('shows what a model expected at a token while the others still come', async () => {
    const page = await open({ state: JSON.stringify({ tab: 'completions', id: moby.run.id }) });
    await page.locator('#prompt textarea').fill('Call me…');
    await page.locator('#continue').click();
    const teacher = page.locator('lab-completion').first();
    await teacher.locator('[role=option]').nth(3).hover();
    await page.locator('#stop-completion').waitFor();
    expect(await page.locator('lab-expected h3').innerText()).toContain('At “·was”');
    const first = page.locator('lab-expected tbody tr').first().locator('td');
    expect(await first.nth(3).innerText()).toBe('.400');
    // The student's part is known once it was asked about the teacher's words.
    expect(await first.nth(4).innerText()).toBe('–');
    expect(await page.locator('lab-expected tr.strong .name').innerText()).toBe('·was');
    await page.close();
  });

  it('leads from a link to the row and token that it names, and asks for a row that is not pinned', async () => {
    const page = await open({});
    const { file, line, tokens: all } = moby.probes.examples.examples[2]!;
    const target = { run: moby.run.id, tab: 'tokens', row: { file, line }, offset: all[6]!.start, temperature: 8 };
    await page.locator('lab-total').waitFor();
    await page.evaluate(`send(${JSON.stringify({ type: 'target', target })})`);
    await page.locator('lab-distribution .body').first().waitFor();
    await expect.poll(() => kept(page)).toMatchObject({ tab: 'tokens', example: 2, position: 5, temperature: 8 });
    await page.evaluate(
      `send(${JSON.stringify({ type: 'target', target: { ...target, row: { file, line: 9999 } } })})`,
    );
    await expect.poll(() => heard(page)).toContainEqual({ type: 'inspectRow', id: moby.run.id, file, line: 9999 });
    await page.close();
  });

  it('says which positions count but are not recorded, and what a batch would pad', async () => {
    const page = await open({ state: JSON.stringify({ tab: 'tokens', id: moby.run.id, example: 1 }) });
    await page.locator('lab-alignment table').waitFor();
    expect(await page.locator('lab-chips .tokens .unrecorded').count()).toBeGreaterThan(0);
    expect(await page.locator('lab-chips .tokens .unrecorded').first().getAttribute('title')).toContain('not recorded');
    expect(await page.locator('lab-chips .tokens .uncounted').first().getAttribute('title')).toContain('not counted');
    expect(await text(page, 'lab-alignment p')).toMatch(/are not recorded/);
    await page.close();
  });

  it('runs nothing in a folder that is not trusted', async () => {
    const page = await open({ trusted: 'no', state: JSON.stringify({ tab: 'completions', id: moby.run.id }) });
    await page.getByText('the models cannot be run here').waitFor();
    expect(await page.locator('#stop, #hold').count()).toBe(0);
    await page.close();
  });

  const sizes = {
    wide: { width: 1280, height: 800 },
    medium: { width: 900, height: 900 },
    narrow: { width: 420, height: 900 },
  };
  const views = (['loss', 'tokens', 'temperature', 'completions', 'compare'] as const).flatMap((tab) =>
    [
      ['dark', 'wide'],
      ['light', 'wide'],
      ['hc', 'wide'],
      ['hc-light', 'wide'],
      ['dark', 'medium'],
      ['dark', 'narrow'],
    ].map(([theme, size]) => [tab, theme!, size as keyof typeof sizes] as const),
  );

  it.each(views)('fits its window, names its controls and breaks no policy: %s, %s, %s', async (tab, theme, size) => {
    const run = tab === 'compare' ? 'spam' : 'moby';
    const page = await open({ run, theme, state: JSON.stringify({ tab, id: moby.run.id, position: 8 }) }, sizes[size]);
    await page.locator(`lab-${tab}${tab === 'temperature' ? '-view' : ''}`).waitFor();
    if (tab === 'temperature') await page.locator('lab-curve svg').nth(2).waitFor();
    if (tab === 'completions') {
      await page.locator('#prompt textarea').fill('Call me Ishmael');
      await page.locator('#continue').click();
      await page.locator('lab-surprises').nth(1).waitFor();
    }
    if (tab === 'compare') await page.locator('lab-confusion').waitFor();
    if (tab === 'tokens') await probesRead(page, moby);
    if (tab === 'loss') await page.locator('lab-time-chart .overlay').first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    const main = "document.querySelector('distillery-lab').shadowRoot.querySelector('main')";
    expect(await page.evaluate(`${main}.scrollWidth - ${main}.clientWidth`)).toBe(0);
    for (const role of ['button', 'slider', 'checkbox', 'radio', 'textbox', 'combobox', 'table'] as const) {
      expect(await page.getByRole(role, { name: /^$/ }).count(), `${role} without a name`).toBe(0);
    }
    for (const drawing of await page.locator('[role=img]').all()) {
      expect(await drawing.getAttribute('aria-label')).toMatch(/./);
    }
    expect(await page.evaluate('refused')).toEqual([]);
    await page.screenshot({ path: `${pictures}/${tab}-${theme}-${size}.png` });
    await page.close();
  });
});
