/** @file Runs suites of tests, by name, one after the other, and adds up what they say: `node scripts/test.mjs unit editor`. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter } from 'node:path';
import { installTestLibraries } from './libraries.mjs';

const results = 'dist/test/results';
const vitest = (name) => [
  'vitest',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile=${results}/${name}.json`,
];
const suites = {
  unit: [vitest('unit')],
  editor: [
    ['node', 'scripts/build-tests.mjs'],
    ['node', 'dist/test/editor/main.js', `${results}/editor.json`],
  ],
  journeys: [[...vitest('journeys'), '--config', 'test/journeys/vitest.config.ts']],
};

const counts = ['passed', 'failed', 'skipped'];
const said = (result) => counts.map((count) => `${result[count]} ${count}`).join(', ');

/** What the last command of a suite wrote: vitest's own JSON, or our three counts. */
function readCounts(name) {
  try {
    const json = JSON.parse(readFileSync(`${results}/${name}.json`, 'utf8'));
    if (!('numTotalTests' in json)) return json;
    return {
      passed: json.numPassedTests,
      failed: json.numFailedTests,
      skipped: json.numPendingTests + json.numTodoTests,
      failures: json.testResults.flatMap((file) =>
        file.assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
      ),
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function run(name) {
  rmSync(`${results}/${name}.json`, { force: true });
  const ok = suites[name].every(
    ([command, ...args]) =>
      spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' })
        .status === 0,
  );
  const result = readCounts(name);
  // A suite that broke before its tests, and one without any, have failed too.
  if ((!ok || result.passed === 0) && result.failed === 0) result.failed = 1;
  console.log(`${name}: ${said(result)}\n`);
  return result;
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in suites));
if (names.length === 0 || unknown.length > 0) {
  console.error(`Usage: node scripts/test.mjs ${Object.keys(suites).join('|')} …`);
  process.exit(2);
}
mkdirSync(results, { recursive: true });
process.env.PATH = ['node_modules/.bin', process.env.PATH].join(delimiter);
installTestLibraries();
const all = names.map(run);
const total = Object.fromEntries(counts.map((count) => [count, all.reduce((sum, result) => sum + result[count], 0)]));
for (const failure of all.flatMap(({ failures }) => failures ?? [])) console.log(`failed: ${failure}`);
if (names.length > 1) console.log(said(total));
if (total.failed > 0) process.exitCode = 1;
