/** @file Bundles the tests that run in an editor, and what starts them, into dist/test/. */

import { build } from 'esbuild';
import { chmod } from 'node:fs/promises';

await build({
  entryPoints: [
    'test/harness/launcher.ts',
    'test/harness/prepare.ts',
    'test/editor/main.ts',
    'test/editor/suite.ts',
    'test/editor/*.test.ts',
  ],
  outbase: 'test',
  outdir: 'dist/test',
  bundle: true,
  packages: 'external',
  external: ['vscode'],
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  sourcemap: 'inline',
  logLevel: 'warning',
});
await chmod('dist/test/harness/launcher.js', 0o755);
