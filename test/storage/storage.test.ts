/**
 * @file Whatever the file system does to a run, what is on the disk is whole, the failure is told in a sentence, and going on with it
 * gives what a run without it gives, to the last bit. `npm run torture` lets every single operation fail.
 */

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { countOr, tellFigures } from '../torture';
import type { Job, JobResult } from './children/storage';

/** Every so manyth operation fails, or state of a crash is gone on from; the greatest are for a few trials of each kind. */
const [faultStep, crashStep] = [countOr('DISTILLERY_FAULT_STEP', 1, 430), countOr('DISTILLERY_CRASH_STEP', 1, 1150)];

/** At the first operations there is no run yet. */
const firstOf = (step: number): number => (step === 1 ? 1 : 41);

const fault = (code: string, lasting: boolean): Job => ({
  kind: 'fault',
  code,
  lasting,
  first: firstOf(faultStep),
  step: faultStep,
});

const kinds: [name: string, Job][] = [
  ['the disk is full for a moment', fault('ENOSPC', false)],
  ['the disk is full from then on', fault('ENOSPC', true)],
  ['the disk reports an error', fault('EIO', false)],
  ['permission is refused', fault('EACCES', false)],
  ['a write takes a part', fault('short', false)],
  ['the machine goes down', { kind: 'crash', first: firstOf(crashStep), step: crashStep }],
];

/** Beside the runner: the packages with native code are found from there. */
async function bundle(): Promise<string> {
  const outfile = path.resolve('dist/test/storage.cjs');
  mkdirSync(path.dirname(outfile), { recursive: true });
  await build({
    entryPoints: [path.join(import.meta.dirname, 'children', 'storage.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'koffi'],
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  return outfile;
}

function carryOut(program: string, jobs: readonly Job[]): Promise<JobResult[]> {
  const child = spawn(process.execPath, [program, JSON.stringify(jobs)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += data.toString()));
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(said) as JobResult[]);
      else reject(new Error(`The trials ended with ${String(code)}.`));
    });
  });
}

// What is written is told by the places of open files that Linux keeps.
it.runIf(process.platform === 'linux')(
  'whichever operation fails, and whatever a crash leaves of what was not synced, a run gone on with is as one without',
  async () => {
    const program = await bundle();
    const results = await carryOut(
      program,
      kinds.map(([, job]) => job),
    );
    for (const [i, { trials, of, changes, seconds }] of results.entries()) {
      const told = { trials, of, ...(changes !== undefined && { changes }), seconds };
      tellFigures(`storage-${i + 1}`, { what: kinds[i]![0], ...told });
    }
    expect(results.flatMap(({ wrong }) => wrong)).toEqual([]);
    for (const { trials } of results) expect(trials).toBeGreaterThan(1);
  },
  24 * 3_600_000,
);
