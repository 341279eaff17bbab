/**
 * @file The lock of a run directory: one process writes it at a time.
 *
 * Who wants the lock puts a file `lock.NAME` there (processes.ts has the name), and has it if no other such file belongs to a process
 * that lives or cannot be seen from here. The file of one that has ended can be removed by anyone at any time, so that no order of
 * events gives the lock to two. Whether a process in another container or on another machine lives cannot be known: it holds the lock
 * until a person says otherwise (docs/decisions/0031).
 */

import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ofFile } from '../model/files/atomic';
import { InputError } from '../protocol/problem';
import { readOwned } from './owned';
import { isAlive, readName, stateOf, thisProcess, writtenName, type ProcessState } from './processes';

export interface Lock {
  /** Gives the lock back; again does nothing. */
  release(): Promise<void>;
}

/** Who has or wants a lock. */
export interface Holder {
  pid: number;
  /** The name of its machine or container, as that calls itself. */
  host: string;
  /** Whether it is known to live: it is not where it cannot be seen from here. */
  isSeen: boolean;
  /** What it holds the lock by. */
  file: string;
}

/** Another process, or another part of this one, writes the run. */
export class LockedError extends Error {
  override readonly name = 'LockedError';

  constructor(
    readonly directory: string,
    readonly holder: Holder,
  ) {
    super(`${directory} is being written by process ${holder.pid} on ${holder.host}.`);
  }
}

/** Why nothing can be done with a run that somebody holds who cannot be seen from here. */
export function heldElsewhere(directory: string, { pid, host }: Holder): InputError {
  return InputError.at(directory, 'run-held-elsewhere', { pid, host, run: basename(directory) });
}

export interface LockOptions {
  /** Takes the lock from processes that cannot be seen from here. A person has said that they have ended. */
  takeOver?: boolean;
}

const attempts = 5;
export const LOCK = 'lock.';

/** Takes the lock of a run directory, which is made if need be. Throws LockedError while another process has it. */
export async function acquireLock(directory: string, { takeOver = false }: LockOptions = {}): Promise<Lock> {
  await mkdir(directory, { recursive: true });
  const own = await thisProcess();
  const name = LOCK + writtenName(own);
  const path = join(directory, name);
  for (let attempt = 1; ; attempt++) {
    await writeFile(path, hostname(), { flag: 'wx' }).catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        // Half written, it would be held by nobody.
        await rm(path, { force: true }).catch(() => undefined);
        throw ofFile(path, error);
      }
      throw new LockedError(directory, { pid: own.pid, host: hostname(), isSeen: true, file: path });
    });
    const other = await otherHolder(directory, name, takeOver);
    if (other === undefined) return { release: () => rm(path, { force: true }) };
    await rm(path, { force: true });
    if (attempt === attempts || !other.isSeen) throw new LockedError(directory, other);
    // Two that try at once see each other and both step back; they will not come back at the same time.
    await delay(10 + Math.random() * 40 * attempt);
  }
}

/** Takes a lock that everybody holds for moments alone; one that cannot be seen from here has left it behind. */
export async function waitForLock(directory: string): Promise<Lock> {
  for (;;) {
    try {
      return await acquireLock(directory, { takeOver: true });
    } catch (error) {
      if (!(error instanceof LockedError)) throw error;
      await delay(10);
    }
  }
}

/**
 * Whether a process writes the run now, as far as can be seen. `pid` is who `run.json` says it is, which counts only where there is no
 * lock at all: another process may have that id by now. Changes nothing.
 */
export async function isBeingWritten(directory: string, pid: number): Promise<boolean> {
  const claims = await readClaims(directory);
  return claims.length === 0 ? isAlive(pid) : claims.some((claim) => claim.state !== 'ended');
}

/** Who has or wants the lock of a directory; undefined where nobody has. One that is known to live comes first. */
export async function lockHolder(directory: string): Promise<Holder | undefined> {
  return holderAmong(directory, await readClaims(directory));
}

/** Who has or wants the lock, other than the one of the file `own`. Removes what ended ones, and those to take over from, left. */
async function otherHolder(directory: string, own: string, takeOver: boolean): Promise<Holder | undefined> {
  const others = (await readClaims(directory)).filter((claim) => claim.name !== own);
  const gone = others.filter(({ state }) => state === 'ended' || (takeOver && state === 'unseen'));
  await Promise.all(gone.map(({ name }) => rm(join(directory, name), { force: true })));
  return holderAmong(
    directory,
    others.filter((claim) => !gone.includes(claim)),
  );
}

interface Claim {
  name: string;
  pid: number;
  state: ProcessState;
}

async function holderAmong(directory: string, claims: readonly Claim[]): Promise<Holder | undefined> {
  const holder = claims.find(({ state }) => state === 'running') ?? claims.find(({ state }) => state === 'unseen');
  if (holder === undefined) return undefined;
  const file = join(directory, holder.name);
  const host = (await readOwned(file).catch(() => '')).toString();
  // A name of a few words: what else may stand there is not ours.
  return { pid: holder.pid, host: host.slice(0, 64), isSeen: holder.state === 'running', file };
}

async function readClaims(directory: string): Promise<Claim[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.startsWith(LOCK));
  return Promise.all(
    names.map(async (name): Promise<Claim> => {
      const process = readName(name.slice(LOCK.length));
      // Of another version: nothing is known of it.
      if (process === undefined) return { name, pid: Number.parseInt(name.slice(LOCK.length)) || 0, state: 'unseen' };
      return { name, pid: process.pid, state: await stateOf(process) };
    }),
  );
}
