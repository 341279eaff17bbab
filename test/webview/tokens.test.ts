/** @file The Tokens tab in a browser, with sample data: numbers, sliders, keys, a dataset full of markup. */

import { expect, it } from 'vitest';
import { formatQuantity, formatShare } from '../../src/protocol/format';
import {
  describePage,
  expected,
  expectedBars,
  heard,
  kept,
  moby,
  probesRead,
  shownBars,
  spam,
  text,
  tokens,
} from './lab-page';
import { hostileText } from './sample/texts';

describePage('the Tokens tab', (open) => {
  it("shows softmax of the logits at the run's temperature, and the divergence of the two", async () => {
    const page = await open({ state: tokens });
    await page.locator('lab-distribution .body').first().waitFor();
    const wanted = expected(moby, 0, 0, 1800, 2);
    expect(await shownBars(page)).toEqual(expectedBars(wanted, 10));
    expect(await text(page, '#kl')).toBe(formatQuantity(wanted.kl));
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
  });

  it('shows in the list how far examples are apart at the temperature that is chosen', async () => {
    const page = await open({ state: tokens });
    await probesRead(page, moby);
    const first = page.locator('lab-examples .example').first().locator('.number');
    const mean = (T: number): string => {
      const { positions } = moby.probes.examples.examples[0]!;
      const all = positions.map((_, i) => expected(moby, 0, i, 1800, T).kl);
      return formatQuantity(all.reduce((a, b) => a + b) / all.length);
    };
    await expect.poll(() => first.innerText()).toBe(mean(2));
    await page.getByLabel('Temperature', { exact: true }).fill('636');
    await expect.poll(() => first.innerText()).toBe(mean(4));
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
  });

  it('asks for each probe once, the latest first', async () => {
    const page = await open({ state: tokens });
    await probesRead(page, moby);
    const asked = (await heard(page)).flatMap((message) => (message.method === 'probe' ? [message.step] : []));
    expect(asked).toEqual([...moby.probes.steps].reverse());
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
    expect(await heard(page)).toContainEqual({ method: 'openFile', id: moby.run.id, file, line });
  });

  it("paints nothing but the label's value for a classifier, and shows its classes as bars", async () => {
    const page = await open({ run: 'spam', state: JSON.stringify({ tab: 'tokens' }) });
    await page.locator('lab-distribution .body').first().waitFor();
    expect(await page.locator('lab-chips').count()).toBe(0);
    expect(await page.locator('lab-tokens .one .token').allInnerTexts()).toEqual(['ham']);
    expect(await page.locator('lab-tokens .text-tokens').innerText()).toBe(spam.probes.examples.examples[0]!.text);
    expect(await shownBars(page)).toEqual(expectedBars(expected(spam, 0, 0, 900, 4), 10));
    expect(await page.locator('lab-distribution .name').allInnerTexts()).toEqual(['ham', 'spam']);
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
  });

  it('says which positions count but are not recorded, and what a batch would pad', async () => {
    const page = await open({ state: JSON.stringify({ tab: 'tokens', id: moby.run.id, example: 1 }) });
    await page.locator('lab-alignment table').waitFor();
    expect(await page.locator('lab-chips .tokens .unrecorded').count()).toBeGreaterThan(0);
    expect(await page.locator('lab-chips .tokens .unrecorded').first().getAttribute('title')).toContain('not recorded');
    expect(await page.locator('lab-chips .tokens .uncounted').first().getAttribute('title')).toContain('not counted');
    expect(await text(page, 'lab-alignment p')).toMatch(/are not recorded/);
  });

  it('names the curves over training where none of them goes, whichever way they go', async () => {
    for (const apart of ['shrinking', 'growing']) {
      const state = JSON.stringify({ tab: 'tokens', id: spam.run.id });
      const page = await open({ run: 'spam', apart, state });
      await probesRead(page, spam);
      for (const width of [1280, 920, 700]) {
        await page.setViewportSize({ width, height: 800 });
        await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))');
        expect(await page.evaluate(namesCrossed), `${apart}, ${width} pixels`).toEqual([]);
      }
    }
  });
});

/** Runs in the page: names that a curve, a point or another name goes through. */
const namesCrossed = `(() => {
  const drawing = document.querySelector('distillery-lab').shadowRoot.querySelector('lab-tokens').shadowRoot
    .querySelector('lab-training-time').shadowRoot.querySelector('svg.plot');
  const names = [...drawing.querySelectorAll('text')].map((text) => ({ name: text.textContent, box: text.getBBox() }));
  const places = [...drawing.querySelectorAll('path')].flatMap((path) =>
    Array.from({ length: 400 }, (_, i) => path.getPointAtLength((i / 399) * path.getTotalLength())));
  const points = [...drawing.querySelectorAll('circle')].map(({ cx, cy, r }) => ({ x: cx.baseVal.value, y: cy.baseVal.value, r: r.baseVal.value }));
  const within = ({ x, y, width, height }, place, r = 0) =>
    place.x > x - r && place.x < x + width + r && place.y > y + 2 - r && place.y < y + height - 2 + r;
  const meet = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y + 1 < b.y + b.height && b.y + 1 < a.y + a.height;
  if (names.length < 2) return ['no names'];
  return names.filter(({ box }, i) =>
    places.some((place) => within(box, place)) || points.some((point) => within(box, point, point.r)) ||
    names.some((other, j) => j > i && meet(box, other.box))).map(({ name }) => name);
})()`;
