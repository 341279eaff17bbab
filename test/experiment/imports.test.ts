/** @file The extension host imports this room, so nothing heavy may come with it. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it('The experiment room brings in neither tfjs nor onnxruntime', async () => {
  const folder = join(import.meta.dirname, '../../src/experiment');
  const { metafile } = await build({
    entryPoints: readdirSync(folder).map((file) => join(folder, file)),
    bundle: true,
    platform: 'node',
    mainFields: ['module', 'main'],
    outdir: 'none',
    write: false,
    metafile: true,
  });
  const inputs = Object.keys(metafile.inputs);
  expect(inputs.some((input) => input.includes('/jsonc-parser/'))).toBe(true);
  expect(inputs.filter((input) => /@tensorflow|onnxruntime/.test(input))).toEqual([]);
});
