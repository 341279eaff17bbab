/** @file Makes, finds, lists and reads run directories, and writes `run.json`. */

import { constants, lstatSync } from 'node:fs';
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { naming, PARTIAL, syncFolder, writeAtomically } from '../model/files/atomic';
import { inTerminal } from '../protocol/escapes';
import { complaint, InputError } from '../protocol/problem';
import { isLive, type Comparison, type RunRecord } from '../protocol/records';
import { makeFolder } from './folders';
import { acquireLock, isBeingWritten, LOCK, lockHolder, waitForLock, type Lock } from './lock';
import { listOwned, openOwned, readOwned, removeOwned, requireOwned } from './owned';
import { runPaths, runsDirectory, type RunPaths } from './run-paths';
import { withoutNulls } from './numbers';
import { comparisonSchema, originSchema, runRecordSchema, unstartedSchema } from './run-schemas';
import { fromRecord, mapPaths, toRecord } from './workspace-paths';

/** A run as a view sees it. */
export interface Run {
  paths: RunPaths;
  /** `run.json`, except that a run whose process has died is `failed` and says so. */
  record: RunRecord;
}

/**
 * Makes the run directory of a resolved experiment, with `experiment.json` in it, and takes its lock. Its name is the time (UTC) and
 * the experiment's name; a number is added where two start within a second.
 */
export async function createRun(
  experiment: { file: string; name: string },
  now = new Date(),
): Promise<{ paths: RunPaths; lock: Lock }> {
  return inRunsOf(experiment, async (runs) => {
    await sweepUnbegun(runs);
    const directory = await makeUnique(join(runs, `${timeForFileName(now)}_${nameForFile(experiment.name)}`));
    try {
      const [paths, lock] = [runPaths(directory), await acquireLock(directory)];
      await writeExperimentRecord(paths, experiment);
      await syncFolder(runs);
      return { paths, lock };
    } catch (error) {
      await rm(directory, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
  });
}

/** As `createRun`, unless there is `such` a run already: of several processes that want to make it at once one does. */
export async function createOnlyRun(
  experiment: { file: string; name: string },
  such: (record: RunRecord) => boolean,
): Promise<{ paths: RunPaths; lock: Lock } | undefined> {
  return inRunsOf(experiment, async (runs) => {
    // Beside the runs: among them its file would be one.
    const lock = await waitForLock(dirname(runs));
    try {
      const isThere = (await listRuns(runs)).some(({ record }) => such(record));
      return isThere ? undefined : await createRun(experiment);
    } finally {
      await lock.release();
    }
  });
}

async function inRunsOf<T>({ file }: { file: string }, work: (runs: string) => Promise<T>): Promise<T> {
  const runs = runsDirectory(file);
  try {
    requireOwned(runs);
    await makeFolder(runs);
    return await work(runs);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw ofFolder.includes(code ?? '') ? InputError.at(runs, 'runs-not-writable', { reason: message }) : error;
  }
}

const ofFolder = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE'];

/**
 * Removes the folders of runs that were never begun: without an experiment, with nothing in them but what a process had that ended while
 * it made them. They are made in their place and not renamed into it, because an editor that watches folders would go on to name what
 * happens in one by where it was before.
 */
async function sweepUnbegun(runs: string): Promise<void> {
  for (const directory of (await runFolders(runs)).map((name) => join(runs, name))) {
    if (lstatSync(runPaths(directory).experiment, { throwIfNoEntry: false })) continue;
    const names = await listOwned(directory);
    const isUnbegun = names.every((name) => name.startsWith(LOCK) || name.endsWith(PARTIAL));
    if (!isUnbegun || (await lockHolder(directory)) !== undefined) continue;
    // An empty one may be of a process that is about to take its lock, which is a matter of moments.
    if (names.length > 0) await removeOwned(directory);
    else if (isOlderThan(A_MINUTE, directory)) await rmdir(directory).catch(() => undefined);
  }
}

const A_MINUTE = 60_000;

/** False where it is gone meanwhile: another run may sweep too. */
function isOlderThan(milliseconds: number, directory: string): boolean {
  const found = lstatSync(directory, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.mtimeMs > milliseconds;
}

/** A number is added where there is one of this name. */
async function makeUnique(directory: string): Promise<string> {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? directory : `${directory}-${number}`;
    try {
      await mkdir(candidate);
      return candidate;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/** "2025-03-01T09-30-00Z": ISO 8601 without the colons that Windows does not allow. */
function timeForFileName(time: Date): string {
  return time
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-');
}

/** Letters and digits of any script stay, all else becomes "-". */
function nameForFile(name: string): string {
  const words = name.normalize('NFC').match(/[\p{L}\p{N}]+/gu) ?? ['run'];
  // Cut between characters, not within one of two UTF-16 units.
  return Array.from(words.join('-')).slice(0, 48).join('');
}

/** Replaces `run.json` in one step, on disk when this resolves. */
export async function writeRunRecord(paths: RunPaths, record: RunRecord): Promise<void> {
  await writeAtomically(paths.record, `${JSON.stringify(record, undefined, 2)}\n`);
}

/** How much a line of `log.txt` matters. */
export type LogLevel = 'info' | 'warning' | 'error';

/** Appends a line to `log.txt`: its time, its level where that is not `info`, and its words. */
export async function appendLog(paths: RunPaths, line: string, level: LogLevel = 'info'): Promise<void> {
  const levelled = level === 'info' ? line : `${level}: ${line}`;
  const log = await openOwned(paths.log, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND);
  try {
    await naming(paths.log, log.appendFile(`${new Date().toISOString()} ${inTerminal(levelled)}\n`));
  } finally {
    await log.close();
  }
}

/** A line as `appendLog` wrote it, without its time. What its words say decides nothing. */
export function readLogLine(line: string): { level: LogLevel; words: string } {
  const [, level = 'info', words = ''] = /^(?:\d{4}-\d\d-\d\dT[\d:.]+Z )?(?:(warning|error): )?(.*)$/s.exec(line)!;
  return { level: level as LogLevel, words };
}

/** Replaces `experiment.json` in one step. */
export async function writeExperimentRecord(paths: RunPaths, experiment: object): Promise<void> {
  const written = mapPaths(experiment, (path) => toRecord(paths, path));
  await writeAtomically(paths.experiment, `${JSON.stringify(written, undefined, 2)}\n`);
}

/** What `experiment.json` holds, of whatever form; undefined where it cannot be read. */
export async function readExperimentRecord(paths: RunPaths): Promise<unknown> {
  return mapPaths(await readJson(paths.experiment), (path) => fromRecord(paths, path));
}

/** What tells a run from others of a list. */
export interface RunOrigin {
  /** Absolute path of the experiment file; it may have changed since, or be gone. */
  file: string;
  temperature?: number | { from: number; to: number };
  alpha?: number | { from: number; to: number };
}

/** Reads no more of the experiment than that, thousands of times. Undefined where `experiment.json` is damaged. */
export async function originOfRun(paths: RunPaths): Promise<RunOrigin | undefined> {
  const { data } = originSchema.safeParse(await readJson(paths.experiment));
  return data && ({ file: fromRecord(paths, data.file), ...data.distillation } as RunOrigin);
}

/** A run by its folder's name in the `.distillery/runs` of `from`, or by the path of its folder. Throws an InputError. */
export async function findRun(nameOrPath: string, from = process.cwd()): Promise<RunPaths> {
  const runs = runsDirectory(from, true);
  requireOwned(runs);
  for (const directory of [resolve(from, nameOrPath), join(runs, nameOrPath)]) {
    const paths = runPaths(directory);
    if ((await readJson(paths.experiment)) !== undefined) return paths;
  }
  const latest = (await runFolders(runs))[0];
  throw InputError.at(nameOrPath, 'run-missing', latest === undefined ? {} : { folder: runs, latest });
}

/** All runs in a `.distillery/runs`, latest first; damaged ones too, as failed. */
export async function listRuns(runs: string): Promise<Run[]> {
  const folders = await runFolders(runs);
  const listed: Run[] = [];
  // In portions, so that thousands of runs do not need thousands of open files.
  for (let start = 0; start < folders.length; start += 64) {
    const portion = folders.slice(start, start + 64);
    listed.push(...(await Promise.all(portion.map((folder) => readRun(join(runs, folder))))));
  }
  return listed;
}

async function runFolders(runs: string): Promise<string[]> {
  const entries = await readdir(runs, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .reverse();
}

/** Reads a run. Never throws for what is in the folder. */
export async function readRun(directory: string): Promise<Run> {
  const paths = runPaths(directory);
  const parsed = await readRecord(paths);
  // The schema is loose: it checks what every view relies on and keeps the rest as it is.
  const record = parsed ?? (await recordOfUnstarted(paths));
  if (!isLive(record.status) || (await isBeingWritten(directory, record.pid))) return { paths, record };
  // It may have ended between the two looks.
  const again = await readRecord(paths);
  if (again && again.status !== record.status) return { paths, record: again };
  return { paths, record: { ...record, status: 'failed', error: diedError(paths.id) } };
}

async function readRecord(paths: RunPaths): Promise<RunRecord | undefined> {
  const parsed = runRecordSchema.safeParse(await readJson(paths.record));
  if (!parsed.success) return undefined;
  const { summary, ...record } = parsed.data as RunRecord & { summary?: unknown };
  if (summary === undefined) return record;
  const compared = comparisonSchema.safeParse(summary);
  if (compared.success) return { ...record, summary: withoutNulls(compared.data as unknown as Comparison) };
  return { ...record, status: 'failed', error: complaint('run-summary-damaged', { run: paths.id }) };
}

function diedError(id: string): RunRecord['error'] {
  return complaint('run-died', { run: id });
}

/** What can be said of a run whose `run.json` was not written yet, or is damaged. */
async function recordOfUnstarted(paths: RunPaths): Promise<RunRecord> {
  const { data: experiment } = unstartedSchema.safeParse(await readJson(paths.experiment));
  return {
    name: experiment?.name ?? basename(paths.directory),
    task: experiment?.task ?? 'text-classification',
    status: 'queued',
    pid: 0,
    engine: experiment?.engine ?? 'auto',
    device: '',
    started: startOf(paths.id),
    error: null,
    sweep: experiment?.sweepMember,
  };
}

/** The time in a run folder's name, as ISO 8601. */
function startOf(id: string): string {
  const match = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\dZ)/.exec(id);
  return match === null ? new Date(0).toISOString() : match.slice(1).join(':');
}

/** What a file of ours holds as JSON; undefined where it cannot be read as that, or is a link. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse((await readOwned(file)).toString()) as unknown;
  } catch {
    return undefined;
  }
}
