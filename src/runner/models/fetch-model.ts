/** @file Fetches a model from a hub into the person's own Hugging Face cache, as Python's huggingface_hub lays it out. */

import { lstat, readlink, rename, rm, stat, statfs, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { writeAtomically } from '../../model/files/atomic';
import { hubCacheFolder, repositoryFolder } from '../../model/local/hub-cache';
import { hubIdText, isCommit, type HubId } from '../../protocol/hub-id';
import { complaint, ComplaintError } from '../../protocol/problem';
import type { FetchedModel, PlannedModel } from '../../protocol/machine-records';
import { makeFolder } from '../../run-directory/folders';
import { acquireLock, LockedError } from '../../run-directory/lock';
import type { InstallListener } from '../install/install';
import { bytesOf, downloadFile } from './hub-download';
import { hubError, openHub, type Hub } from './hub';
import { planModel, type HubFile, type HubPlan } from './hub-plan';

export interface FetchOptions {
  signal?: AbortSignal;
  /** Free bytes on the disk of a folder. */
  freeBytes?: (folder: string) => Promise<number>;
}

/** Room that is left on the disk for others. */
const SPARE_BYTES = 64e6;

/** What fetching would do; the hub's lists alone are read. Throws a ComplaintError where it would not do it. */
export async function planFetch(about: HubId, { signal }: FetchOptions = {}): Promise<PlannedModel> {
  const plan = await planModel(await openHub(about, signal), about);
  const cache = hubCacheFolder();
  const missing = await missingOf(plan, repositoryFolder(cache, about.id));
  return { ...told(plan), cache, missing: missing.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/**
 * Fetches what is not there yet. The snapshot gets its files, the config or GGUF file last, and the branch its commit, when all contents are whole:
 * whatever happens on the way, an id leads to a complete model or to none.
 * @throws ComplaintError
 */
export async function fetchModel(
  about: HubId,
  listener: InstallListener,
  options: FetchOptions = {},
): Promise<FetchedModel> {
  const { signal } = options;
  try {
    const hub = await openHub(about, signal);
    const plan = await planModel(hub, about);
    const cache = hubCacheFolder();
    return await alone(join(cache, '.locks', `models--${about.id.replace('/', '--')}`), async () => {
      const repository = repositoryFolder(cache, about.id);
      const fetched = await fetchMissing(hub, plan, repository, listener, options);
      const path = await layOut(plan, repository);
      return { ...told(plan), path, fetched };
    });
  } catch (error) {
    if (signal?.aborted && !(error instanceof ComplaintError)) {
      throw hubError(complaint('hub-cancelled', { id: hubIdText(about) }));
    }
    throw error;
  }
}

function told({ files, ...plan }: HubPlan): HubPlanRecord {
  return { ...plan, files: files.map(({ path, bytes }) => ({ path, bytes })) };
}

type HubPlanRecord = Omit<PlannedModel, 'cache' | 'missing'>;

/** One process at a time fetches a model. The folder is that of Python's own locks, which are of single files. */
async function alone<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = await acquireLock(folder).catch((error: unknown) => {
    if (!(error instanceof LockedError)) throw error;
    const { pid, host, file, isSeen } = error.holder;
    throw hubError(
      isSeen ? complaint('hub-in-progress', { pid }) : complaint('hub-held-elsewhere', { pid, host, file }),
    );
  });
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

const blobOf = (repository: string, { digest }: HubFile): string => join(repository, 'blobs', digest.hex);
const pointerOf = (repository: string, commit: string, { path }: HubFile): string =>
  join(repository, 'snapshots', commit, path);

/** Files that are in neither place: where links cannot be made, the snapshot has the content itself. */
async function missingOf({ files, commit }: HubPlan, repository: string): Promise<HubFile[]> {
  const isThere = async (file: HubFile): Promise<boolean> => {
    const blob = await stat(blobOf(repository, file)).catch(() => undefined);
    const pointer = await lstat(pointerOf(repository, commit, file)).catch(() => undefined);
    return blob?.size === file.bytes || (pointer?.isFile() === true && pointer.size === file.bytes);
  };
  const all = await Promise.all(files.map(async (file) => ({ file, there: await isThere(file) })));
  return all.flatMap(({ file, there }) => (there ? [] : [file]));
}

/** @returns bytes that were fetched */
async function fetchMissing(
  hub: Hub,
  plan: HubPlan,
  repository: string,
  listener: InstallListener,
  { signal, freeBytes = freeBytesOf }: FetchOptions,
): Promise<number> {
  const missing = await missingOf(plan, repository);
  const blobs = join(repository, 'blobs');
  await makeFolder(blobs);
  const parts = await Promise.all(missing.map((file) => bytesOf(`${blobOf(repository, file)}.incomplete`)));
  const total = missing.reduce((sum, { bytes }) => sum + bytes, 0);
  const needed = total - parts.reduce((sum, bytes) => sum + bytes, 0) + SPARE_BYTES;
  const available = await freeBytes(blobs);
  const id = hubIdText(plan);
  if (missing.length > 0 && available < needed) {
    throw hubError(complaint('hub-disk-too-small', { id, needed, folder: blobs, available }));
  }
  let before = 0;
  for (const file of missing) {
    await downloadFile({
      hub,
      about: plan,
      commit: plan.commit,
      file,
      target: blobOf(repository, file),
      onBytes: (bytes) => listener.progress('downloading', before + bytes, total),
      onChecked: (bytes) => listener.progress('checking', bytes, file.bytes),
      signal,
    });
    before += file.bytes;
  }
  listener.note(missing.length === 0 ? `all of ${id} was there` : `fetched ${id}`);
  return total;
}

/** @returns the snapshot's folder, or the file in it that was named */
async function layOut(plan: HubPlan, repository: string): Promise<string> {
  const { files, commit, revision, file: named } = plan;
  const snapshot = join(repository, 'snapshots', commit);
  await makeFolder(snapshot);
  const isModel = ({ path }: HubFile): boolean => path === 'config.json' || path.endsWith('.gguf');
  const modelLast = [...files].sort((a, b) => Number(isModel(a)) - Number(isModel(b)));
  for (const file of modelLast) await point(pointerOf(repository, commit, file), blobOf(repository, file));
  if (!isCommit(revision)) {
    const ref = join(repository, 'refs', ...revision.split('/'));
    await makeFolder(dirname(ref));
    await writeAtomically(ref, commit);
  }
  return named === undefined ? snapshot : join(snapshot, named);
}

/** Relative, so that the cache may be moved; where the system makes no links, the content itself, as Python does. */
async function point(pointer: string, blob: string): Promise<void> {
  const to = relative(dirname(pointer), blob);
  const there = await lstat(pointer).catch(() => undefined);
  if (there?.isSymbolicLink() ? (await readlink(pointer)) === to : there?.isFile()) return;
  await rm(pointer, { force: true });
  try {
    await symlink(to, pointer);
  } catch (error) {
    if (process.platform !== 'win32') throw error;
    await rename(blob, pointer);
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
