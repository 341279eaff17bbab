/**
 * @file `npm run bench`: bundles the benchmark into dist/bench/, makes its Python environment if there is none, starts it.
 * `npm run bench -- growth ENGINE STEPS` looks at one engine's memory instead, `npm run bench -- curves` at how the step's
 * time grows, `npm run bench -- run-list` at how long the sidebar takes to read thousands of runs,
 * `npm run bench -- generation` at how fast texts are continued, `npm run bench -- open` at how much memory it takes to open a large checkpoint,
 * `npm run bench -- update` at the end of a step beside a copy of memory, `npm run bench -- memory` at where a step's memory is,
 * `npm run bench -- torchrun` at PyTorch's processes, `npm run bench -- student [SAMPLE…]` at the time from files to a good student, beside scripts in PyTorch,
 * `npm run bench -- start` at the time from the start of the program to the first step,
 * `npm run bench -- on-policy` at what a student gains from learning on its own texts.
 */

import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { installModels, installTestLibraries } from '../scripts/libraries.mjs';
import { programs } from './programs.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

await mkdir('dist/bench', { recursive: true });
await writeFile('dist/bench/package.json', '{ "type": "commonjs" }\n');
await build({
  entryPoints: programs.map((name) => `bench/${name}.ts`),
  outdir: 'dist/bench',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  external: ['onnxruntime-node', 'koffi', '@jax-js/jax'],
  // tfjs-core's ES modules, as in the runner's bundle.
  mainFields: ['module', 'main'],
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  sourcemap: true,
  logLevel: 'warning',
});
installTestLibraries();
const [, , ...options] = process.argv;
const models = ['minilm', 'smollm2'];
installModels(models.filter((name) => options.includes('--pretrained') || options.includes(name)));
const inDistillery = [
  'growth',
  'curves',
  'run-list',
  'load',
  'beside',
  'generation',
  'open',
  'update',
  'memory',
  'start',
  'on-policy',
];
if (inDistillery.includes(options[0])) {
  run(`dist/bench/${options[0]}.js`, ...options.slice(1));
} else if (['torchrun', 'student'].includes(options[0])) {
  if (!existsSync('test/peers/.venv/bin/python')) run('scripts/peers.mjs');
  run(`dist/bench/${options[0]}.js`, ...options.slice(1));
} else {
  if (!existsSync('test/peers/.venv/bin/python')) run('scripts/peers.mjs');
  run(options.includes('--whole') ? 'dist/bench/whole.js' : 'dist/bench/main.js', ...options);
}

function run(...command) {
  const { status } = spawnSync(process.execPath, command, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
