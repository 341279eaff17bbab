/** @file With which engine a run begins where nothing is measured: what of a machine says so, and what is known better. */

import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { installedLibrary } from '../../src/engine/libraries';
import { engineFacts, type EngineName } from '../../src/protocol/engines';
import { chooseEngine, type Choice } from '../../src/runner/devices/choose-engine';
import { machineFacts } from '../../src/runner/devices/expected-engine';
import { engineVersion, remember } from '../../src/runner/devices/measurements';

const temporary = (): string => mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('a GPU', () => {
  it.each([
    ['render nodes', ['dri/renderD128'], true],
    ["NVIDIA's driver", ['nvidiactl', 'nvidia0'], true],
    ["Windows' subsystem", ['dxg'], true],
    ['a screen without one', ['dri/card0', 'fb0'], false],
    ['nothing', ['null', 'zero'], false],
  ])('is looked for by the files of %s', (_, files, may) => {
    const devices = temporary();
    for (const file of files) {
      mkdirSync(path.dirname(path.join(devices, file)), { recursive: true });
      writeFileSync(path.join(devices, file), '');
    }
    expect(machineFacts(devices).mayHaveGpu).toBe(may);
  });

  it('may be where nobody can look', () => {
    expect(machineFacts(path.join(temporary(), 'none')).mayHaveGpu).toBe(true);
  });
});

describe.skipIf(!installedLibrary('openvino'))('the engine that is expected to be the fastest', () => {
  afterEach(() => void vi.unstubAllEnvs());

  const ofKnownKind = { mayHaveGpu: false, isOfKnownKind: true };

  function dataFolder(): string {
    const folder = path.join(temporary(), 'data');
    vi.stubEnv('DISTILLERY_DATA', folder);
    return folder;
  }

  const choose = (machine = ofKnownKind): Promise<Choice | undefined> =>
    chooseEngine('float32', { note: () => undefined }, machine);

  async function rememberCompared(busy: boolean): Promise<void> {
    const compared = (engine: EngineName, stepMs: number) => ({
      ...{ engine, precision: 'float32' as const, version: engineVersion(engine), time: new Date().toISOString() },
      ...{ device: 'D', stepMs, tokensPerSecond: 1, ...(busy && { ofProcessor: true }) },
    });
    const both = [compared('cpu', 20), compared('openvino', 21)];
    await remember({ measurements: [], compared: both, failures: [] });
  }

  it('is begun with where nothing is known, and a file says so while the process lives', async () => {
    const folder = dataFolder();
    expect(await choose()).toMatchObject({ engine: 'openvino', isExpected: true });
    expect(readdirSync(path.join(folder, 'begun'))).toEqual([expect.stringContaining(`${process.pid}.`)]);
    // Again by the same process.
    expect(await choose()).toMatchObject({ engine: 'openvino', isExpected: true });
  });

  it('is none that a run cannot use, such as one that does not sort', async () => {
    dataFolder();
    const known = (engine: EngineName, stepMs: number) => ({
      ...{ engine, precision: 'float32' as const, version: engineVersion(engine), time: new Date().toISOString() },
      ...{ device: 'D', stepMs, tokensPerSecond: 1 },
    });
    const compared = [known('cpu', 20), known('openvino', 21)];
    await remember({ measurements: [known('cpu', 20), known('webgpu', 5)], compared, failures: [] });
    const chosen = (isAble?: (engine: EngineName) => boolean) =>
      chooseEngine('float32', { note: () => undefined }, { mayHaveGpu: true, isOfKnownKind: true }, isAble);
    expect((await chosen())!.engine).toBe('webgpu');
    expect((await chosen((engine) => !engineFacts[engine].cannotSort))!.engine).toBe('cpu');
  });

  it('gives way to what a comparison says, unless others kept the machine busy', async () => {
    dataFolder();
    await rememberCompared(true);
    expect(await choose()).toMatchObject({ engine: 'openvino', isExpected: true });
    // Where nothing is expected it is better than nothing.
    const elsewhere = await choose({ ...ofKnownKind, isOfKnownKind: false });
    expect([elsewhere!.engine, elsewhere!.isExpected]).toEqual(['cpu', undefined]);
    await rememberCompared(false);
    const known = await choose();
    expect([known!.engine, known!.isExpected]).toEqual(['cpu', undefined]);
  });

  it('is none where it has failed within a day', async () => {
    dataFolder();
    const subject = { engine: 'openvino' as const, precision: 'float32' as const, version: engineVersion('openvino') };
    const failure = { ...subject, time: new Date().toISOString(), reason: 'It ends.' };
    await remember({ measurements: [], compared: [], failures: [failure] });
    const choice = await choose();
    expect([choice!.engine, choice!.isExpected]).toEqual(['cpu', undefined]);
  });
});
