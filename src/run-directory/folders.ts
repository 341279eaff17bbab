/** @file Makes folders that are still there after a crash, and brings none back that a person has taken away. */

import { mkdir } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { lstatSync } from 'node:fs';
import { syncFolder } from '../model/files/atomic';
import { InputError } from '../protocol/problem';

/**
 * Makes a folder and those on the way to it, all on the disk when this resolves.
 * @throws InputError where it is of a run whose own folder is gone
 */
export async function makeFolder(folder: string): Promise<void> {
  const path = resolve(folder);
  const run = runOf(path);
  if (run === undefined) return makeAll(path);
  requireRun(path);
  // One by one, so that none comes back with those below it.
  const below = relative(run, path).split(sep);
  for (const [i] of below.entries()) await makeOne(join(run, ...below.slice(0, i + 1)));
}

async function makeAll(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === resolve(first)) return;
  }
}

async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  await syncFolder(dirname(folder));
}

/** Refuses a path in a run of which the folder is gone: it was deleted or moved while the run was at work. */
export function requireRun(path: string): void {
  const run = runOf(path);
  if (run !== undefined && lstatSync(run, { throwIfNoEntry: false }) === undefined) {
    throw InputError.at(run, 'run-folder-gone', {});
  }
}

/** The folder of the run that a path lies in; undefined for what is in none. */
function runOf(path: string): string | undefined {
  const parts = resolve(path).split(sep);
  const root = parts.lastIndexOf('.distillery');
  const isInRun = root !== -1 && parts[root + 1] === 'runs' && parts.length > root + 2;
  return isInRun ? parts.slice(0, root + 3).join(sep) : undefined;
}
