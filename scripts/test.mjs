/**
 * @file Runs tests and adds up what they say: `node scripts/test.mjs`, or suites and parts of them by their paths below test/:
 * `unit/engine`, `journeys/lab`, `editor`. `--torture` runs the files that have a long form, in that form.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path, { delimiter } from 'node:path';
import { installTestLibraries } from './libraries.mjs';
import { tellReliability } from './reliability.mjs';

const results = 'dist/test/results';
const build = ['node', 'scripts/build.mjs'];

/** Of a suite: what runs before its tests, and its tests; the last writes the counts. Filters are parts of paths of files. */
const suites = {
  unit: (filters) => [vitest('unit', filters)],
  editor: () => [
    build,
    ['node', 'scripts/build-tests.mjs'],
    ['node', 'dist/test/editor/main.js', `${results}/editor.json`],
  ],
  journeys: (filters) => [build, [...vitest('journeys', filters), '--config', 'test/journeys/vitest.config.ts']],
};

/** Files that test all where the others take a part for it: see test/torture.ts. */
const longForms = {
  unit: [
    'op-suite',
    'webgpu',
    'golden/models-recorded',
    'golden/trajectories',
    'distill/recorded',
    'atomic-directory',
    'test/storage',
    'test/fuzz',
  ],
  journeys: ['accessibility'],
};

function vitest(name, filters) {
  const report = ['--reporter=default', '--reporter=json', `--outputFile=${results}/${name}.json`];
  return ['vitest', 'run', ...report, ...filters];
}

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
      slowest: json.testResults
        .map(({ name, startTime, endTime }) => [path.relative('test', name), (endTime - startTime) / 1000])
        .sort(([, a], [, b]) => b - a)
        .slice(0, 5)
        .map(([name, seconds]) => `${name} ${seconds.toFixed(1)} s`),
      failures: json.testResults.flatMap((file) =>
        file.assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
      ),
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function run([name, filters]) {
  const began = Date.now();
  rmSync(`${results}/${name}.json`, { force: true });
  const ok = suites[name](filters).every(
    ([command, ...args]) =>
      spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' })
        .status === 0,
  );
  const result = readCounts(name);
  // A suite that broke before its tests or beside them, and one without any, have failed too.
  if ((!ok || result.passed === 0) && result.failed === 0) result.failed = 1;
  console.log(`${name}: ${said(result)}, in ${Math.round((Date.now() - began) / 1000)} s`);
  if (result.slowest) console.log(`slowest: ${result.slowest.join(', ')}`);
  return result;
}

/** By suite, which of its files: all where none is named. `unit/engine` is what lies in test/engine. */
function wanted(names) {
  const parts = new Map();
  for (const name of names) {
    const [suite, ...rest] = name.replace(/^test\//, '').split('/');
    if (!(suite in suites) || (suite === 'editor' && rest.length > 0)) {
      console.error(
        `"${name}" is no suite and no part of one: ${Object.keys(suites).join(', ')}, unit/engine, journeys/lab.`,
      );
      process.exit(2);
    }
    if (!parts.has(suite)) parts.set(suite, []);
    if (rest.length > 0) parts.get(suite).push(['test', ...(suite === 'unit' ? [] : [suite]), ...rest].join('/'));
  }
  return [...parts];
}

const args = process.argv.slice(2);
const names = args.filter((name) => name !== '--torture');
let chosen = wanted(names.length > 0 ? names : Object.keys(suites));
if (args.includes('--torture')) {
  process.env.DISTILLERY_TORTURE = '1';
  chosen = names.length > 0 ? chosen : Object.entries(longForms);
}
mkdirSync(results, { recursive: true });
rmSync('dist/test/figures', { recursive: true, force: true });
process.env.PATH = ['node_modules/.bin', process.env.PATH].join(delimiter);
installTestLibraries();
const all = chosen.map(run);
const total = Object.fromEntries(counts.map((count) => [count, all.reduce((sum, result) => sum + result[count], 0)]));
for (const failure of all.flatMap(({ failures }) => failures ?? [])) console.log(`failed: ${failure}`);
if (args.includes('--torture')) await tellReliability();
console.log(said(total));
if (total.failed > 0) process.exitCode = 1;
