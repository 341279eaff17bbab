/** @file Expects tfjs's op tests to pass on a backend, but for those that are left out with a reason. */

import { expect } from 'vitest';
import type { SuiteResult } from './result';
import { runSuiteProcess } from './suite-process';

/** One line of counts, then a line for each reason why tests are left out. */
function summary(name: string, { passed, failed, leftOut }: SuiteResult): string {
  const reasons = Object.entries(leftOut).map(([reason, specs]) => `  ${specs.length} left out: ${reason}`);
  return [`${name}: ${passed.length} passed, ${failed.length} failed`, ...reasons].join('\n');
}

/**
 * @param entry file of test/op-suite/ that runs the suite, and what it is told
 * @param oneIn only each of so many tests is run
 */
export async function passes(name: string, entry: string, args: readonly string[] = [], oneIn = 1): Promise<void> {
  const result = await runSuiteProcess(entry, [...args, ...(oneIn > 1 ? [String(oneIn)] : [])]);
  console.log(summary(name, result));
  expect(result.failed).toEqual([]);
  if (oneIn === 1) expect(result.unusedExclusions).toEqual([]);
  expect(result.passed.length).toBeGreaterThan(1000 / oneIn);
}
