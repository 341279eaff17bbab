/** @file Files that are there whole or not at all, however large, and errors that say which file they are of. */

import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Node refuses single writes and reads of 2 GiB and more. */
export const LARGEST_TRANSFER = 1 << 30;

/** How the file is called that is being written beside `path`, by its end. What a process that was killed left of them is swept. */
export const PARTIAL = '.partial';

let count = 0;

/**
 * Writes the content beside `path`, flushes it to the disk, and only then renames: a crash leaves the old file or the new. When this
 * resolves, the new one is on the disk, under its name. A disk that takes a part of a write is given the rest, or says that it is full.
 */
export async function writeAtomically(path: string, content: string | Iterable<Uint8Array>): Promise<void> {
  const aside = `${path}.${process.pid}-${++count}${PARTIAL}`;
  const chunks = typeof content === 'string' ? [new TextEncoder().encode(content)] : content;
  try {
    const file = await open(aside, 'w');
    try {
      for (const chunk of chunks) await writeAll(file, chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(aside, { force: true }).catch(() => undefined);
    throw ofFile(path, error);
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const part = bytes.subarray(written, written + LARGEST_TRANSFER);
    written += (await file.write(part)).bytesWritten;
  }
}

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
