/** @file Files that are there whole or not at all, however large. */

import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Node refuses single writes and reads of 2 GiB and more. */
export const LARGEST_TRANSFER = 1 << 30;

/** Writes the chunks beside `path`, flushes them to the disk, and only then renames: a crash leaves the old file or the new. */
export async function writeAtomically(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const aside = `${path}.${process.pid}.partial`;
  try {
    const file = await open(aside, 'w');
    try {
      for (const chunk of chunks) await writeAll(file, chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const part = bytes.subarray(written, written + LARGEST_TRANSFER);
    written += (await file.write(part)).bytesWritten;
  }
}

/** The rename itself reaches the disk with the directory; Windows cannot open one and does without. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
