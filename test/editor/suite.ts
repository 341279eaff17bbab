/** @file The module that the extension host runs: all `*.test.js` beside it, their result written to DISTILLERY_TEST_RESULT. */

import Mocha, { reporters, Runner, type Test } from 'mocha';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface SuiteResult {
  passed: number;
  failed: number;
  skipped: number;
  /** For people: a line for each test, with the errors. */
  report: string;
}

/** Rejects when a test fails, as the editor expects. */
export async function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, reporter: reporters.Base });
  // The inventory asks what the others have carried out.
  const isLast = (file: string): number => Number(file === 'inventory.test.js');
  const files = readdirSync(__dirname).filter((file) => file.endsWith('.test.js'));
  for (const file of files.sort((a, b) => isLast(a) - isLast(b) || (a < b ? -1 : 1))) {
    mocha.addFile(path.join(__dirname, file));
  }
  const result = await collect(mocha);
  writeFileSync(process.env.DISTILLERY_TEST_RESULT!, JSON.stringify(result));
  if (result.failed > 0) throw new Error(`${result.failed} tests failed`);
}

/** The host's console does not reach the terminal, so the lines are collected (Base prints nothing). */
function collect(mocha: Mocha): Promise<SuiteResult> {
  return new Promise((resolve) => {
    const lines: string[] = [];
    const runner = mocha.run((failed) => {
      const { passes: passed = 0, pending: skipped = 0 } = runner.stats ?? {};
      resolve({ passed, failed, skipped, report: lines.join('\n') });
    });
    const title = (test: Test): string => test.titlePath().join(' › ');
    const { EVENT_TEST_PASS, EVENT_TEST_PENDING, EVENT_TEST_FAIL } = Runner.constants;
    runner.on(EVENT_TEST_PASS, (test) => lines.push(`✓ ${title(test)} (${test.duration ?? 0} ms)`));
    runner.on(EVENT_TEST_PENDING, (test) => lines.push(`- ${title(test)}`));
    runner.on(EVENT_TEST_FAIL, (test, error: Error) => lines.push(`✗ ${title(test)}\n${error.stack ?? error.message}`));
  });
}
