/** @file Makes test/peers/.venv, the Python environment that the peer tests compare with; does nothing where it is up to date. */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../test/peers/${path}`, import.meta.url));
const windows = process.platform === 'win32';
const python = at(windows ? '.venv/Scripts/python.exe' : '.venv/bin/python');
const requirements = readFileSync(at('requirements.txt'), 'utf8');
// Written last: an installation that was interrupted begins again.
const installed = at('.venv/installed.txt');

if (existsSync(installed) && readFileSync(installed, 'utf8') === requirements) {
  console.log('test/peers/.venv is up to date.');
} else {
  console.log('Installing PyTorch and transformers into test/peers/.venv (several GB on Linux, some minutes) ...');
  run(windows ? 'python' : 'python3', ['-m', 'venv', at('.venv')]);
  run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', at('requirements.txt')]);
  writeFileSync(installed, requirements);
  console.log('Done. `npx vitest run test/peers` compares with them.');
}

function run(command, args) {
  try {
    execFileSync(command, args, { stdio: 'inherit' });
  } catch (error) {
    console.error(`${command} failed (${error.message}). The peer tests need Python 3.10 or newer with venv and pip.`);
    process.exit(1);
  }
}
