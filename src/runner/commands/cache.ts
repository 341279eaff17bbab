/** @file `cache`: what is kept of teachers' answers, and its removal. */

import { runsDirectory } from '../../run-directory/run-paths';
import { listCaches, removeCache, teacherCaches, type ListedCache } from '../../run-directory/teacher-cache-files';
import { InputError } from '../../protocol/problem';
import { formatAgo, formatBytes, formatCount } from '../../protocol/format';

export interface CacheResult {
  folder: string;
  caches: ListedCache[];
  /** Keys of those that were removed. */
  removed?: string[];
}

/**
 * Lists the caches that belong to a folder, and first removes those whose key begins as one of `remove` does; "all" is every
 * one. Runs that use a removed one ask the teacher again. Throws an InputError where nothing begins so.
 */
export async function teacherCacheCommand(remove: readonly string[] = [], from = process.cwd()): Promise<CacheResult> {
  const folder = teacherCaches(runsDirectory(from, true));
  const caches = await listCaches(folder);
  if (remove.length === 0) return { folder, caches };
  const chosen = remove.flatMap((name) => {
    const found = caches.filter(({ key }) => name === 'all' || key.startsWith(name));
    if (found.length > 0 || name === 'all') return found;
    throw InputError.at(name, 'cache-missing', { folder });
  });
  for (const cache of new Set(chosen)) await removeCache(cache);
  return { folder, caches: await listCaches(folder), removed: [...new Set(chosen)].map(({ key }) => key) };
}

export function cacheText({ folder, caches, removed }: CacheResult): string {
  const lines = caches.map(({ key, bytesOnDisk, bytes, teacher, examples, lastUsed }) => {
    const size = bytes === undefined || bytesOnDisk >= bytes ? '' : ` of ${formatBytes(bytes)}`;
    const seconds = (Date.now() - Date.parse(lastUsed)) / 1000;
    const of = teacher === undefined ? 'unfinished' : `${formatCount(examples)} examples, teacher ${teacher}`;
    return `${key.slice(0, 8)}  ${formatBytes(bytesOnDisk)}${size}  used ${formatAgo(seconds)}  ${of}`;
  });
  const total = caches.reduce((sum, { bytesOnDisk }) => sum + bytesOnDisk, 0);
  return [
    ...(removed ? [`removed ${removed.length}`] : []),
    ...lines,
    caches.length === 0 ? `no teacher's answers are kept in ${folder}` : `${formatBytes(total)} in ${folder}`,
  ].join('\n');
}
