/** @file tfjs's own op tests, which its npm package holds, run against one backend in a plain Node process of their own. */

import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import { writeFileSync } from 'node:fs';
import { ArrayWithExactContents, expect, expectAsync } from './expect';
import type { Exclusion, SuiteResult } from './result';
import { describe, fail, hook, it, limits, runSpecs, xit } from './specs';
import { spyOn } from './spies';

export interface SuiteOptions {
  /** A backend that is registered; `setBackend` must succeed. */
  backend: string;
  /** Specs whose full name it does not accept are skipped. All are accepted where it is absent. */
  include?: (name: string) => boolean;
  exclude: readonly Exclusion[];
}

const globals = {
  describe,
  it,
  xit,
  fail,
  expect,
  expectAsync,
  spyOn,
  beforeAll: hook('beforeAll'),
  beforeEach: hook('beforeEach'),
  afterEach: hook('afterEach'),
  afterAll: hook('afterAll'),
  jasmine: Object.assign(limits, {
    arrayWithExactContents: (elements: unknown[]) => new ArrayWithExactContents(elements),
  }),
};

/**
 * Runs the suite and writes a `SuiteResult` as JSON to the file that the process was given. Names read as in tfjs-node's own runner: `add
 * test-BACKEND {} A + B`.
 */
export async function runSuite({ backend, include = () => true, exclude }: SuiteOptions): Promise<void> {
  const file = process.argv[2];
  if (file === undefined) throw new Error('Usage: node SUITE.cjs RESULT.json');
  Object.assign(globalThis, globals);
  setTestEnvs([{ name: `test-${backend}`, backendName: backend, flags: {}, isDataSync: true }]);
  await import('@tensorflow/tfjs-core/dist/tests.js');

  const result: SuiteResult = { passed: [], failed: [], skipped: [], unusedExclusions: [] };
  const used = new Set<Exclusion>();
  const chosen = (name: string): boolean => {
    const exclusion = exclude.find(({ spec }) => name.includes(spec));
    if (exclusion) used.add(exclusion);
    return !exclusion && include(name);
  };
  await runSpecs(chosen, (name, outcome) => {
    if (outcome.status === 'failed') result.failed.push({ name, problems: outcome.problems });
    else result[outcome.status].push(name);
  });
  result.unusedExclusions = exclude.filter((exclusion) => !used.has(exclusion)).map(({ spec }) => spec);
  writeFileSync(file, JSON.stringify(result));
  // Timers that tests leave behind do not keep the process.
  process.exit(0);
}
