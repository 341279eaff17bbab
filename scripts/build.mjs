/** @file Bundles the extension, the runner and the Lab's page into dist/. `--watch` rebuilds on change, `--only=NAME` builds one. */

import { build, context } from 'esbuild';
import { mkdir, writeFile } from 'node:fs/promises';

const shared = { bundle: true, sourcemap: true, target: 'es2022', logLevel: 'warning', legalComments: 'none' };
// Packages' ES modules: tfjs-core's main is a second copy of it, jsonc-parser's cannot be bundled.
const node = { ...shared, platform: 'node', format: 'cjs', target: 'node20', mainFields: ['module', 'main'] };

const bundles = [
  { ...node, entryPoints: ['src/extension.ts'], outfile: 'dist/extension.js', external: ['vscode'] },
  {
    ...node,
    entryPoints: ['src/runner/main.ts'],
    outfile: 'dist/runner.js',
    // Packages with native code.
    external: ['onnxruntime-node', 'koffi'],
    // Some packages ask for their own address, which a CommonJS bundle has under another name.
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "#!/usr/bin/env node\nconst bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  },
  {
    ...shared,
    platform: 'browser',
    format: 'iife',
    entryPoints: ['webview/lab.ts'],
    outfile: 'dist/webview.js',
    minify: true,
    tsconfig: 'webview/tsconfig.json',
    loader: { '.css': 'text' },
  },
];

const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length);
const chosen = bundles.filter(({ outfile }) => only === undefined || outfile === `dist/${only}.js`);

await mkdir('dist', { recursive: true });
// The sources are ES modules; the bundles are CommonJS, which every VS Code loads.
await writeFile('dist/package.json', '{ "type": "commonjs" }\n');
if (process.argv.includes('--watch')) {
  await Promise.all(chosen.map(async (options) => (await context({ ...options, logLevel: 'info' })).watch()));
} else {
  await Promise.all(chosen.map((options) => build(options)));
}
