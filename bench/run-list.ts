/**
 * @file `npm run bench -- run-list`: how long the sidebar's list takes to read thousands of runs, and one of them anew. What is read is
 * real files of a finished run, copied under other names; the editor's drawing is not part of it.
 */

import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { listRuns, originOfRun, readRun } from '../src/run-directory/run-directory';
import { runsDirectory } from '../src/run-directory/run-paths';
import { beginRun, finishRun } from '../test/extension/sample-run';
import { median } from './statistics';

const COUNTS = [300, 3000, 10_000];
const REPEATS = 5;

async function timed(task: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const started = performance.now();
    await task();
    times.push(performance.now() - started);
  }
  return median(times);
}

async function main(): Promise<void> {
  const workspace = await mkdtemp(path.join(os.tmpdir(), 'distillery-runs-'));
  try {
    const run = await beginRun(workspace);
    await finishRun(run);
    const { paths } = run;
    const runs = runsDirectory(workspace, true);
    let written = 1; // The one that was just made.
    for (const count of COUNTS) {
      for (; written < count; written++) {
        const directory = path.join(runs, `2020-01-01T00-00-${String(written).padStart(5, '0')}Z_old`);
        await cp(paths.record, path.join(directory, 'run.json'));
        await cp(paths.experiment, path.join(directory, 'experiment.json'));
      }
      const all = await timed(async () => {
        for (const listed of await listRuns(runs)) await originOfRun(listed.paths);
      });
      const one = await timed(() => readRun(paths.directory));
      console.log(`| ${count.toLocaleString('en')} | ${all.toFixed(0)} | ${one.toFixed(2)} |`);
    }
  } finally {
    await rm(workspace, { recursive: true });
  }
}

void main();
