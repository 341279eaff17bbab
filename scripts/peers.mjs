/**
 * @file Makes what the peer tests compare with: test/peers/.venv, a Python environment, and test/peers/.llama-cpp with llama.cpp for Node. Does nothing where
 * they are up to date. `--llama-cpp`: the latter alone.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../test/peers/${path}`, import.meta.url));
const windows = process.platform === 'win32';
const python = at(windows ? '.venv/Scripts/python.exe' : '.venv/bin/python');
const files = [at('requirements.txt'), at('../../python/requirements.txt')];
const requirements = files.map((file) => readFileSync(file, 'utf8')).join('');
// Written last: an installation that was interrupted begins again.
const installed = at('.venv/installed.txt');

/** 85 MB, of which it needs the processor's part alone; all of it would be 700. */
const llamaCpp = { folder: at('.llama-cpp'), version: '3.22.1' };

if (!process.argv.includes('--llama-cpp')) installPython();
installLlamaCpp();
console.log('`npx vitest run --project program test/peers` compares with them.');

function installPython() {
  if (existsSync(installed) && readFileSync(installed, 'utf8') === requirements) {
    console.log('test/peers/.venv is up to date.');
    return;
  }
  console.log('Installing PyTorch and transformers into test/peers/.venv (several GB on Linux, some minutes) ...');
  const needs = 'The peer tests need Python 3.10 or newer with venv and pip.';
  run(windows ? 'python' : 'python3', ['-m', 'venv', at('.venv')], needs);
  run(python, ['-m', 'pip', 'install', '--quiet', ...files.flatMap((file) => ['--requirement', file])], needs);
  writeFileSync(installed, requirements);
}

function installLlamaCpp() {
  const { folder, version } = llamaCpp;
  const wanted = JSON.stringify({ private: true, description: `node-llama-cpp ${version}` });
  const manifest = `${folder}/package.json`;
  if (existsSync(`${folder}/node_modules`) && existsSync(manifest) && readFileSync(manifest, 'utf8') === wanted) {
    console.log('test/peers/.llama-cpp is up to date.');
    return;
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(manifest, wanted);
  const platform = { win32: 'win', darwin: 'mac' }[process.platform] ?? process.platform;
  const binary = `@node-llama-cpp/${platform}-${process.arch}${platform === 'mac' ? '-metal' : ''}@${version}`;
  // Its install script would look for a compiler; without optional packages those for GPUs stay away.
  const options = ['--ignore-scripts', '--omit=optional', '--no-save', '--no-audit', '--no-fund'];
  const npm = ['install', ...options, '--prefix', folder, `node-llama-cpp@${version}`, binary];
  run(windows ? 'npm.cmd' : 'npm', npm, 'The tests with llama.cpp need node-llama-cpp from the npm registry.');
}

function run(command, args, needs) {
  try {
    execFileSync(command, args, { stdio: 'inherit', shell: windows });
  } catch (error) {
    console.error(`${command} failed (${error.message}). ${needs}`);
    process.exit(1);
  }
}
