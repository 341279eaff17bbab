/**
 * @file The suite `unit` stays what people wait for after each change: what starts the program is in `program`. `npm run torture` runs all
 * that has a long form, and what `npm test` leaves to continuous integration is there.
 */

import { readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';
import { describe, expect, it } from 'vitest';
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

it('what is left to continuous integration has tests', () => {
  const [, literal] = /const leftToCi = \{(.*?)\n\};/s.exec(readFileSync('scripts/test.mjs', 'utf8'))!;
  const left = [...literal!.matchAll(/'(test\/.+?)'/g)].map(([, glob]) => glob!);
  expect(left.length).toBeGreaterThan(3);
  for (const glob of left) expect(globSync(glob), glob).not.toEqual([]);
});

describe('files that have a long form', () => {
  const [, literal] = /const longForms = \{(.*?)\n\};/s.exec(readFileSync('scripts/test.mjs', 'utf8'))!;
  const named = [...literal!.matchAll(/'(.+?)'/g)].map(([, part]) => part!);
  const files = globSync('test/**/*.{test,journey}.ts', { ignore: '**/node_modules/**' });

  /** What is only left out of it has none. */
  const isLonger = (text: string): boolean =>
    /from '[./]+\/torture'/.test(text) &&
    /\b(allOr|countOr|torture)\b/.test(text.replace(/^.*\bskipIf\(torture\).*$|^import .*$/gm, ''));

  it('are those that `npm run torture` is told of', () => {
    const long = files.filter((file) => isLonger(readFileSync(file, 'utf8')));
    expect(long.length).toBeGreaterThan(30);
    expect(long.filter((file) => !named.some((part) => file.includes(part)))).toEqual([]);
  });

  it('are there by each name it is told', () => {
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((part) => !files.some((file) => file.includes(part)))).toEqual([]);
  });
});
