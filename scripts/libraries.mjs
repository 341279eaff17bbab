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
  for (const { name, stderr } of installMissing('devices', names)) {
    console.log(`${stderr.trimEnd()}\nTests that need ${name} are skipped.\n`);
  }
}

/** Models that a benchmark needs, by the names that an experiment has for them. */
export function installModels(models) {
  const [failed] = installMissing('models', models);
  if (failed) throw new Error(failed.stderr.trimEnd());
}

/** @returns those that could not be installed, with what was said of it */
function installMissing(command, wanted) {
  process.env.DISTILLERY_DATA ||= path.resolve('.cache/data');
  const folder = (process.env.DISTILLERY_LIBRARIES ||= path.resolve('.cache/libraries'));
  const missing = wanted.filter((name) => !isInstalled(path.join(folder, name)));
  if (missing.length === 0) return [];
  spawnSync(process.execPath, ['scripts/build.mjs', '--only=runner'], { stdio: 'inherit' });
  return missing.flatMap((name) => {
    console.log(`Installing ${name} into ${folder} (once) …`);
    const { status, stderr } = spawnSync(process.execPath, ['dist/runner.js', command, '--install', name], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    return status === 0 ? [] : [{ name, stderr }];
  });
}

const isInstalled = (home) => existsSync(home) && readdirSync(home).some((name) => /^\d+(\.\d+)*$/.test(name));

if (process.argv[1] === import.meta.filename) installTestLibraries();
