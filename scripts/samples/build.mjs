/**
 * @file Makes examples/data and the counts in examples/SOURCES.md from the published corpora.
 *
 *   node scripts/samples/build.mjs            writes the files
 *   node scripts/samples/build.mjs --check    compares instead, exit code 1 where a file differs
 *
 * The corpora (about 100 MB) are installed into this folder on demand, at the versions of its lock file.
 */

import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRules, packages } from './rules.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const examples = join(here, '../../examples');

const { makeSamples } = await loadRules('samples.mjs');
const sources = await readFile(join(examples, 'SOURCES.md'), 'utf8');
const files = await makeSamples(packages, sources);

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
