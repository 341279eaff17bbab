/** @file The suite `unit` stays what people wait for after each change: what starts the program is in `program`. */

import { readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';
import { expect, it } from 'vitest';
import { startsProgram } from '../suites';

const inProgram = globSync([...startsProgram]);

/** By what they import of test/runner. */
const starts = (file: string): boolean =>
  /from '[./]*(?:runner\/)?(?:program|in-process)'/.test(readFileSync(file, 'utf8'));

it('tests that start the program, or carry its command lines out, are of the suite "program"', () => {
  const elsewhere = ['test/editor/**', 'test/webview/**', 'test/harness/**'];
  const files = globSync('test/**/*.test.ts', { ignore: elsewhere });
  expect(files.filter(starts).length).toBeGreaterThan(40);
  expect(files.filter((file) => starts(file) && !inProgram.includes(file))).toEqual([]);
});

it('each place that is named for the suite "program" has tests', () => {
  for (const place of startsProgram) expect(globSync(place), place).not.toEqual([]);
});
