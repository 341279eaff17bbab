/**
 * @file `npm run bench`: bundles the benchmark into dist/bench/, makes its Python environment if there is none, starts it.
 * `npm run bench -- NAME` starts another of its programs, which `npm run bench -- --help` lists.
 */

import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { installModels, installTestLibraries } from '../scripts/libraries.mjs';
import { looks, programs } from './programs.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const [, , ...options] = process.argv;
if (options.includes('--help')) {
  const about = Object.entries(looks).map(([name, { tells }]) => `  ${name.padEnd(12)}${tells}`);
  console.log(`npm run bench -- [--case NAME] [--engine NAME] [--blocks N] [--quick]   a step beside PyTorch's
npm run bench -- --whole [--pretrained]   a whole distillation beside PyTorch's
npm run bench -- NAME …   one of these:
${about.join('\n')}`);
  process.exit();
}

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
const models = ['minilm', 'smollm2'];
installModels(models.filter((name) => options.includes('--pretrained') || options.includes(name)));
const [name, ...rest] = options;
const look = Object.hasOwn(looks, name ?? '') ? looks[name] : undefined;
if ((look === undefined || look.needsPyTorch) && !existsSync('test/peers/.venv/bin/python')) run('scripts/peers.mjs');
if (look) run(`dist/bench/${name}.js`, ...rest);
else run(options.includes('--whole') ? 'dist/bench/whole.js' : 'dist/bench/main.js', ...options);

function run(...command) {
  const { status } = spawnSync(process.execPath, command, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
