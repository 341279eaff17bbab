/**
 * @file What is kept of datasets, `.distillery/cache/rows/KEY`: where the rows of large ones lie, and the tokens of others, so that the next run of the same
 * files reads them no more before it begins. A file is whole or not there, and whoever reads it checks its digest; it may be deleted at any time.
 */

import { createHash } from 'node:crypto';
import { lstat, rm, stat, utimes, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PARTIAL, writeAtomically } from '../model/files/atomic';
import { makeFolder } from './folders';
import { listOwned, openOwned, readOwnedIfThere, requireOwned } from './owned';
import { runsDirectory } from './run-paths';

/** So many are kept: those of a few datasets and ways to read them, and what teachers say of them. */
const MOST_KEPT = 16;

/** What is still being written after so long was left by a process that was killed. */
const LEFT_MS = 60 * 60_000;

/** The `cache/rows` folder that belongs to a `.distillery/runs`. */
export function rowIndexes(runs: string): string {
  return join(dirname(runs), 'cache', 'rows');
}

/** Where the index of a file is kept for experiments in a folder. @param what how the file is read */
export function rowIndexPath(folder: string, file: string, what: string): string {
  const key = createHash('sha256').update(`${file}\n${what}`).digest('hex').slice(0, 32);
  return join(rowIndexes(runsDirectory(folder, true)), key);
}

const isKey = (name: string): boolean => /^[0-9a-f]{32}$/.test(name);

/** So many bytes say what an index is of. */
const FIRST_BYTES = 2 ** 16;

/** An index that is kept, not read. */
export interface RowIndexFile {
  key: string;
  place: string;
  /** On disk. */
  bytes: number;
  lastUsed: string;
  /** The first bytes of it. */
  first: Uint8Array;
}

/** The indexes in a `cache/rows`, the last used first; what is not a file there is none. Throws an InputError where that is a link. */
export async function listRowIndexes(folder: string): Promise<RowIndexFile[]> {
  const paths = (await listOwned(folder)).filter(isKey).map((name) => join(folder, name));
  const found = await Promise.all(paths.map(rowIndexFile));
  return found.filter((one) => one !== undefined).sort((a, b) => b.lastUsed.localeCompare(a.lastUsed));
}

/** Undefined where it is no file of ours, or another process has just removed it. */
async function rowIndexFile(path: string): Promise<RowIndexFile | undefined> {
  if (!(await lstat(path).catch(() => undefined))?.isFile()) return undefined;
  const handle = await openOwned(path).catch(() => undefined);
  if (!handle) return undefined;
  try {
    const { size, mtime } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(size, FIRST_BYTES)), 0);
    const first = buffer.subarray(0, bytesRead);
    return { key: basename(path), place: path, bytes: size, lastUsed: mtime.toISOString(), first };
  } finally {
    await handle.close();
  }
}

/** Throws an InputError where it lies behind a link. */
export async function removeRowIndex(path: string): Promise<void> {
  requireOwned(path);
  await rm(path, { force: true });
}

/** The bytes that are kept there; undefined where there are none. Throws an InputError where it is a link. */
export async function readKeptIndex(path: string): Promise<Uint8Array | undefined> {
  const bytes = await readOwnedIfThere(path);
  const now = new Date();
  // Says when it was last used.
  if (bytes) await utimes(path, now, now).catch(() => undefined);
  return bytes;
}

/** A kept file to be read; to be closed. */
export interface OpenKept {
  file: FileHandle;
  bytes: number;
}

/** Undefined where there is none. Throws an InputError where it is a link. */
export async function openKept(path: string): Promise<OpenKept | undefined> {
  const file = await openOwned(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file) return undefined;
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
  return { file, bytes: (await file.stat()).size };
}

/** Keeps the bytes, and removes what was not used for longest where there are more than a few. */
export async function keepIndex(path: string, bytes: Iterable<Uint8Array>): Promise<void> {
  const folder = dirname(path);
  requireOwned(folder);
  await makeFolder(folder);
  await writeAtomically(path, bytes);
  const others = (await listOwned(folder)).map((name) => join(folder, name));
  const used = await Promise.all(others.map(async (one) => ({ one, at: await lastUse(one) })));
  const isLeft = ({ one, at }: { one: string; at: number }): boolean =>
    one.endsWith(PARTIAL) && Date.now() - at > LEFT_MS;
  const kept = used.filter(({ one }) => isKey(basename(one))).sort((a, b) => b.at - a.at);
  for (const { one } of [...kept.slice(MOST_KEPT), ...used.filter(isLeft)]) await rm(one, { force: true });
}

/** Another process may remove it meanwhile. */
async function lastUse(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now();
}
