/**
 * @file Carries the small run out over and over in one process, with a fault or a crash at another place each time, and goes on with what
 * that has left. Its argument is a list of jobs, as JSON; it prints what came of them.
 */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import vm from 'node:vm';
import * as ort from 'onnxruntime-node';
import { listRuns } from '../../../src/run-directory/run-directory';
import { runsDirectory } from '../../../src/run-directory/run-paths';
import { shareSessions } from '../../engine/shared-sessions';
import { readAtOnce } from '../../fuzz/children/at-once';
import { DiskLog, losses } from '../disk';
import { interpose, watchFiles, type Kind, type Operation } from '../interposer';
import {
  faultsOf,
  faultsOfMessage,
  leaveToAnother,
  outcomeOf,
  resumeSmall,
  runSmall,
  type Ending,
  type Outcome,
} from '../small-run';
import { emptyFolder, runsIn, unbegunIn, writeSmallWorkspace } from '../small-workspace';

/** The same few graphs are loaded thousands of times: each is compiled once. Nothing of the file system is in that. */
function keepSessions(): void {
  shareSessions(ort);
  // Memory is asked for at each training: here that is each moment.
  (vm as { runInNewContext: unknown }).runInNewContext = () => () => undefined;
}

const base = emptyFolder(`distillery-storage-${process.pid}`);
// Each run looks for what dead processes left there; what others have there is no affair of these.
process.env.TMPDIR = path.join(base, 'temporary');
mkdirSync(process.env.TMPDIR);
const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

/** Operations that may fail so. A full disk keeps nobody from removing. */
const applies: Record<string, (operation: Operation) => boolean> = {
  ENOSPC: ({ kind, name }) => isOf(kind, 'create', 'write', 'sync') || name === 'mkdir' || name === 'rename',
  EIO: () => true,
  EACCES: ({ kind, name }) => isOf(kind, 'look', 'open', 'create', 'change') || name === 'readFile',
  short: ({ name }) => ['write', 'writeSync', 'handle.write'].includes(name),
};

const isOf = (kind: Kind, ...kinds: Kind[]): boolean => kinds.includes(kind);

/** Trials with every `step`th operation, or state of a crash, from `first` on, until that moment (as of Date.now()). */
export type Job = { first: number; step: number; until?: number } & (
  { kind: 'fault'; code: string; lasting: boolean } | { kind: 'crash' }
);

/** What is printed now and then, a line of JSON: what has come since the last one. */
export interface JobResult {
  /** Its place in the list. */
  job: number;
  trials: number;
  /** Of how many operations, or states, there are. */
  of: number;
  /** The first one that was not tried yet; undefined where there are no more. */
  next?: number | undefined;
  /** Of a crash: after how many changes of the disk there are states. */
  changes?: number | undefined;
  seconds: number;
  /** What was done to the run, and what was wrong then. */
  wrong: { what: string; wrong: string[] }[];
}

const TRIALS_A_LINE = 25;

/** Keeps what comes of a job, and prints it. */
class Telling {
  private began = performance.now();
  private trials = 0;
  private wrong: JobResult['wrong'] = [];

  constructor(
    private readonly job: number,
    private readonly until = Infinity,
  ) {}

  /** @returns whether to stop */
  tried(what: string, wrong: string[], of: number, next: number, changes?: number): boolean {
    this.trials++;
    if (wrong.length > 0) this.wrong.push({ what, wrong });
    if (this.trials === TRIALS_A_LINE) this.tell({ of, next, changes });
    return Date.now() > this.until;
  }

  tell(rest: Pick<JobResult, 'of' | 'next' | 'changes'>): void {
    const seconds = (performance.now() - this.began) / 1000;
    const result: JobResult = { job: this.job, trials: this.trials, seconds, wrong: this.wrong, ...rest };
    console.log(JSON.stringify(result));
    this.began = performance.now();
    this.trials = 0;
    this.wrong = [];
  }
}

/** The run goes on without any fault, and must come out as one that was never interrupted. */
async function afterwards(workspace: string, expected: Outcome): Promise<string[]> {
  leaveToAnother(workspace);
  const runs = runsIn(workspace);
  const [run, ...others] = runs;
  if (run === undefined) return again(workspace, expected);
  if (others.length > 0) return [`${runs.length} runs`];
  await listRuns(runsDirectory(path.join(workspace, 'x')));
  if (!existsSync(path.join(run, 'experiment.json'))) return ['a run without experiment.json'];
  const { error, result } = await resumeSmall(workspace, run);
  if (error !== undefined) return [`not resumed: ${told(error)}`];
  if (result?.status !== 'done') return [`resumed to ${String(result?.status)}`];
  return faultsOf(run, expected);
}

/** Where there is no run yet, it is run as if nothing had been. */
async function again(workspace: string, expected: Outcome): Promise<string[]> {
  const { error } = await runSmall(workspace);
  if (error !== undefined) return [`not run again: ${told(error)}`];
  return [
    ...(await faultsOf(runsIn(workspace)[0]!, expected)),
    ...unbegunIn(workspace).map((name) => `${name} is left`),
  ];
}

/** @returns what was wrong, or undefined where the run has not so many operations */
async function faultAt(
  at: number,
  { code, lasting }: Extract<Job, { kind: 'fault' }>,
  expected: Outcome,
): Promise<{ count: number; what: string; wrong: string[] } | undefined> {
  const workspace = path.join(base, 'fault');
  rmSync(workspace, { recursive: true, force: true });
  writeSmallWorkspace(workspace);
  let count = 0;
  let met: Operation | undefined;
  watchFiles({
    root: workspace,
    decide: (operation) => {
      if (!applies[code]!(operation)) return undefined;
      const number = ++count;
      if (number !== at && !(lasting && number > at)) return undefined;
      met ??= operation;
      return code === 'short' ? 'short' : { code };
    },
  });
  const ending: Ending = await runSmall(workspace);
  await nextTurn();
  await nextTurn();
  watchFiles(undefined);
  if (!met) return undefined;
  const wrong = unhandled.splice(0).map((reason) => `unhandled: ${told(reason)}`);
  if (ending.error !== undefined) wrong.push(...faultsOfMessage(ending.error));
  else if (ending.result?.status !== 'done') wrong.push(`ended as ${String(ending.result?.status)}`);
  wrong.push(...(await afterwards(workspace, expected)));
  return { count, what: `${code} ${lasting ? 'from' : 'at'} ${at}: ${met.name} ${met.file}`, wrong };
}

const told = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : 'something');

async function tryFaults(job: Extract<Job, { kind: 'fault' }>, expected: Outcome, telling: Telling): Promise<void> {
  let of = 0;
  for (let at = job.first; ; at += job.step) {
    const trial = await faultAt(at, job, expected);
    if (!trial) {
      telling.tell({ of });
      return;
    }
    of = Math.max(of, trial.count);
    if (!telling.tried(trial.what, trial.wrong, of, at + job.step)) continue;
    telling.tell({ of, next: at + job.step });
    return;
  }
}

async function reference(): Promise<Outcome> {
  const workspace = path.join(base, 'reference');
  writeSmallWorkspace(workspace);
  const { error } = await runSmall(workspace);
  if (error !== undefined) throw new Error('The run fails without any fault.', { cause: error });
  return outcomeOf(runsIn(workspace)[0]!);
}

async function tryCrashes(job: Extract<Job, { kind: 'crash' }>, expected: Outcome, telling: Telling): Promise<void> {
  const workspace = path.join(base, 'crash');
  rmSync(workspace, { recursive: true, force: true });
  writeSmallWorkspace(workspace);
  const log = new DiskLog(workspace);
  watchFiles({ root: workspace, changes: log });
  await runSmall(workspace);
  watchFiles(undefined);
  const seen = new Set<string>();
  const changes = log.events.length;
  const after = path.join(base, 'after');
  let next: number | undefined;
  await log.replay(async (states, event) => {
    for (const loss of losses) {
      const files = states.files(loss, event);
      const key = keyOf(files);
      if (seen.has(key)) continue;
      seen.add(key);
      if (next !== undefined || seen.size < job.first || (seen.size - job.first) % job.step !== 0) continue;
      writeState(after, files);
      const wrong = await afterwards(after, expected);
      const following = seen.size + job.step;
      if (telling.tried(`crash after change ${event + 1}, ${loss}`, wrong, seen.size, following, changes))
        next = following;
    }
  });
  telling.tell({ of: seen.size, next, changes });
}

function keyOf(files: ReadonlyMap<string, Buffer | null>): string {
  const hash = createHash('sha1');
  for (const [name, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\n${content?.length ?? 'folder'}\n`).update(content ?? '');
  }
  return hash.digest('hex');
}

/** As it is found when the machine is there again, which takes it longer than a run has to take the lock of its new folder. */
function writeState(folder: string, files: ReadonlyMap<string, Buffer | null>): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const minutesAgo = new Date(Date.now() - 300_000);
  for (const [name, content] of files) {
    const place = path.join(folder, name);
    if (content === null) mkdirSync(place, { recursive: true });
    else writeFileSync(place, content);
  }
  for (const name of files.keys()) utimesSync(path.join(folder, name), minutesAgo, minutesAgo);
}

async function main(jobs: readonly Job[]): Promise<void> {
  keepSessions();
  readAtOnce();
  await interpose();
  const expected = await reference();
  for (const [i, job] of jobs.entries()) {
    const telling = new Telling(i, job.until);
    await (job.kind === 'fault' ? tryFaults(job, expected, telling) : tryCrashes(job, expected, telling));
  }
}

main(JSON.parse(process.argv[2]!) as Job[])
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => rmSync(base, { recursive: true, force: true }));
