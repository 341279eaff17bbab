/** @file `npm run bench:lab`: bundles the measurements of the Lab's page into dist/bench/ and runs them. */

import { build } from 'esbuild';
import { fileURLToPath, pathToFileURL } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const outfile = 'dist/bench/lab.mjs';
await build({
  entryPoints: ['bench/lab.ts'],
  outfile,
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  logLevel: 'warning',
});
await import(pathToFileURL(outfile).href);
