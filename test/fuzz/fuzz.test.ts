/**
 * @file Whatever a file holds, whoever reads it says what is wrong with it in a sentence, soon, and with no more memory than the file gives cause for. `npm run
 * torture` reads a million inputs with each reader; cases that once went wrong are kept in corpus/, a folder for each reader.
 */

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { beforeAll, expect, it } from 'vitest';
import { countOr, Ledger, processes, tellFigures } from '../torture';
import type { FuzzResult, Plan } from './children/fuzz';

const inputs = countOr('DISTILLERY_FUZZ_INPUTS', 1_000_000, 40);
const seed = countOr('DISTILLERY_FUZZ_SEED', 1, 1);

const program = path.resolve('dist/test/fuzz.cjs');
beforeAll(async () => {
  mkdirSync(path.dirname(program), { recursive: true });
  await build({
    entryPoints: [path.join(import.meta.dirname, 'children', 'fuzz.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'koffi'],
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
});

/** So many are tried at a time, from a seed of their own. */
const size = Math.min(inputs, 5000);

/** @param told of each batch that is done */
function carryOut(args: readonly string[], told: (result: FuzzResult) => void): Promise<void> {
  // Nearly all that a reader makes is garbage at once: with more room for it, little is ever looked through.
  const child = spawn(process.execPath, ['--max-semi-space-size=32', program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // One that never comes back would hold the suite up.
  const patience = (): NodeJS.Timeout => setTimeout(() => child.kill('SIGKILL'), 60_000 + size * 200);
  let waiting = patience();
  createInterface(child.stdout).on('line', (line) => {
    clearTimeout(waiting);
    waiting = patience();
    told(JSON.parse(line) as FuzzResult);
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code, signal) => {
      clearTimeout(waiting);
      if (code === 0) resolve();
      else reject(new Error(`The readers ended with ${String(code ?? signal)}.`));
    });
  });
}

it('files that once went wrong are told of, or read', async () => {
  const results: FuzzResult[] = [];
  await carryOut(['corpus', path.join(import.meta.dirname, 'corpus')], (result) => results.push(result));
  expect(results.length).toBeGreaterThan(0);
  expect(results.flatMap(({ findings }) => findings)).toEqual([]);
});

interface Tried extends FuzzResult {
  seeds: number[];
}

const nothing = (target: string): Tried => ({
  target,
  seeds: [],
  inputs: 0,
  accepted: 0,
  seconds: 0,
  longest: 0,
  growth: 0,
  findings: [],
});

/** For a person: what was read with each target, and how fast. */
function tell(all: readonly Tried[], sittings: object): void {
  for (const { target, inputs, accepted, seconds, longest, growth } of all) {
    tellFigures(`fuzz-${target}`, {
      what: target,
      inputs,
      accepted,
      'a second': Math.round(inputs / seconds),
      'ms for the slowest 64': Math.round(longest),
      'MiB at most': Math.round(growth / 2 ** 20),
      ...sittings,
    });
  }
}

it(
  `of ${inputs} files that are nearly right each reader reads some, and tells of the others in a sentence`,
  async () => {
    const ledger = new Ledger<Tried[]>(`fuzz-${seed}-${size}`, program, []);
    const all = structuredClone(ledger.tried);
    const planOf = (part: number): Plan => ({
      size,
      first: seed,
      end: seed + Math.ceil(inputs / size),
      done: Object.fromEntries(all.map(({ target, seeds }) => [target, seeds])),
      part,
      parts: processes,
      ...(ledger.left < Infinity && { until: Date.now() + ledger.left }),
    });
    const told = (result: FuzzResult): void => {
      let tried = all.find(({ target }) => target === result.target);
      if (!tried) all.push((tried = nothing(result.target)));
      tried.seeds.push(result.seed!);
      for (const key of ['inputs', 'accepted', 'seconds'] as const) tried[key] += result[key];
      for (const key of ['longest', 'growth'] as const) tried[key] = Math.max(tried[key], result[key]);
      tried.findings.push(...result.findings);
      ledger.keep(all);
    };
    const parts = Array.from({ length: processes }, (_, part) => planOf(part));
    await Promise.all(parts.map((plan) => carryOut(['mutated', JSON.stringify(plan)], told)));
    tell(all, ledger.sittings);
    expect(all.length).toBeGreaterThan(0);
    for (const { accepted } of all) expect(accepted).toBeGreaterThan(0);
    expect(all.flatMap(({ findings }) => findings)).toEqual([]);
  },
  24 * 3_600_000,
);
