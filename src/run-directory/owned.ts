/**
 * @file What Distillery owns, `.distillery` and all below it, is never a link. A folder may come from a stranger, and a link in it
 * could lead anywhere: nothing behind one is read, written or removed.
 */

import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs';
import { lstat, open, readdir, rm, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { naming, NONBLOCKING, ofFile } from '../model/files/atomic';
import { InputError } from '../protocol/problem';

const ROOT = '.distillery';

/** For a link that has come since it was looked for, which Windows cannot be told, and for a pipe. */
const UNFOLLOWED = NONBLOCKING | (process.platform === 'win32' ? 0 : constants.O_NOFOLLOW);

/**
 * Refuses a path of ours of which any part, from `.distillery` down, is a link. What is not there yet is none.
 * A path that is not in a `.distillery` is not ours: only its last part is looked at.
 * @throws InputError that names the link
 */
export function requireOwned(location: string): void {
  const parts = path.resolve(location).split(path.sep);
  const root = parts.lastIndexOf(ROOT);
  for (let end = root === -1 ? parts.length : root + 1; end <= parts.length; end++) {
    const part = parts.slice(0, end).join(path.sep);
    // At once: a turn of the event loop for each part would be most of what listing thousands of runs costs.
    const found = lstatSync(part, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (found.isSymbolicLink()) throw linkError(part);
  }
}

/** Whether a path lies in a `.distillery`, so that it is ours. A teacher's folder that a person names is not. */
export function isOwned(location: string): boolean {
  return path.resolve(location).split(path.sep).includes(ROOT);
}

/** As requireOwned, of a folder and of all that is in it, which must be files and folders. */
export async function requireOwnedTree(folder: string): Promise<void> {
  requireOwned(folder);
  const wrong = await findInTree(folder, (entry) => !entry.isFile() && !entry.isDirectory());
  if (wrong !== undefined) throw (await lstat(wrong)).isSymbolicLink() ? linkError(wrong) : noFileError(wrong);
}

/**
 * Opens a file of ours. One that does not exist is the system's error, ENOENT.
 * @throws InputError where it, or a folder on the way to it, is a link, or it is no file
 */
export async function openOwned(file: string, flags = constants.O_RDONLY): Promise<FileHandle> {
  requireOwned(file);
  const handle = await open(file, flags | UNFOLLOWED);
  try {
    if ((await naming(file, handle.stat())).isFile()) return handle;
    throw noFileError(file);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Reads a file of ours, as `openOwned`. */
export async function readOwned(file: string): Promise<Buffer> {
  const small = readIfSmall(file);
  if (small !== undefined) return small;
  const handle = await openOwned(file);
  try {
    return await naming(file, handle.readFile());
  } finally {
    await handle.close();
  }
}

/** Bytes that are read at once: turns of the event loop would be most of what listing thousands of runs costs. */
const SMALL = 256 * 1024;

/** Undefined where it is larger than that. */
function readIfSmall(file: string): Buffer | undefined {
  requireOwned(file);
  const descriptor = openSync(file, constants.O_RDONLY | UNFOLLOWED);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw noFileError(file);
    return stats.size > SMALL ? undefined : readFileSync(descriptor);
  } catch (error) {
    throw error instanceof InputError ? error : ofFile(file, error);
  } finally {
    closeSync(descriptor);
  }
}

/** As readOwned; undefined where there is no such file. */
export async function readOwnedIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readOwned(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What is in a folder of ours; nothing where it does not exist. Throws an InputError where it is a link. */
export async function listOwned(folder: string): Promise<string[]> {
  requireOwned(folder);
  return readdir(folder).catch((): string[] => []);
}

/**
 * Removes a folder of ours for good. Links in it go, what they lead to stays.
 * @throws InputError where it is a link itself, or another file system is mounted in it
 */
export async function removeOwned(folder: string): Promise<void> {
  requireOwned(folder);
  const own = await lstat(folder).catch(() => undefined);
  if (own === undefined) return;
  const mount = await findInTree(folder, async (entry, location) => {
    return entry.isDirectory() && (await lstat(location)).dev !== own.dev;
  });
  if (mount !== undefined) {
    throw InputError.at(mount, 'owned-mount', {});
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

interface Entry {
  isDirectory(): boolean;
  isFile(): boolean;
  isSymbolicLink(): boolean;
}

/** The first entry below `folder` of which `test` is true; folders are walked, links are not. */
async function findInTree(
  folder: string,
  test: (entry: Entry, location: string) => boolean | Promise<boolean>,
): Promise<string | undefined> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const location = path.join(folder, entry.name);
    if (await test(entry, location)) return location;
    if (!entry.isDirectory()) continue;
    const found = await findInTree(location, test);
    if (found !== undefined) return found;
  }
  return undefined;
}

function noFileError(location: string): InputError {
  return InputError.at(location, 'owned-no-file', {});
}

function linkError(link: string): InputError {
  return InputError.at(link, 'owned-link', {});
}
