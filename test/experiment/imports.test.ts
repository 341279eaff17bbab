/** @file The extension host imports these rooms, so nothing heavy may come with them. */

import { globSync } from 'tinyglobby';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it('What the extension may import brings in neither tfjs nor onnxruntime', async () => {
  const { metafile } = await build({
    entryPoints: globSync('src/{experiment,run-directory,dataset}/**/*.ts'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    outdir: 'none',
    write: false,
    metafile: true,
  });
  const inputs = Object.keys(metafile.inputs);
  expect(inputs.some((input) => input.includes('/jsonc-parser/'))).toBe(true);
  expect(inputs.filter((input) => /@tensorflow|onnxruntime/.test(input))).toEqual([]);
});
