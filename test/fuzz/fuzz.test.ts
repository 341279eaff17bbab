/**
 * @file Whatever a file holds, whoever reads it says what is wrong with it in a sentence, soon, and with no more memory than the file gives cause for. `npm run
 * torture` reads a million inputs with each reader; cases that once went wrong are kept in corpus/, a folder for each reader.
 */

import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { beforeAll, expect, it } from 'vitest';
import { countOr, tellFigures } from '../torture';
import type { FuzzResult } from './children/fuzz';

const inputs = countOr('DISTILLERY_FUZZ_INPUTS', 1_000_000, 40);
const seed = countOr('DISTILLERY_FUZZ_SEED', 1, 1);

const program = path.resolve('dist/test/fuzz.cjs');
beforeAll(async () => {
  mkdirSync(path.dirname(program), { recursive: true });
  await build({
    entryPoints: [path.join(import.meta.dirname, 'children', 'fuzz.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'koffi'],
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
});

async function carryOut(...args: string[]): Promise<FuzzResult[]> {
  // One that never comes back would hold the suite up.
  const options = { maxBuffer: 1 << 26, timeout: 60_000 + inputs * 200 };
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], options);
  return JSON.parse(stdout) as FuzzResult[];
}

it('files that once went wrong are told of, or read', async () => {
  const results = await carryOut('corpus', path.join(import.meta.dirname, 'corpus'));
  expect(results.length).toBeGreaterThan(0);
  expect(results.flatMap(({ findings }) => findings)).toEqual([]);
});

it(
  `of ${inputs} files that are nearly right each reader reads some, and tells of the others in a sentence`,
  async () => {
    const results = await carryOut('all', String(inputs), String(seed));
    for (const { target, inputs, accepted, seconds, longest, growth } of results) {
      tellFigures(`fuzz-${target}`, {
        what: target,
        inputs,
        accepted,
        seconds: Math.round(seconds),
        'longest ms': Math.round(longest),
        'most MiB': growth >> 20,
      });
      expect(accepted).toBeGreaterThan(0);
    }
    expect(results.flatMap(({ findings }) => findings)).toEqual([]);
  },
  24 * 3_600_000,
);
