/** @file Which Python is asked, and that nothing which lies in the folder where one stands is run by it. */

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { downloadWheel } from '../../../src/runner/install/pip-download';
import { findPip } from '../../../src/runner/install/python';
import type { Wheel } from '../../../src/runner/install/catalog';

const before = process.cwd();
let folder: string;
let marker: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-stranger-'));
  marker = path.join(folder, 'was-run');
  const code = `open(${JSON.stringify(marker)}, 'w').close()\n`;
  for (const name of ['pip.py', 'encodings.py', 'sitecustomize.py', 'usercustomize.py']) {
    writeFileSync(path.join(folder, name), code);
  }
  process.chdir(folder);
});
afterEach(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

it('a pip.py in the current folder is not taken for pip', async () => {
  const home = path.join(folder, 'home');
  mkdirSync(home);
  const pip = await findPip(home, 'openvino').catch(() => undefined);
  expect(existsSync(marker)).toBe(false);
  if (!pip) return;
  const wheel: Wheel = { file: 'nothing-1.0-py3-none-any.whl', bytes: 1, sha256: '0'.repeat(64) };
  const [noIndex, noFiles] = [process.env.PIP_NO_INDEX, process.env.PYTHONPATH];
  process.env.PIP_NO_INDEX = '1';
  process.env.PYTHONPATH = '.';
  try {
    const download = {
      library: 'openvino' as const,
      wheel,
      folder: home,
      onBytes: () => undefined,
      onLine: () => undefined,
    };
    await expect(downloadWheel(pip, download)).rejects.toThrow();
  } finally {
    restore('PIP_NO_INDEX', noIndex);
    restore('PYTHONPATH', noFiles);
  }
  expect(existsSync(marker)).toBe(false);
});

function restore(name: string, value: string | undefined): void {
  if (value === undefined) Reflect.deleteProperty(process.env, name);
  else process.env[name] = value;
}
