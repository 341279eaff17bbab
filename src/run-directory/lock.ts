/**
 * @file The lock of a run directory: one process writes it at a time.
 *
 * Who wants the lock puts a file `lock.PID.START` there, and has it if no other such file belongs to a living process.
 * The name says who, START (when that process began) tells a process from a later one with the same id, and a file of a dead
 * process can be removed by anyone at any time, so that no order of events gives the lock to two.
 */

import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, isRunning, thisProcess } from './processes';

export interface Lock {
  /** Gives the lock back; again does nothing. */
  release(): Promise<void>;
}

/** Another process, or another part of this one, writes the run. */
export class LockedError extends Error {
  override readonly name = 'LockedError';

  constructor(
    readonly directory: string,
    readonly pid: number,
  ) {
    super(`The run is being written by process ${pid}. Stop that run first, or wait until it ends.`);
  }
}

const attempts = 5;
const claimName = /^lock\.(\d+)\.(.+)$/;

/** Takes the lock of a run directory, which is made if need be. Throws LockedError while a living process has it. */
export async function acquireLock(directory: string): Promise<Lock> {
  await mkdir(directory, { recursive: true });
  const { pid, start } = await thisProcess();
  const name = `lock.${pid}.${start}`;
  const path = join(directory, name);
  for (let attempt = 1; ; attempt++) {
    await writeFile(path, '', { flag: 'wx' }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw new LockedError(directory, process.pid);
      throw error;
    });
    const other = await otherHolder(directory, name);
    if (other === undefined) return { release: () => rm(path, { force: true }) };
    await rm(path, { force: true });
    if (attempt === attempts) throw new LockedError(directory, other);
    // Two that try at once see each other and both step back; they will not come back at the same time.
    await delay(10 + Math.random() * 40 * attempt);
  }
}

/**
 * Whether a process writes the run now. `pid` is who `run.json` says it is, which counts only where there is no lock at
 * all: another process may have that id by now. Changes nothing.
 */
export async function isBeingWritten(directory: string, pid: number): Promise<boolean> {
  const claims = await readClaims(directory);
  return claims.length === 0 ? isAlive(pid) : claims.some((claim) => claim.alive);
}

/** The living process that has or wants the lock of a directory; undefined where nobody has. */
export async function lockHolder(directory: string): Promise<number | undefined> {
  return (await readClaims(directory)).find((claim) => claim.alive)?.pid;
}

/** The living process, other than the one of the file `own`, that has or wants the lock. Removes what dead ones left. */
async function otherHolder(directory: string, own: string): Promise<number | undefined> {
  const others = (await readClaims(directory)).filter((claim) => claim.name !== own);
  await Promise.all(
    others.filter((claim) => !claim.alive).map(({ name }) => rm(join(directory, name), { force: true })),
  );
  return others.find((claim) => claim.alive)?.pid;
}

interface Claim {
  name: string;
  pid: number;
  alive: boolean;
}

async function readClaims(directory: string): Promise<Claim[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => claimName.test(name));
  return Promise.all(
    names.map(async (name) => {
      const [, pid, start] = claimName.exec(name)!;
      return { name, pid: Number(pid), alive: await isRunning({ pid: Number(pid), start: start! }) };
    }),
  );
}
