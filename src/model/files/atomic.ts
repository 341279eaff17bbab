/** @file Files that are there whole or not at all, however large, and errors that say which file they are of. */

import { constants, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Node refuses single writes and reads of 2 GiB and more. */
export const LARGEST_TRANSFER = 1 << 30;

/** How the file is called that is being written beside `path`, by its end. What a process that was killed left of them is swept. */
export const PARTIAL = '.partial';

/** A folder that is being written beside the one that it replaces, by its end: run-directory/atomic-directory.ts. */
const UNFINISHED = '.tmp-';

/** In such a folder, whose files nobody reads before all of them are there and on the disk. */
const inUnfinished = new RegExp(`\\${UNFINISHED}[0-9a-f]{12}[\\\\/]`);

/** The name of a folder while it is written. @param suffix twelve hexadecimal digits */
export const unfinished = (folder: string, suffix: string): string => `${folder}${UNFINISHED}${suffix}`;

let count = 0;

/**
 * Writes the content beside `path`, flushes it to the disk, and only then renames: a crash leaves the old file or the new. When this
 * resolves, the new one is on the disk, under its name. A disk that takes a part of a write is given the rest, or says that it is full.
 * A file of a folder that is itself replaced whole is just written: the folder is put on the disk at once.
 */
export async function writeAtomically(path: string, content: string | Iterable<Uint8Array>): Promise<void> {
  const chunks = typeof content === 'string' ? [new TextEncoder().encode(content)] : content;
  if (inUnfinished.test(path)) return naming(path, writeThere(path, chunks, false));
  const aside = `${path}.${process.pid}-${++count}${PARTIAL}`;
  try {
    await writeThere(aside, chunks, true);
    await rename(aside, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(aside, { force: true }).catch(() => undefined);
    throw ofFile(path, error);
  }
}

async function writeThere(path: string, chunks: Iterable<Uint8Array>, isSynced: boolean): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (const chunk of chunks) await writeAll(file, chunk);
    if (isSynced) await file.sync();
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const part = bytes.subarray(written, written + LARGEST_TRANSFER);
    written += (await file.write(part)).bytesWritten;
  }
}

/** A flag of `open`, for files that may be a stranger's: on a pipe, one would wait for its writer. Windows has no such files. */
export const NONBLOCKING = process.platform === 'win32' ? 0 : constants.O_NONBLOCK;

/** Puts the names in a folder on the disk: what was made, renamed and removed in it. */
export async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders; there NTFS journals its names.
  if (process.platform === 'win32') return;
  try {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    throw ofFile(path, error);
  }
}

/** The same error, with the file's path, by which it can be told: those of the calls on an open file have none. */
export function ofFile(path: string, error: unknown): unknown {
  if (error instanceof Error && 'syscall' in error && !('path' in error)) return Object.assign(error, { path });
  return error;
}

/** As `ofFile`, of what fails in `work`. */
export async function naming<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw ofFile(path, error);
  });
}
