/** @file The folder of one library or model: who may change it, and taking versions out of it. */

import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { installedLibrary, isVersion, librariesFolder } from '../../engine/libraries';
import type { PackageName } from '../../protocol/model-packages';
import { acquireLock, LockedError } from '../../run-directory/lock';
import { explained, installError, withMeanwhile } from './install-error';

/** Holds a folder for each version, and what an installation needs while it goes on. */
export const libraryHome = (name: PackageName): string => path.join(librariesFolder(), name);

/** One process at a time changes a library. The folder is made where it is missing. */
export async function alone<T>(home: string, work: () => Promise<T>): Promise<T> {
  // Whatever the person's umask: a library in a folder that others may write is not loaded.
  await mkdir(home, { recursive: true, mode: 0o755 }).catch((error: unknown) => {
    throw explained(error, home);
  });
  const lock = await acquireLock(home).catch((error: unknown) => {
    if (!(error instanceof LockedError)) throw explained(error, home);
    const { pid, host, file, isSeen } = error.holder;
    throw isSeen
      ? installError('install-in-progress', { pid })
      : installError('install-held-elsewhere', { pid, host, file });
  });
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** Removes a library, and what is left of attempts to install it. Returns whether it was installed. */
export async function removeLibrary(name: PackageName): Promise<boolean> {
  const home = libraryHome(name);
  if (!(await exists(home))) return false;
  const installed = installedLibrary(name)?.isPackaged === false;
  try {
    await alone(home, () => removeOthers(home, undefined));
    await rm(home, { recursive: true, force: true });
  } catch (error) {
    throw withMeanwhile(explained(error, home), name);
  }
  return installed;
}

/** Removes all versions but one. Each is first renamed, so that it is gone at once or not at all. */
export async function removeOthers(home: string, kept: string | undefined): Promise<void> {
  for (const version of (await readdir(home)).filter((name) => isVersion(name) && name !== kept)) {
    const aside = path.join(home, `removed-${version}`);
    await rm(aside, { recursive: true, force: true });
    await rename(path.join(home, version), aside);
    await rm(aside, { recursive: true, force: true });
  }
}

export const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
