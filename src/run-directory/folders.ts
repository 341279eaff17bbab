/** @file Makes folders that are still there after a crash, and brings none back that a person has taken away. */

import { mkdir } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { lstatSync } from 'node:fs';
import { syncFolder } from '../model/atomic';
import { InputError } from '../protocol/problem';

/**
 * Makes a folder and those on the way to it, all on the disk when this resolves.
 * @throws InputError where it is of a run whose own folder is gone
 */
export async function makeFolder(folder: string): Promise<void> {
  requireRun(folder);
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = resolve(folder); ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === resolve(first)) return;
  }
}

/** Refuses a path in a run of which the folder is gone: it was deleted or moved while the run was at work. */
export function requireRun(place: string): void {
  const run = runOf(place);
  if (run !== undefined && lstatSync(run, { throwIfNoEntry: false }) === undefined) {
    throw InputError.at(run, 'run-folder-gone', {});
  }
}

/** The folder of the run that a path lies in; undefined for what is in none. */
function runOf(place: string): string | undefined {
  const parts = resolve(place).split(sep);
  const root = parts.lastIndexOf('.distillery');
  const isInRun = root !== -1 && parts[root + 1] === 'runs' && parts.length > root + 2;
  return isInRun ? parts.slice(0, root + 3).join(sep) : undefined;
}
