/** @file tfjs's op tests on the backends that are here. */

import { expect, it } from 'vitest';
import { findLibrary } from '../../src/engine/libraries';
import type { SuiteResult } from './result';
import { runSuiteProcess } from './suite-process';

/** Far more than it takes; a suite that hangs must end. */
const LIMIT = 600_000;

/** One line of counts, then a line for each reason why tests are left out. */
function summary(name: string, { passed, failed, leftOut }: SuiteResult): string {
  const reasons = Object.entries(leftOut).map(([reason, specs]) => `  ${specs.length} left out: ${reason}`);
  return [`${name}: ${passed.length} passed, ${failed.length} failed`, ...reasons].join('\n');
}

async function passes(name: string, entry: string, args: readonly string[] = []): Promise<void> {
  const result = await runSuiteProcess(entry, args);
  console.log(summary(name, result));
  expect(result.failed).toEqual([]);
  expect(result.unusedExclusions).toEqual([]);
  expect(result.passed.length).toBeGreaterThan(1000);
}

it('tfjs-cpu passes the op tests', () => passes('tfjs-cpu', 'tfjs-cpu'), LIMIT);

it('what is recorded passes the op tests on onnxruntime', () => passes('cpu', 'recorded', ['cpu']), LIMIT);

const withTensorflow = it.skipIf(findLibrary('tensorflow') === undefined);
withTensorflow('tfjs-node passes the op tests', () => passes('tfjs-node', 'tfjs-node'), LIMIT);
