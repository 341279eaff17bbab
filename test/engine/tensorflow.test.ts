import { linkSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EngineUnavailable } from '../../src/engine/executor';
import { openExecutor, type Engine } from '../../src/engine/engines';
import { findLibrary } from '../../src/engine/libraries';

const files = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
const installed = findLibrary('tensorflow');

let folder: string;
const before = process.env.DISTILLERY_LIBRARIES;
beforeEach(() => {
  // Beside the libraries of the tests, so that files can be in both.
  folder = mkdtempSync(path.resolve('.cache/distillery-tensorflow-'));
  process.env.DISTILLERY_LIBRARIES = folder;
});
afterEach(async () => {
  process.env.DISTILLERY_LIBRARIES = before;
  await rm(folder, { recursive: true });
});

async function hindrance(engine: Engine): Promise<EngineUnavailable> {
  const outcome: unknown = await openExecutor(engine).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(EngineUnavailable);
  return outcome as EngineUnavailable;
}

function place(library: string, put: (file: string) => void): void {
  const home = path.join(folder, library, '9.9', library === 'tensorflow-gpu' ? 'tensorflow' : '');
  mkdirSync(home, { recursive: true });
  for (const file of files) put(path.join(home, file));
}

describe('an engine on libtensorflow that cannot be opened says why and what to do', () => {
  it('where the library is not installed', async () => {
    const { engine, message, remedy } = await hindrance('tfjs-node');
    expect([engine, message]).toEqual(['tfjs-node', 'libtensorflow is not installed.']);
    expect(remedy).toContain('distillery devices --install tensorflow');
    expect((await hindrance('tfjs-node-gpu')).remedy).toContain('--install tensorflow-gpu');
  });

  it('where the library is damaged', async () => {
    place('tensorflow', (file) => writeFileSync(file, 'not a library'));
    const { message, remedy } = await hindrance('tfjs-node');
    expect(message).toContain(path.join(folder, 'tensorflow', '9.9'));
    expect(message).toContain('could not be loaded');
    expect(remedy).toContain('--remove tensorflow');
  });

  // The last one: a library that has been loaded stays for as long as the process.
  it.skipIf(installed === undefined || process.env.CUDA_VISIBLE_DEVICES !== undefined)(
    'where TensorFlow finds no GPU',
    async () => {
      place('tensorflow-gpu', (file) => linkSync(path.join(installed!, path.basename(file)), file));
      const { message, remedy } = await hindrance('tfjs-node-gpu');
      expect(message).toMatch(/^TensorFlow 2\.\d+\.\d+ found no GPU/);
      expect(remedy).toContain('nvidia-smi');
      expect(remedy).toContain(path.join(folder, 'tensorflow-gpu', '9.9'));
    },
  );
});
