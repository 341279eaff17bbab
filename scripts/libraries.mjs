/**
 * @file Installs the native libraries that tests run with, as a person would, into .cache/libraries (or where DISTILLERY_LIBRARIES
 * says). Where one cannot be had, it says so, and the tests that need it are skipped.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** Those that need no GPU. */
const names = ['openvino', 'tensorflow'];

export function installTestLibraries() {
  process.env.DISTILLERY_DATA ||= path.resolve('.cache/data');
  const folder = (process.env.DISTILLERY_LIBRARIES ||= path.resolve('.cache/libraries'));
  const missing = names.filter((name) => !isInstalled(path.join(folder, name)));
  if (missing.length === 0) return;
  spawnSync(process.execPath, ['scripts/build.mjs', '--only=runner'], { stdio: 'inherit' });
  for (const name of missing) {
    console.log(`Installing ${name} into ${folder} (once) …`);
    const { status, stderr } = spawnSync(process.execPath, ['dist/runner.js', 'devices', '--install', name], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    if (status !== 0) console.log(`${stderr.trimEnd()}\nTests that need ${name} are skipped.\n`);
  }
}

const isInstalled = (home) => existsSync(home) && readdirSync(home).some((name) => /^\d+(\.\d+)*$/.test(name));

if (process.argv[1] === import.meta.filename) installTestLibraries();
