/** @file Deleted runs: moved aside in one step, so that they can be put back until the trash is emptied. */

import { mkdir, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../protocol/problem';
import { heldElsewhere, lockHolder } from './lock';
import { listOwned, removeOwned, requireOwned } from './owned';

/** `.distillery/trash`, beside `.distillery/runs`. */
function trashOf(runs: string): string {
  return join(dirname(runs), 'trash');
}

/** Where a run lies once it is deleted. */
export function trashedPath(directory: string): string {
  return join(trashOf(dirname(directory)), basename(directory));
}

/** Moves a run aside. @returns where it is now. Throws an InputError for one that is at work. */
export async function trashRun(directory: string): Promise<string> {
  const holder = await lockHolder(directory);
  if (holder?.isSeen) throw InputError.at(directory, 'run-at-work', {});
  if (holder) throw heldElsewhere(directory, holder);
  const trash = trashOf(dirname(directory));
  requireOwned(directory);
  requireOwned(trash);
  await mkdir(trash, { recursive: true });
  const target = trashedPath(directory);
  await rename(directory, target);
  return target;
}

/** Puts a run back. @returns its directory. Throws an InputError where another of its name has come. */
export async function restoreRun(trashed: string): Promise<string> {
  const runs = join(dirname(dirname(trashed)), 'runs');
  requireOwned(trashed);
  requireOwned(runs);
  const target = join(runs, basename(trashed));
  if (await stat(target).catch(() => undefined)) {
    throw InputError.at(target, 'run-name-taken', {});
  }
  await mkdir(runs, { recursive: true });
  await rename(trashed, target);
  return target;
}

/** The deleted runs beside a `.distillery/runs`, as paths, latest first. */
export async function listTrash(runs: string): Promise<string[]> {
  const trash = trashOf(runs);
  const names = await listOwned(trash).catch((): string[] => []);
  return names
    .sort()
    .reverse()
    .map((name) => join(trash, name));
}

/** For good. */
export function emptyTrash(runs: string): Promise<void> {
  return removeOwned(trashOf(runs));
}
