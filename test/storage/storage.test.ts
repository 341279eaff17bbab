/**
 * @file Whatever the file system does to a run, what is on the disk is whole, the failure is told in a sentence, and going on with it
 * gives what a run without it gives, to the last bit. `npm run torture` lets every single operation fail.
 */

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { countOr, Ledger, processes, tellFigures } from '../torture';
import type { Job, JobResult } from './children/storage';

/** Every so manyth operation fails, or state of a crash is gone on from; the greatest are for a few trials of each kind. */
const [faultStep, crashStep] = [countOr('DISTILLERY_FAULT_STEP', 1, 600), countOr('DISTILLERY_CRASH_STEP', 1, 1700)];

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

/** @param told of each line of what has come, see {@link JobResult} */
function carryOut(program: string, jobs: readonly Job[], told: (result: JobResult) => void): Promise<void> {
  const args = ['--max-semi-space-size=32', program, JSON.stringify(jobs)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface(child.stdout).on('line', (line) => told(JSON.parse(line) as JobResult));
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`The trials ended with ${String(code)}.`));
    });
  });
}

/** As {@link carryOut}, by several processes, each with one of the jobs at a time; the longest, which stands last, is begun first. */
async function shareOut(program: string, jobs: readonly Job[], told: (result: JobResult) => void): Promise<void> {
  if (processes === 1) return carryOut(program, jobs, told);
  const left = [...jobs.keys()];
  const work = async (): Promise<void> => {
    for (let job = left.pop(); job !== undefined; job = left.pop()) {
      const place = job;
      await carryOut(program, [jobs[place]!], (result) => told({ ...result, job: place }));
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
}

/** What was tried of one kind. */
interface Tried {
  trials: number;
  /** Of how many, as far as it is known: runs differ a little, since some of what they write depends on the time. */
  of: number;
  next?: number | undefined;
  changes?: number | undefined;
  seconds: number;
  wrong: JobResult['wrong'];
}

/** So many states of a crash are tried again by the next sitting, whose run may have a few more or less before them. */
const AGAIN = 20;

// What is written is told by the places of open files that Linux keeps.
it.runIf(process.platform === 'linux')(
  'whichever operation fails, and whatever a crash leaves of what was not synced, a run gone on with is as one without',
  async () => {
    const program = await bundle();
    const steps = `${faultStep}-${crashStep}`;
    const nothing = kinds.map(([, { first }]): Tried => ({ trials: 0, of: 0, next: first, seconds: 0, wrong: [] }));
    const ledger = new Ledger(`storage-${steps}`, program, nothing);
    const all = structuredClone(ledger.tried);
    const left = kinds.flatMap(([, job], i) => (all[i]!.next === undefined ? [] : [{ job, i }]));
    const jobs = left.map(({ job, i }): Job => {
      const { trials, next = 0 } = all[i]!;
      const first = job.kind === 'crash' && trials > 0 ? Math.max(job.first, next - AGAIN * job.step) : next;
      return { ...job, first, ...(ledger.left < Infinity && { until: Date.now() + ledger.left }) };
    });
    await shareOut(program, jobs, ({ job, trials, of, next, changes, seconds, wrong }) => {
      const tried = all[left[job]!.i]!;
      tried.trials += trials;
      tried.of = Math.max(tried.of, of);
      tried.next = next;
      tried.changes = changes;
      tried.seconds += seconds;
      tried.wrong.push(...wrong);
      ledger.keep(all);
    });
    for (const [i, { trials, of: count, changes, seconds }] of all.entries()) {
      const [what, { step }] = kinds[i]!;
      const of = changes === undefined ? `of about ${count} operations` : `of ${count} states after ${changes} changes`;
      const tried = { [step === 1 ? of : `${of}, one in ${step}`]: trials, seconds: Math.round(seconds) };
      tellFigures(`storage-${i + 1}`, { what, ...tried, ...ledger.sittings });
    }
    expect(all.flatMap(({ wrong }) => wrong)).toEqual([]);
    if (ledger.left > 0) for (const { trials } of all) expect(trials).toBeGreaterThan(1);
  },
  24 * 3_600_000,
);
