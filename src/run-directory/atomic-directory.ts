/**
 * @file Folders that are replaced whole: whenever the process dies, a complete one, the previous or the new, is there.
 *
 * A folder cannot be renamed over another, so a replacement passes through these states, each on disk before the next:
 *   NAME                  the previous one
 *   NAME  NAME.tmp-X      the new one is being written (never read)
 *   NAME  NAME.new-X      the new one is complete and synced
 *   NAME.old-X  NAME.new-X
 *   NAME  NAME.old-X      the new one is in place
 * A reader takes NAME, else NAME.new-X, else NAME.old-X.
 */

import { randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { naming, syncFolder, unfinished } from '../model/files/atomic';
import { makeFolder } from './folders';
import { isOwned, requireOwnedTree } from './owned';

/**
 * Replaces the folder `target` by what `write` puts into the folder it is given. When this resolves, the new one is on
 * disk; when `write` throws, the previous one stays. One writer at a time: hold the run's lock.
 * @param kept where the one that is replaced goes, over what is there; without it, it is removed
 */
export async function saveDirectoryAtomically(
  target: string,
  write: (directory: string) => Promise<void>,
  kept?: string,
): Promise<void> {
  await recoverDirectory(target, kept);
  const suffix = randomBytes(6).toString('hex');
  const [aside, complete, previous] = [
    unfinished(target, suffix),
    `${target}.new-${suffix}`,
    `${target}.old-${suffix}`,
  ];
  await makeFolder(aside);
  try {
    await write(aside);
    await syncTree(aside);
  } catch (error) {
    await rm(aside, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
  await renamePatiently(aside, complete);
  await syncFolder(dirname(target));
  await swap(target, complete, previous, kept);
}

/**
 * The folder to read: `target` itself, or what an interrupted replacement left complete. Undefined where nothing was ever
 * saved. Throws an InputError where it is ours, and it or something in it is a link.
 */
export async function findCompleteDirectory(target: string): Promise<string | undefined> {
  // A writer may be between its two renames, so what was seen a moment ago is looked for once more.
  for (let attempt = 0; attempt < 3; attempt++) {
    const { present, complete, previous } = await look(target);
    const found = present ? target : (complete[0] ?? previous[0]);
    if (found === undefined) continue;
    if (isOwned(found)) await requireOwnedTree(found);
    return found;
  }
  return undefined;
}

const MOST_PATIENCE_MS = 10_000;

/**
 * Reads the folder with `read`, again if it was replaced meanwhile, so that what comes back is all of one version.
 * Undefined where nothing was ever saved.
 */
export async function readDirectoryAtomically<T>(
  target: string,
  read: (directory: string) => Promise<T>,
): Promise<T | undefined> {
  // A writer that replaces the folder all the time may be ahead of a slow reader many times, not for ever.
  const deadline = performance.now() + MOST_PATIENCE_MS;
  while (performance.now() < deadline) {
    const directory = await findCompleteDirectory(target);
    if (directory === undefined) return undefined;
    const before = await identity(directory);
    if (before === undefined) continue; // renamed since it was found
    const outcome = await read(directory).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if (before !== (await identity(directory))) continue;
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }
  throw new Error(`${target} is replaced faster than it can be read.`);
}

/**
 * Finishes what an interrupted replacement of `target` began, and removes what it left over. Whoever calls it holds the run's lock.
 * @param kept as saveDirectoryAtomically has it for this folder
 */
export async function recoverDirectory(target: string, kept: string | undefined): Promise<void> {
  const { present, complete, previous, unfinished } = await look(target);
  const [newest] = complete;
  if (newest !== undefined) {
    await swap(target, newest, newest.replace('.new-', '.old-'), kept);
  } else if (!present && previous[0] !== undefined) {
    await renamePatiently(previous[0], target);
  }
  for (const folder of previous) if (await exists(folder)) await setAside(folder, kept);
  await Promise.all(unfinished.map((folder) => rm(folder, { recursive: true, force: true })));
}

async function swap(target: string, complete: string, previous: string, kept: string | undefined): Promise<void> {
  const replaces = await exists(target);
  if (replaces) await renamePatiently(target, previous);
  await renamePatiently(complete, target);
  await syncFolder(dirname(target));
  if (replaces) await setAside(previous, kept);
}

/** What was replaced: kept in its place, or removed. */
async function setAside(previous: string, kept: string | undefined): Promise<void> {
  await rm(kept ?? previous, { recursive: true, force: true, maxRetries: 5 });
  if (kept === undefined) return;
  await renamePatiently(previous, kept);
  await syncFolder(dirname(kept));
}

interface Siblings {
  present: boolean;
  complete: string[];
  previous: string[];
  unfinished: string[];
}

async function look(target: string): Promise<Siblings> {
  const parent = dirname(target);
  const name = basename(target);
  const entries = (await readdir(parent).catch(ifMissing)) ?? [];
  const startingWith = (prefix: string) =>
    entries.filter((entry) => entry.startsWith(prefix)).map((entry) => join(parent, entry));
  return {
    present: entries.includes(name),
    complete: startingWith(`${name}.new-`),
    previous: startingWith(`${name}.old-`),
    unfinished: startingWith(`${name}.tmp-`),
  };
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else await syncFile(path);
  }
  await syncFolder(folder);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await naming(path, file.sync());
  } finally {
    await file.close();
  }
}

/** On Windows a rename fails while a virus scanner or a reader has a file of the folder open; that passes. */
async function renamePatiently(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (process.platform !== 'win32' || (code !== 'EPERM' && code !== 'EBUSY') || attempt === 20) throw error;
      await delay(attempt * 10);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return (await identity(path)) !== undefined;
}

async function identity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(ifMissing);
  // File systems give a removed folder's inode to the next one, so its birth counts too.
  return found && `${found.ino.toString()}:${found.birthtimeNs.toString()}`;
}

/** Undefined for what is not there. What a failing disk does not show may well be. */
function ifMissing(error: unknown): undefined {
  const { code = '' } = error as NodeJS.ErrnoException;
  // On Windows also what is just being removed.
  const missing = ['ENOENT', 'ENOTDIR', ...(process.platform === 'win32' ? ['EPERM', 'EBUSY'] : [])];
  if (!missing.includes(code)) throw error;
}
