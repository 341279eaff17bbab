/**
 * @file Runs tests and adds up what they say: `node scripts/test.mjs`, or suites and parts of them by their paths below test/:
 * `unit/engine`, `program/runner/sweep`, `journeys/lab`, `editor`. `--torture` runs the files that have a long form, in that form; `--all`, and
 * continuous integration (`CI`), also what is left to it.
 */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path, { delimiter } from 'node:path';
import { installTestLibraries } from './libraries.mjs';
import { tellReliability } from './reliability.mjs';

const results = 'dist/test/results';

/** By suite, the projects of vitest.config.ts that it is. */
const projects = { unit: ['unit', 'alone'], program: ['program'], page: ['page'], webgpu: ['webgpu'] };

const suites = [...Object.keys(projects), 'editor', 'journeys'];

/** The command of a suite, or of several together, which writes the counts. Filters are parts of paths of files. */
function commandOf(name, filters) {
  if (name === 'editor') return ['node', 'dist/test/editor/main.js', `${results}/editor.json`];
  const left = leftOutOf([name, filters]).flatMap((files) => ['--exclude', files]);
  if (name === 'journeys') return [...vitest(name, filters), ...left, '--config', 'test/journeys/vitest.config.ts'];
  const chosen = name.split('+').flatMap((suite) => projects[suite]);
  return vitest(name, [...chosen.flatMap((project) => ['--project', project]), ...filters, ...left]);
}

/** Globs of files of a suite, or of several together, that this run leaves to continuous integration. */
function leftOutOf([name, filters]) {
  return runsAll || filters.length > 0 ? [] : name.split('+').flatMap((suite) => leftToCi[suite] ?? []);
}

/** What takes minutes and few changes touch: other machines, another language, folders that are on no disk. Who names one of them runs it too. */
const leftToCi = {
  program: ['test/torchrun/{hosts,runs,slurm,ssh}.test.ts'],
  journeys: [
    'test/journeys/hosts.journey.ts',
    'test/journeys/no-disk.journey.ts',
    'test/journeys/translation.journey.ts',
  ],
};

/** Files that test all where the others take a part for it: see test/torture.ts. */
const longForms = {
  unit: [
    'op-suite',
    'golden/attention',
    'golden/models-recorded',
    'golden/on-policy',
    'golden/trajectories',
    'engine/openvino-bfloat16',
    'engine/openvino-narrow-weights',
    'engine/openvino-segments',
    'engine/same-step',
    'distill/packing',
    'distill/recorded',
    'distill/seed-intervals',
    'protocol/study',
    'tokenizer/tokenizer',
    'dataset/long-lines',
    'atomic-directory',
    'test/fuzz',
  ],
  program: [
    'runner/interrupted',
    'runner/large-dataset',
    'runner/run.test',
    'runner/memory-plan',
    'runner/models/named-models',
    'runner/open-memory',
    'torchrun',
    'runner/seeds',
    'test/storage',
  ],
  page: ['webview/layout', 'webview/long-run'],
  webgpu: [
    'distill/packing',
    'golden/attention',
    'golden/trajectories',
    'engine/webgpu-float16',
    'engine/webgpu-operators',
    'engine/webgpu-training',
  ],
  journeys: ['lab.journey', 'experiments', 'welcome', 'hosts', 'packaged'],
};

function vitest(name, filters) {
  const report = ['--reporter=default', '--reporter=json', `--outputFile=${results}/${name}.json`];
  return ['vitest', 'run', ...report, ...filters];
}

const counts = ['passed', 'failed', 'skipped'];
const inWords = (result) => counts.map((count) => `${result[count]} ${count}`).join(', ');

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

/** Runs a suite; `output`: `inherit`, or `pipe` to print what it said once it has ended. */
async function run([name, filters], output) {
  const began = Date.now();
  rmSync(`${results}/${name}.json`, { force: true });
  const [command, ...args] = commandOf(name, filters);
  const child = spawn(command, args, { stdio: ['ignore', output, output], shell: process.platform === 'win32' });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => said.push(bytes));
  const [code] = await once(child, 'close');
  process.stdout.write(Buffer.concat(said));
  const result = readCounts(name);
  // A suite that broke before its tests or beside them, and one without any, have failed too.
  if ((code !== 0 || result.passed === 0) && result.failed === 0) result.failed = 1;
  console.log(`${name}: ${inWords(result)}, in ${Math.round((Date.now() - began) / 1000)} s`);
  if (result.slowest) console.log(`slowest: ${result.slowest.join(', ')}`);
  return result;
}

/** The editor's suite waits more than it computes: it runs beside the others but for the journeys, which come last. */
async function runAll(chosen) {
  const named = (...names) => chosen.filter(([name]) => names.includes(name));
  const others = chosen.filter(([name]) => name !== 'editor' && name !== 'journeys');
  const inTurn = async (suites) => {
    const results = [];
    for (const suite of suites) results.push(await run(suite, 'inherit'));
    return results;
  };
  const editor = named('editor').map((suite) => run(suite, others.length > 0 ? 'pipe' : 'inherit'));
  const all = [...(await inTurn(others)), ...(await Promise.all(editor))];
  return [...all, ...(await inTurn(named('journeys')))];
}

/** Builds once for all suites, and installs what those in an editor need. */
function prepare(names) {
  const script = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit' });
  const inEditor = names.some((name) => name === 'editor' || name === 'journeys');
  const startsProgram = names.some((name) => name.split('+').includes('program'));
  script('scripts/build.mjs', ...(inEditor ? [] : [`--only=${startsProgram ? 'runner,' : ''}tensorflow,wasm`]));
  process.env.DISTILLERY_BUILT = '1';
  if (!inEditor) return;
  script('scripts/build-tests.mjs');
  script('dist/test/harness/prepare.js');
}

/**
 * Where tests make their folders: in memory where the system has room for it, since runs wait for the disk at each checkpoint, and
 * those side by side for each other's. What is proved about files does not depend on what lies below them. What tests that were
 * interrupted left there goes.
 */
function temporaryFolder() {
  const prefix = 'distillery-tests-';
  let parent = os.tmpdir();
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    if (bavail * bsize > 6e9) parent = '/dev/shm';
  } catch {
    // No such place: not Linux.
  }
  for (const name of readdirSync(parent)) {
    if (name.startsWith(prefix) && !isAlive(Number(name.slice(prefix.length))))
      rmSync(path.join(parent, name), { recursive: true, force: true });
  }
  const folder = path.join(parent, `${prefix}${process.pid}`);
  mkdirSync(folder);
  return folder;
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Where the files of a suite lie that has a folder of its own. */
const folders = { page: ['webview'], journeys: ['journeys'] };

/** By suite, which of its files: all where none is named. `unit/engine` is what lies in test/engine. */
function wanted(names) {
  const parts = new Map();
  for (const name of names) {
    const [suite, ...rest] = name.replace(/^test\//, '').split('/');
    if (!suites.includes(suite) || (suite === 'editor' && rest.length > 0)) {
      console.error(
        `"${name}" is no suite and no part of one: ${suites.join(', ')}, unit/engine, program/runner/sweep, journeys/lab.`,
      );
      process.exit(2);
    }
    if (!parts.has(suite)) parts.set(suite, []);
    if (rest.length > 0) parts.get(suite).push(['test', ...(folders[suite] ?? []), ...rest].join('/'));
  }
  return [...parts];
}

/** Those whole suites of Vitest's are one run: no processor has nothing to do while the last file of one is under way. */
function joined(chosen) {
  const isWhole = ([name, filters]) => name in projects && filters.length === 0;
  const whole = chosen.filter(isWhole).map(([name]) => name);
  if (whole.length < 2) return chosen;
  return [[whole.join('+'), []], ...chosen.filter((suite) => !isWhole(suite))];
}

const args = process.argv.slice(2);
const names = args.filter((name) => !['--torture', '--all'].includes(name));
const runsAll = args.includes('--all') || Boolean(process.env.CI);
let chosen = joined(wanted(names.length > 0 ? names : suites));
if (args.includes('--torture')) {
  process.env.DISTILLERY_TORTURE = '1';
  chosen = names.length > 0 ? chosen : Object.entries(longForms);
}
mkdirSync(results, { recursive: true });
rmSync('dist/test/figures', { recursive: true, force: true });
process.env.PATH = ['node_modules/.bin', process.env.PATH].join(delimiter);
const temporary = temporaryFolder();
process.env.TMPDIR = process.env.TMP = process.env.TEMP = temporary;
installTestLibraries();
prepare(chosen.map(([name]) => name));
// Node reads these certificates at each start, which is then more than twice as long. What is fetched has been; tests ask nobody but themselves.
delete process.env.NODE_EXTRA_CA_CERTS;
const all = await runAll(chosen);
rmSync(temporary, { recursive: true, force: true });
const total = Object.fromEntries(counts.map((count) => [count, all.reduce((sum, result) => sum + result[count], 0)]));
const left = chosen.flatMap(leftOutOf);
if (left.length > 0) console.log(`left to \`npm run test:all\`, which is what CI runs: ${left.join(', ')}`);
for (const failure of all.flatMap(({ failures }) => failures ?? [])) console.log(`failed: ${failure}`);
if (args.includes('--torture')) tellReliability();
console.log(inWords(total));
if (total.failed > 0) process.exitCode = 1;
