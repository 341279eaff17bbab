/**
 * @file Makes examples/data and the counts in examples/SOURCES.md from the published corpora.
 *
 *   node scripts/samples/build.mjs            writes the files
 *   node scripts/samples/build.mjs --check    compares instead, exit code 1 where a file differs
 *
 * The corpora (about 100 MB) are installed into this folder on demand, at the versions of its lock file.
 */

import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const examples = join(here, '../../examples');

function installCorpora() {
  if (existsSync(join(here, 'node_modules/.package-lock.json'))) return;
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: here,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('npm ci failed in scripts/samples: see its message above.');
}

/** The rules are TypeScript, so that the tests of the project check them; Node 20 runs their bundle. */
async function loadRules() {
  const outfile = join(here, 'node_modules/.cache/samples.mjs');
  const entryPoints = [join(here, 'samples.mjs')];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external' });
  return import(pathToFileURL(outfile).href);
}

installCorpora();
const { makeSamples } = await loadRules();
const sources = await readFile(join(examples, 'SOURCES.md'), 'utf8');
const files = await makeSamples(join(here, 'node_modules'), sources);

let stale = 0;
for (const [name, content] of files) {
  const path = join(examples, name);
  const shown = relative(process.cwd(), path);
  if (process.argv.includes('--check')) {
    const same = existsSync(path) && (await readFile(path, 'utf8')) === content;
    stale += same ? 0 : 1;
    console.log(`${same ? 'same   ' : 'differs'} ${shown}`);
  } else {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    console.log(`${shown}: ${Buffer.byteLength(content)} bytes`);
  }
}
process.exitCode = stale === 0 ? 0 : 1;
