/**
 * @file How fast the Lab's page is, in a headless Chromium: panning and zooming a million steps, moving the cursor over them,
 * smoothing them, re-softening a vocabulary of 50,000, and the memory that live updates leave behind. `npm run bench:lab`.
 */

import type { CDPSession, Page } from 'playwright-core';
import { startHarness } from '../test/webview/browser';

const few = 1000;
const million = 1_000_000;
const vocabulary = 50_000;
/** Updates of one row each, after as many that warm the page up: two and a half minutes at ten a second. */
const updates = 1500;
/** Updates at the pace of a run, ten a second: one minute. */
const paced = 600;

interface Times {
  median: number;
  p95: number;
  worst: number;
}

function summarize(times: number[]): Times {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => Number(sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(2));
  return { median: at(0.5), p95: at(0.95), worst: at(1) };
}

/** Runs in the page: what the measurements share. */
const prelude = `
  window.noise = (i) => { const x = Math.sin(i * 12.9898) * 43758.5453; return x - Math.floor(x); };
  window.columns = (from, count) => {
    const make = (value) => Float64Array.from({ length: count }, (_, i) => value(from + i));
    return {
      step: make((i) => i), epoch: make((i) => i / 1000), time: make((i) => 1.7e12 + 200 * i), tokens: make((i) => 1024 * i),
      total: make((i) => 2 + 5 / (1 + i / 1e4) + noise(i)), soft: make((i) => 0.2 + 1 / (1 + i / 1e4) + 0.2 * noise(i + 1)),
      hard: make((i) => 3 + 4 / (1 + i / 1e4) + noise(i + 2)), hidden: make((i) => 0.3 + 0.1 * noise(i + 3)),
      temperature: make(() => 2), alpha: make(() => 0.7), learningRate: make((i) => 5e-4 / (1 + i / 1e5)),
      gradientNorm: make((i) => 0.7 + noise(i + 4)), tokensPerSecond: make((i) => 20000 + 500 * noise(i + 5)),
    };
  };
  window.deep = (selector) => {
    const find = (root) => {
      const hit = root.querySelector(selector);
      if (hit) return hit;
      for (const element of root.querySelectorAll('*')) { const inner = element.shadowRoot && find(element.shadowRoot); if (inner) return inner; }
    };
    return find(document);
  };
  window.startRun = (points) => window.postMessage({ type: 'run', run: {
    id: 'bench', settings: {},
    record: { name: 'Bench', task: 'causal-lm', status: 'done', pid: 1, engine: 'cpu', device: 'CPU', started: '2025-01-01T00:00:00Z', ended: '2025-01-02T00:00:00Z', error: null },
    experiment: { student: { family: 'gpt2', layers: 4, hiddenSize: 256 }, scaleByTemperatureSquared: true, hidden: { weight: 0.5, layers: [] } },
    series: [{ role: 'student', name: 'student', metrics: columns(0, points), evaluations: [] }],
  } });
  window.frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  window.tell = (choice) => deep('lab-loss, lab-tokens').dispatchEvent(new CustomEvent('choose', { detail: choice, bubbles: true, composed: true }));
`;

/** Runs in the page: frames until every chart of the Loss tab is drawn. */
const drawnCharts = `
  while (!deep('canvas')) await frame();
  for (let i = 0; i < 30; i++) await frame();
  const total = deep('lab-total').shadowRoot.querySelector('lab-time-chart');
`;

/**
 * Moves on the chart of the total loss, one a frame: what the page works for each, and how far frames are apart.
 * @param event an expression of the page: the event of move `i` over the chart's `box`
 * @param updated statements of the page: they wait until it has worked
 */
async function moves(
  page: Page,
  points: number,
  event: string,
  updated: string,
): Promise<{ work: Times; frames: Times }> {
  const measured = await page.evaluate<{ work: number[]; frames: number[] }>(`(async () => {
    startRun(${points});
    ${drawnCharts}
    const work = [], frames = [];
    let last = await frame();
    for (let i = 0; i < 240; i++) {
      const overlay = total.shadowRoot.querySelector('.overlay');
      const box = overlay.getBoundingClientRect();
      const event = ${event};
      const begun = performance.now();
      overlay.dispatchEvent(event);
      ${updated}
      work.push(performance.now() - begun);
      const now = await frame();
      frames.push(now - last);
      last = now;
    }
    return { work, frames };
  })()`);
  return { work: summarize(measured.work), frames: summarize(measured.frames.slice(5)) };
}

/** Zooms in, pans and zooms out. */
const panAndZoom = (page: Page, points: number): Promise<{ work: Times; frames: Times }> =>
  moves(
    page,
    points,
    `new WheelEvent('wheel', { bubbles: true, composed: true, cancelable: true, clientX: box.left + 0.4 * box.width, clientY: box.top + 40,
      ctrlKey: i < 60 || i >= 180, shiftKey: i >= 60 && i < 180, deltaY: i < 60 ? -12 : i >= 180 ? 12 : i % 60 < 30 ? 25 : -25 })`,
    `for (let k = 0; k < 12; k++) await null;
      await deep('lab-total').updateComplete;
      for (let k = 0; k < 12; k++) await null;`,
  );

/** Drags the cursor across the charts. */
const moveCursor = (page: Page, points: number): Promise<{ work: Times; frames: Times }> =>
  moves(
    page,
    points,
    `new PointerEvent('pointermove', { bubbles: true, composed: true,
      clientX: box.left + (0.1 + 0.8 * (i % 120) / 120) * box.width, clientY: box.top + 40 })`,
    `for (let k = 0; k < 12; k++) await null;
      await total.updateComplete;`,
  );

/** Moves the smoothing slider: every curve is smoothed anew, from the first step on, and drawn. */
async function smooth(page: Page, points: number): Promise<Times> {
  const times = await page.evaluate<number[]>(`(async () => {
    startRun(${points});
    ${drawnCharts}
    const times = [];
    for (let i = 0; i < 20; i++) {
      const begun = performance.now();
      tell({ smoothing: 0.5 + 0.02 * i });
      await deep('distillery-lab').updateComplete;
      await deep('lab-loss').updateComplete;
      await total.updateComplete;
      await frame();
      times.push(performance.now() - begun);
    }
    return times;
  })()`);
  return summarize(times);
}

/** Moves T as a person drags the slider, on the Tokens tab. */
async function resoften(page: Page): Promise<Times> {
  const times = await page.evaluate<number[]>(`(async () => {
    const V = ${vocabulary}, positions = 10;
    const logits = (seed) => Float32Array.from({ length: V * positions }, (_, i) => 12 * noise(i + seed) - 6);
    const names = Array.from({ length: V }, (_, i) => ' t' + i);
    const tokens = Array.from({ length: positions + 1 }, (_, i) => ({ id: i, token: ' t' + i, start: 4 * i, end: 4 * i + 3 }));
    const example = { text: 'bench', file: 'a.txt', line: 1, tokens, positions: tokens.slice(1).map(({ id }) => ({ token: id, label: id })) };
    startRun(100);
    window.postMessage({ type: 'probes', id: 'bench', probes: { examples: { task: 'causal-lm', temperature: 2, names, examples: [example] }, teacher: [logits(0)], steps: [10] } });
    while (!deep('lab-loss')) await frame();
    tell({ tab: 'tokens' });
    window.postMessage({ type: 'probe', id: 'bench', step: 10, student: [logits(5)] });
    while (!deep('lab-distribution')) await frame();
    for (let i = 0; i < 10; i++) await frame();
    const times = [];
    for (let i = 0; i < 60; i++) {
      const begun = performance.now();
      tell({ temperature: 0.5 + 0.17 * i });
      await deep('distillery-lab').updateComplete;
      await deep('lab-tokens').updateComplete;
      await deep('lab-distribution').updateComplete;
      times.push(performance.now() - begun);
      await frame();
    }
    return times;
  })()`);
  return summarize(times);
}

async function heap(client: CDPSession): Promise<number> {
  await client.send('HeapProfiler.collectGarbage');
  const { usedSize } = (await client.send('Runtime.getHeapUsage')) as { usedSize: number };
  return usedSize / 2 ** 20;
}

/** Live updates, as fast as the page takes them: MiB before and after, and the time of one. */
async function liveUpdates(page: Page): Promise<{ before: number; after: number; perUpdateMs: number }> {
  const client = await page.context().newCDPSession(page);
  await page.evaluate(`(async () => { startRun(1000); while (!deep('canvas')) await frame(); })()`);
  const update = (from: number): Promise<number> =>
    page.evaluate<number>(`(async () => {
      const begun = performance.now();
      for (let i = 0; i < ${updates}; i++) {
        window.postMessage({ type: 'append', id: 'bench', series: [{ role: 'student', name: 'student', metrics: columns(${from} + i, 1), evaluations: [] }] });
        if (i % 10 === 9) await frame();
      }
      await frame();
      return performance.now() - begun;
    })()`);
  await update(1000);
  const before = await heap(client);
  const took = await update(1000 + updates);
  return { before, after: await heap(client), perUpdateMs: took / updates };
}

/** Live updates at ten a second: MiB before and after. */
async function pacedUpdates(page: Page): Promise<{ before: number; after: number }> {
  const client = await page.context().newCDPSession(page);
  await page.evaluate(`(async () => { startRun(1000); while (!deep('canvas')) await frame(); })()`);
  const update = (from: number, count: number): Promise<void> =>
    page.evaluate(`(async () => {
      for (let i = 0; i < ${count}; i++) {
        window.postMessage({ type: 'append', id: 'bench', series: [{ role: 'student', name: 'student', metrics: columns(${from} + i, 1), evaluations: [] }] });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })()`);
  await update(1000, 100);
  const before = await heap(client);
  await update(1100, paced);
  return { before, after: await heap(client) };
}

/** `npm run bench:lab -- live` measures only what has this in its name. */
const only = process.argv[2] ?? '';

const harness = await startHarness();
try {
  /** Each measurement has a page of its own, which is closed before the next. */
  const measure = async (what: string, work: (page: Page) => Promise<unknown>): Promise<void> => {
    if (!what.includes(only)) return;
    const { page } = await harness.open({ run: 'silent' });
    await page.evaluate(prelude);
    console.log(`${what}: ${JSON.stringify(await work(page))}`);
    await page.close();
  };
  // Beside few steps, to tell the page's own work from what it takes here to paint.
  for (const points of [few, million]) {
    await measure(`pan and zoom, ${points} steps, ms`, (page) => panAndZoom(page, points));
  }
  await measure(`cursor over ${million} steps, ms`, (page) => moveCursor(page, million));
  await measure(`smoothing ${million} steps, all curves, ms`, (page) => smooth(page, million));
  await measure(`re-softening, ${vocabulary} tokens × 10 positions, ms`, resoften);
  await measure(`${updates} live updates, MiB and ms`, liveUpdates);
  await measure(`${paced} live updates at 10 a second, MiB`, pacedUpdates);
} finally {
  await harness.close();
}
