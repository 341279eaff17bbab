/**
 * @file What is kept of large datasets, `.distillery/cache/rows/KEY`: where their rows lie, so that the next run of the same file reads it no
 * more before it begins. A file is whole or not there, and whoever reads it checks its digest; it may be deleted at any time.
 */

import { createHash } from 'node:crypto';
import { rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PARTIAL, writeAtomically } from '../model/files/atomic';
import { makeFolder } from './folders';
import { listOwned, readOwnedIfThere, requireOwned } from './owned';
import { runsDirectory } from './run-paths';

/** So many are kept: those of a few datasets and ways to read them. */
const MOST_KEPT = 8;

/** What is still being written after so long was left by a process that was killed. */
const LEFT_MS = 60 * 60_000;

/** Where the index of a file is kept for experiments in a folder. @param what how the file is read */
export function rowIndexPlace(folder: string, file: string, what: string): string {
  const key = createHash('sha256').update(`${file}\n${what}`).digest('hex').slice(0, 32);
  return join(dirname(runsDirectory(folder, true)), 'cache', 'rows', key);
}

/** The bytes that are kept there; undefined where there are none. Throws an InputError where it is a link. */
export async function readKeptIndex(place: string): Promise<Uint8Array | undefined> {
  const bytes = await readOwnedIfThere(place);
  const now = new Date();
  // Says when it was last used.
  if (bytes) await utimes(place, now, now).catch(() => undefined);
  return bytes;
}

/** Keeps the bytes, and removes what was not used for longest where there are more than a few. */
export async function keepIndex(place: string, bytes: Iterable<Uint8Array>): Promise<void> {
  const folder = dirname(place);
  requireOwned(folder);
  await makeFolder(folder);
  await writeAtomically(place, bytes);
  const others = (await listOwned(folder)).map((name) => join(folder, name));
  const used = await Promise.all(others.map(async (one) => ({ one, at: await lastUse(one) })));
  const isLeft = ({ one, at }: { one: string; at: number }): boolean =>
    one.endsWith(PARTIAL) && Date.now() - at > LEFT_MS;
  const kept = used.filter(({ one }) => /^[0-9a-f]{32}$/.test(basename(one))).sort((a, b) => b.at - a.at);
  for (const { one } of [...kept.slice(MOST_KEPT), ...used.filter(isLeft)]) await rm(one, { force: true });
}

/** Another process may remove it meanwhile. */
async function lastUse(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now();
}
