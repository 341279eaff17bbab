/**
 * @file The same steps in float32 and bfloat16, from a cold and from a warm cache and in both orders, on processors with AMX, with
 * AVX512_BF16 only, and without either: a machine that has more hides it by the library's own switches.
 */

import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { findLibrary } from '../../src/engine/libraries';
import type { Numbers, PrecisionResult } from './precision-process';
import { hasAmx, hasAvx512Core, hasBfloat16 } from './processor';

/** Relative. Of a model that has hardly begun, a divergence from its teacher is small, and its rounding is not. */
const TOLERANCE = { float32: 1e-4, bfloat16: 0.03 } as const;

const program = fileURLToPath(new URL('../../dist/test/engine/precision-process.cjs', import.meta.url));

/** OpenVINO has one switch for its own kernels, oneDNN another. */
const capped = (isa: string): NodeJS.ProcessEnv => ({ OV_CPU_MAX_ISA: isa, ONEDNN_MAX_CPU_ISA: isa });

interface Processor {
  name: string;
  there: boolean;
  environment: NodeJS.ProcessEnv;
  bfloat16: boolean;
}

const processors: readonly Processor[] = [
  { name: 'AMX', there: hasAmx, environment: {}, bfloat16: true },
  {
    name: 'AVX512_BF16 and without AMX',
    there: hasBfloat16,
    environment: capped('AVX512_CORE_BF16'),
    bfloat16: true,
  },
  {
    name: 'AVX-512 and without bfloat16',
    there: hasAvx512Core,
    environment: capped('AVX512_CORE'),
    bfloat16: false,
  },
];

const missing = findLibrary('openvino') === undefined ? 'OpenVINO is not installed' : undefined;

/** Names of numbers that differ by more than `within`, relatively. A NaN differs. */
const apart = (actual: Numbers, expected: Numbers, within: number): string[] =>
  Object.entries(expected).flatMap(([name, value]) =>
    Math.abs(actual[name]! - value) <= within * Math.abs(value) ? [] : [`${name}: ${actual[name]} for ${value}`],
  );

beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL('precision-process.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['onnxruntime-node', 'koffi'],
    // tfjs-core's ES modules, as in the runner's bundle.
    mainFields: ['module', 'main'],
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'warning',
  });
});

for (const { name, there, environment, bfloat16 } of processors) {
  const reason = missing ?? (there ? undefined : 'this processor has it not');
  describe.skipIf(reason !== undefined)(`on a processor with ${name}${reason ? ` (skipped: ${reason})` : ''}`, () => {
    let result: PrecisionResult;
    beforeAll(async () => {
      const env = { ...process.env, ...environment };
      const { stdout } = await promisify(execFile)(process.execPath, [program], { env });
      result = JSON.parse(stdout) as PrecisionResult;
    });

    it('every start computes what onnxruntime does, as exactly as its precision', () => {
      for (const [order, starts] of Object.entries(result.orders)) {
        for (const { start, numbers } of starts) {
          const precision = start.startsWith('float32') ? 'float32' : 'bfloat16';
          expect(apart(numbers, result.plain, TOLERANCE[precision]), `${start} (${order})`).toEqual([]);
        }
      }
    });

    it('a start is the same to the last digit with a cold and a warm cache, whatever came before', () => {
      const [first, second] = Object.values(result.orders).map(
        (starts) => new Map(starts.map(({ start, numbers }) => [start, numbers])),
      ) as [Map<string, Numbers>, Map<string, Numbers>];
      for (const precision of bfloat16 ? ['float32', 'bfloat16'] : ['float32']) {
        const [cold, warm] = [first.get(`${precision}, cold`)!, first.get(`${precision}, warm`)!];
        expect(warm).toEqual(cold);
        expect(second.get(`${precision}, cold`)).toEqual(cold);
      }
      if (bfloat16) expect(first.get('bfloat16, warm')).not.toEqual(first.get('float32, warm'));
    });

    it('a warm start finds what its own precision left, and nothing is refused', () => {
      for (const starts of Object.values(result.orders)) {
        expect(starts.flatMap(({ notes }) => notes)).toEqual([]);
        const files = starts.map((one) => one.files);
        if (!bfloat16) expect(new Set(files).size).toBe(1);
        else {
          // The update has no products and is the same in both.
          expect(files[1]).toBeGreaterThan(files[0]!);
          expect(files[1]).toBeLessThan(2 * files[0]!);
          expect(new Set(files.slice(1)).size).toBe(1);
        }
      }
    });

    it(bfloat16 ? 'bfloat16 is computed' : 'bfloat16 is refused by name', () => {
      if (bfloat16) expect(result.refused).toBeUndefined();
      else expect(result.refused).toMatch(/cannot compute in bfloat16: it has neither AMX nor AVX512_BF16/);
    });
  });
}
