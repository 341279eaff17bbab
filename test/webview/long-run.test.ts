/**
 * @file A run that has gone on for a day, in the Lab: what it has drawn does not grow with it, and nothing is drawn that looks as before. `npm run torture` lets
 * it go on for another day.
 */

import type { CDPSession, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { countOr, tellFigures, torture } from '../torture';
import { describePage, moby, settled } from './lab-page';

const DAY = 86_400;
/** A record a second. */
const more = countOr('DISTILLERY_HOURS', 24, 1) * 3600;
const SECONDS_AN_EVALUATION = 20;

/** Runs in the page: records and evaluations of the student from one second of the run to another, and what was drawn meanwhile. */
const prelude = `
  window.part = (from, to) => {
    const columns = {};
    const at = (name, value) => (columns[name] = Float64Array.from({ length: to - from }, (_, i) => value(from + i)));
    const wave = (i) => Math.sin(i * 12.9898) * Math.cos(i / 7);
    at('step', (i) => i); at('epoch', (i) => i / 5000); at('time', (i) => 1.7e12 + 1000 * i); at('tokens', (i) => 1024 * i);
    at('soft', (i) => 1 + 2 / (1 + i / 1e4) + 0.2 * wave(i)); at('hard', (i) => 3 + wave(i)); at('total', (i) => 4 + wave(i));
    at('learningRate', (i) => 5e-4 / (1 + i / 1e5)); at('gradientNorm', (i) => 2 + wave(i)); at('tokensPerSecond', () => 1024);
    at('temperature', () => 2); at('alpha', () => 0.7);
    const evaluations = [];
    for (let step = Math.ceil(from / ${SECONDS_AN_EVALUATION}) * ${SECONDS_AN_EVALUATION}; step < to; step += ${SECONDS_AN_EVALUATION})
      evaluations.push({ step, split: 'validation', role: 'student', metrics: { perplexity: 20 + wave(step), loss: 3, tokenAccuracy: 0.5 } });
    return { role: 'student', name: 'student', metrics: columns, evaluations };
  };
  window.draws = 0;
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...args) { draws++; return clear.apply(this, args); };
`;

const id = moby.run.id;

/** Of a run of which so many seconds are over. */
function recordAt(seconds: number): object {
  const progress = { role: 'student', phase: 'training', step: seconds, steps: 10 * DAY, fraction: seconds / DAY / 10 };
  return { ...moby.run.record, status: 'running', progress };
}

async function beginAfter(page: Page, seconds: number): Promise<void> {
  await page.evaluate(prelude);
  const run = JSON.stringify({ ...moby.run, record: recordAt(seconds), series: [] });
  await page.evaluate(`send({ type: 'run', run: { ...${run}, series: [part(0, ${seconds})] } })`);
  await settled(page);
  await page.locator('lab-time-chart canvas').nth(6).waitFor();
  await settled(page);
}

/** As the extension tells it: what is new of the curves, and the run's record. */
async function goOn(page: Page, from: number, to: number): Promise<void> {
  await page.evaluate(`send({ type: 'append', id: ${JSON.stringify(id)}, series: [part(${from}, ${to})] });
    send({ type: 'record', id: ${JSON.stringify(id)}, record: ${JSON.stringify(recordAt(to))} });`);
  await settled(page);
}

interface Held {
  nodes: number;
  listeners: number;
  /** MiB of objects, and of arrays of numbers, which lie outside of the heap. */
  heap: number;
  numbers: number;
}

async function held(client: CDPSession): Promise<Held> {
  await client.send('HeapProfiler.collectGarbage');
  const { nodes, jsEventListeners } = await client.send('Memory.getDOMCounters');
  const { usedSize, backingStorageSize } = await client.send('Runtime.getHeapUsage');
  const mebibytes = (bytes: number): number => bytes / 2 ** 20;
  return { nodes, listeners: jsEventListeners, heap: mebibytes(usedSize), numbers: mebibytes(backingStorageSize) };
}

describePage('a run of a day, in the Lab', (open) => {
  it(
    `holds no more after ${more / 3600} hours more than their numbers`,
    async () => {
      const page = await open({ run: 'silent' });
      await beginAfter(page, DAY);
      const client = await page.context().newCDPSession(page);
      const step = Math.ceil(more / (torture ? 200 : 10));
      // What is made once is made by then.
      for (let i = 0; i < 3; i++) await goOn(page, DAY + i, DAY + i + 1);
      const before = await held(client);
      // The charts have a mark for some of the evaluations, not for each.
      expect(before.nodes).toBeLessThan(6000);
      for (let at = DAY + 3; at < DAY + more; at += step) await goOn(page, at, Math.min(at + step, DAY + more));
      const after = await held(client);
      tellFigures('lab-hours', {
        what: 'a run in the Lab, a record a second',
        hours: (DAY + more) / 3600,
        evaluations: (DAY + more) / SECONDS_AN_EVALUATION,
        'nodes at 24 h': before.nodes,
        'nodes at the end': after.nodes,
        'MiB of objects at 24 h': before.heap.toFixed(1),
        'MiB of objects at the end': after.heap.toFixed(1),
        'MiB of numbers at 24 h': before.numbers.toFixed(1),
        'MiB of numbers at the end': after.numbers.toFixed(1),
      });
      expect(after.nodes - before.nodes).toBeLessThan(200);
      expect(after.listeners - before.listeners).toBeLessThan(20);
      // Evaluations are kept, as objects of some hundred bytes; records as numbers, of which arrays hold up to twice as many as there are.
      const evaluations = ((more / SECONDS_AN_EVALUATION) * 1000) / 2 ** 20;
      expect(after.heap - before.heap).toBeLessThan(4 + evaluations);
      expect(after.numbers).toBeLessThan(8 + (2 * 60 * 8 * (DAY + more)) / 2 ** 20);
    },
    24 * 3_600_000,
  );

  it('draws each chart once for what has come, and none where only the progress has', async () => {
    const page = await open({ run: 'silent' });
    await beginAfter(page, 1000);
    const charts = await page.locator('lab-time-chart canvas').count();
    const draws = async (work: () => Promise<unknown>): Promise<number> => {
      await settled(page);
      await page.evaluate('draws = 0');
      await work();
      await settled(page);
      return page.evaluate<number>('draws');
    };
    expect(await draws(() => goOn(page, 1000, 1010))).toBe(charts);
    const told = (seconds: number): Promise<unknown> =>
      page.evaluate(
        `send({ type: 'record', id: ${JSON.stringify(id)}, record: ${JSON.stringify(recordAt(seconds))} })`,
      );
    expect(await draws(() => told(1012))).toBe(0);
    expect(await draws(() => page.locator('#total').press('ArrowLeft'))).toBe(0);
  });
});
