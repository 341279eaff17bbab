/**
 * @file Bundles the extension, the runner and the Lab's page into dist/, and what tfjs's backends need beside the runner.
 * `--watch` rebuilds on change, `--only=NAME,NAME` builds some.
 */

import { build, context } from 'esbuild';
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buildAddon } from './build-addon.mjs';
import { buildParts, deferred } from './deferred.mjs';

// What is bundled of others is told in the notices.
const shared = {
  bundle: true,
  metafile: true,
  sourcemap: true,
  target: 'es2022',
  logLevel: 'warning',
  legalComments: 'none',
};
// Packages' ES modules: tfjs-core's main is a second copy of it, jsonc-parser's cannot be bundled.
const node = { ...shared, platform: 'node', format: 'cjs', target: 'node20', mainFields: ['module', 'main'] };
// Some packages ask for their own address, which a CommonJS bundle has under another name.
const bundleUrl = "const bundleUrl = require('node:url').pathToFileURL(__filename).href;";
const ownAddress = { define: { 'import.meta.url': 'bundleUrl' }, banner: { js: bundleUrl } };

/** Of the extension: what it needs only once it shows or does something. */
const later = {
  schemas: ['./src/experiment/file/schema.ts', './src/run-directory/run-schemas.ts'],
  requests: ['vscode-jsonrpc/node'],
  datasets: [
    'csv-parse',
    'tinyglobby',
    'fzstd',
    'hyparquet',
    ...['assemble', 'column', 'convert', 'datapage', 'delta', 'encoding', 'plain', 'schema', 'thrift'].map(
      (part) => `hyparquet/src/${part}.js`,
    ),
  ],
  tokenizers: ['@huggingface/tokenizers', '@huggingface/jinja'],
};

const bundles = [
  {
    ...node,
    ...ownAddress,
    entryPoints: ['src/extension.ts'],
    outfile: 'dist/extension.js',
    external: ['vscode'],
    // Half as much to read and compile before the extension answers.
    minify: true,
    plugins: [deferred(later)],
  },
  {
    ...node,
    ...ownAddress,
    entryPoints: ['src/runner/main.ts'],
    outfile: 'dist/runner.js',
    // Packages with native code. They are CommonJS too, and what V8 keeps of a compiled program cannot hold an import() (test/runner/compiled.cjs).
    external: ['onnxruntime-node', 'koffi'],
    supported: { 'dynamic-import': false },
    // A quarter less to read at each start. Names stay, for traces, and an error does not show the whole file as its line.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 200,
    banner: { js: `#!/usr/bin/env node\n${bundleUrl}` },
  },
  {
    ...shared,
    platform: 'browser',
    format: 'iife',
    entryPoints: ['webview/lab.ts'],
    outfile: 'dist/webview.js',
    minify: true,
    tsconfig: 'webview/tsconfig.json',
    loader: { '.css': 'text', '.svg': 'text' },
  },
  {
    ...node,
    entryPoints: ['native/kernels.mjs'],
    outfile: 'dist/tensorflow/kernels.js',
    sourcemap: false,
    minify: true,
    tsconfigRaw: {},
    alias: { util: './native/util.cjs' },
    // The module is a function of the tfjs-core that the kernels register on, of which there may be only one.
    external: ['@tensorflow/tfjs', '@tensorflow/tfjs-core'],
    banner: { js: 'module.exports = (tfjs) => { const module = { exports: {} }; ((require, exports) => {' },
    footer: {
      js: "})((name) => (name.startsWith('@tensorflow/') ? tfjs : require(name)), module.exports); return module.exports; };",
    },
    plugins: [withoutSummaries()],
  },
];

const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);
const isChosen = (name) => only === undefined || only.split(',').includes(name);
const chosen = bundles.filter(({ outfile }) => isChosen(outfile.split(/[/.]/)[1]));

await mkdir('dist', { recursive: true });
// The sources are ES modules; the bundles are CommonJS, which every VS Code loads.
await writeFile('dist/package.json', '{ "type": "commonjs" }\n');
if (process.argv.includes('--watch')) {
  await Promise.all(chosen.map(async (options) => (await context({ ...options, logLevel: 'info' })).watch()));
} else {
  const tell = async (options) => tellBundled(path.basename(options.outfile, '.js'), [await build(options)]);
  await Promise.all(chosen.map(tell));
}
if (isChosen('extension')) {
  const parts = await buildParts(later, { ...node, ...ownAddress, minify: true, sourcemap: false, outdir: 'dist' });
  await tellBundled('later', parts);
}
if (isChosen('tensorflow')) await buildTensorflow();
if (isChosen('wasm')) await copyWasm();

/** Which packages' files are in a bundle: `dist/bundled/NAME.json`, their folders. */
async function tellBundled(name, results) {
  const files = results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const folders = files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []);
  await mkdir('dist/bundled', { recursive: true });
  await writeFile(`dist/bundled/${name}.json`, `${JSON.stringify([...new Set(folders)].sort(), undefined, 2)}\n`);
}

/** Only TensorBoard's summaries, which are not used, need the protocol buffers. */
function withoutSummaries() {
  return {
    name: 'without-summaries',
    setup: ({ onLoad }) => onLoad({ filter: /api_pb\.js$/ }, () => ({ contents: '' })),
  };
}

/** Where there is no compiler the build goes on: the engine says that it is missing when it is asked for. */
async function buildTensorflow() {
  await cp('native/LICENSE', 'dist/tensorflow/LICENSE');
  const problem = await buildAddon(path.resolve('dist/tensorflow/tfjs_binding.node'));
  if (problem) console.warn(`The engines tfjs-node and tfjs-node-gpu will be missing their addon: ${problem}.`);
}

async function copyWasm() {
  const from = 'node_modules/@tensorflow/tfjs-backend-wasm/dist';
  for (const name of await readdir(from)) {
    if (/wasm(-simd)?\.wasm$/.test(name)) await cp(path.join(from, name), path.join('dist/wasm', name));
  }
}
