/** @file How the processor's engines are compared, what is remembered of it, and that one engine which fails hinders no other. */

import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openExecutor } from '../../src/engine/engines';
import { remember, remembered, engineVersion, type Measurement } from '../../src/runner/devices/measurements';
import { compareByQuickStep, hasOneFastest } from '../../src/runner/devices/quick-step';
import { compareEnginesApart } from '../../src/runner/devices/trial';

const temporary = (): string => mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));

describe('the quick step', () => {
  it('is timed on each engine that can take it; one that fails says why', async () => {
    const cpu = await openExecutor('cpu', { threads: 1 });
    const broken = {
      ...cpu,
      load: () => Promise.reject(new Error('its compiler has no memory')),
    };
    const found = await compareByQuickStep(
      new Map([
        ['broken', broken],
        ['cpu', cpu],
      ]),
    );
    expect(found.get('broken')).toMatchObject({ failed: { message: 'its compiler has no memory' } });
    const speed = found.get('cpu') as { stepMs: number; tokensPerSecond: number };
    expect(speed.stepMs).toBeGreaterThan(0);
    expect(speed.tokensPerSecond * speed.stepMs).toBeCloseTo(256e3, 3);
  });

  it('is taken no more once the same engine was the fastest each time', () => {
    expect(hasOneFastest([[3, 3, 3], [2, 1, 2]])).toBe(true); // prettier-ignore
    expect(hasOneFastest([[3, 1, 3], [2, 2, 2]])).toBe(false); // prettier-ignore
    expect(hasOneFastest([[3, 3]])).toBe(true);
    expect(hasOneFastest([[3, 3], [3, 3]])).toBe(false); // prettier-ignore
  });
});

describe('engines that are compared in one process', () => {
  /** In the place of this program. */
  function program(source: string): string {
    const file = path.join(temporary(), 'program.js');
    writeFileSync(file, source);
    return file;
  }

  it('each have another where it ends before it has told of all, and what crashes there is out', async () => {
    const file = program(`
      const engines = process.argv.slice(3, process.argv.indexOf('--precision'));
      if (!process.argv.includes('--compare') || engines.includes('openvino')) process.abort();
      for (const engine of engines) console.log(JSON.stringify({ engine, available: true, device: 'D' }));
    `);
    const found = await compareEnginesApart(['cpu', 'openvino'], 'float32', file);
    expect(found.get('cpu')).toMatchObject({ available: true, device: 'D' });
    expect(found.get('openvino')).toMatchObject({ available: false, problem: { code: 'engine-ends' } });
  });

  it('need no other where it has told of all, whatever drivers write between', async () => {
    const calls = path.join(temporary(), 'calls');
    const file = program(`
      require('node:fs').appendFileSync(${JSON.stringify(calls)}, 'x');
      console.log('driver 1.2\\n17\\nnull');
      for (const engine of ['cpu', 'openvino']) console.log(JSON.stringify({ engine, available: true, device: engine }));
      process.abort();
    `);
    const found = await compareEnginesApart(['cpu', 'openvino'], 'float32', file);
    expect([...found.values()].map((one) => one.available && one.device)).toEqual(['cpu', 'openvino']);
    expect(readFileSync(calls, 'utf8')).toBe('x');
  });
});

describe('what is remembered', () => {
  afterEach(() => void vi.unstubAllEnvs());

  const measurement = (engine: 'cpu' | 'openvino', stepMs: number): Measurement => ({
    ...{ engine, precision: 'float32', version: engineVersion(engine), time: new Date().toISOString(), device: 'D' },
    ...{ stepMs, tokensPerSecond: 1 },
  });

  function dataFolder(content?: string): void {
    const folder = path.join(temporary(), 'data');
    vi.stubEnv('DISTILLERY_DATA', folder);
    mkdirSync(folder);
    if (content !== undefined) writeFileSync(path.join(folder, 'measurements.json'), content);
  }

  it('by an earlier version is of the small step, and compares nothing', async () => {
    dataFolder(JSON.stringify({ measurements: [measurement('cpu', 600)], failures: [] }));
    const { measurements, compared } = await remembered();
    expect([measurements.map(({ stepMs }) => stepMs), compared]).toEqual([[600], []]);
  });

  it('is nothing where the file is damaged', async () => {
    const compared = [{ ...measurement('cpu', 600), stepMs: 'fast' }];
    dataFolder(JSON.stringify({ measurements: [measurement('cpu', 600)], compared, failures: [] }));
    expect(await remembered()).toEqual({ measurements: [], compared: [], failures: [] });
  });

  it('of a comparison on a busy machine counts for a day, of another for good', async () => {
    const busy = { ...measurement('cpu', 30), ofProcessor: true };
    dataFolder(JSON.stringify({ measurements: [], compared: [busy, measurement('openvino', 16)], failures: [] }));
    const enginesAfter = async (hours: number): Promise<string[]> =>
      (await remembered(Date.now() + hours * 3600e3)).compared.map(({ engine }) => engine);
    expect([await enginesAfter(23), await enginesAfter(25)]).toEqual([['cpu', 'openvino'], ['openvino']]);
  });

  it('of a comparison gives way to the next as a whole, and keeps what was measured otherwise', async () => {
    dataFolder();
    const none = { measurements: [], compared: [], failures: [] };
    await remember({ ...none, measurements: [measurement('cpu', 600)] });
    await remember({ ...none, compared: [measurement('cpu', 30), measurement('openvino', 16)] });
    await remember({ ...none, compared: [measurement('cpu', 20)] });
    const { measurements, compared } = await remembered();
    const times = [measurements, compared].map((list) => list.map(({ engine, stepMs }) => [engine, stepMs]));
    expect(times).toEqual([[['cpu', 600]], [['cpu', 20]]]); // prettier-ignore
  });
});
