/** @file `cache`: what is kept of teachers' answers and of where the rows of large files lie, and its removal. */

import path from 'node:path';
import { indexHeader } from '../../dataset/row-index';
import { listRowIndexes, removeRowIndex, rowIndexes } from '../../run-directory/row-index-files';
import { runsDirectory } from '../../run-directory/run-paths';
import { listCaches, removeCache, teacherCaches, type ListedCache } from '../../run-directory/teacher-cache-files';
import { InputError } from '../../protocol/problem';
import { formatAgo, formatBytes, formatCount } from '../../protocol/format';

/** Where the rows of a large file lie, as `distillery cache` lists it. */
interface ListedRowIndex {
  key: string;
  place: string;
  bytesOnDisk: number;
  lastUsed: string;
  /** Of the rows, as it was when it was read, and how many they are; absent where it is damaged or of another version. */
  file?: string;
  rows?: number;
  /** What it holds of the rows, where it is not where they lie: their tokens, or what a teacher says of them. */
  kind?: 'tokens' | 'judgement';
}

export interface CacheResult {
  /** Of teachers' answers. */
  folder: string;
  caches: ListedCache[];
  rowIndexes: ListedRowIndex[];
  /** Keys of those that were removed. */
  removed?: string[];
}

/**
 * Lists what is kept for a folder, and first removes that whose key begins as one of `remove` does; "all" is every
 * one. Runs that use a removed one ask the teacher, or read the file, again. Throws an InputError where nothing begins so.
 */
export async function cacheCommand(remove: readonly string[] = [], from = process.cwd()): Promise<CacheResult> {
  const runs = runsDirectory(from, true);
  const folder = teacherCaches(runs);
  const list = async (): Promise<CacheResult> => ({
    folder,
    caches: await listCaches(folder),
    rowIndexes: (await listRowIndexes(rowIndexes(runs))).map(({ first, bytes, ...index }) => {
      const { file, rows, kind } = indexHeader(first) ?? {};
      const isKnown = typeof file === 'string' && typeof rows === 'number';
      return {
        ...index,
        bytesOnDisk: bytes,
        ...(isKnown && { file, rows, ...((kind === 'tokens' || kind === 'judgement') && { kind }) }),
      };
    }),
  });
  const listed = await list();
  if (remove.length === 0) return listed;
  const removals = [
    ...listed.caches.map((cache) => ({ key: cache.key, remove: () => removeCache(cache) })),
    ...listed.rowIndexes.map(({ key, place }) => ({ key, remove: () => removeRowIndex(place) })),
  ];
  const chosen = remove.flatMap((name) => {
    const found = removals.filter(({ key }) => name === 'all' || key.startsWith(name));
    if (found.length > 0 || name === 'all') return found;
    throw InputError.at(name, 'cache-missing', { folder: path.dirname(folder) });
  });
  for (const one of new Set(chosen)) await one.remove();
  return { ...(await list()), removed: [...new Set(chosen)].map(({ key }) => key) };
}

export function cacheText({ folder, caches, rowIndexes, removed }: CacheResult): string {
  const used = (lastUsed: string): string => `used ${formatAgo((Date.now() - Date.parse(lastUsed)) / 1000)}`;
  const answers = caches.map(({ key, bytesOnDisk, bytes, teacher, examples, lastUsed }) => {
    const size = bytes === undefined || bytesOnDisk >= bytes ? '' : ` of ${formatBytes(bytes)}`;
    const of = teacher === undefined ? 'unfinished' : `${formatCount(examples)} examples, teacher ${teacher}`;
    return `${key.slice(0, 8)}  ${formatBytes(bytesOnDisk)}${size}  ${used(lastUsed)}  ${of}`;
  });
  const indexes = rowIndexes.map(({ key, bytesOnDisk, lastUsed, file, rows, kind }) => {
    const known = {
      offsets: `where ${formatCount(rows)} rows lie in ${file}`,
      tokens: `tokens of ${formatCount(rows)} rows of ${file}`,
      judgement: `what a teacher says of ${formatCount(rows)} rows of ${file}`,
    }[kind ?? 'offsets'];
    const of = file === undefined ? 'not to be read' : known;
    return `${key.slice(0, 8)}  ${formatBytes(bytesOnDisk)}  ${used(lastUsed)}  ${of}`;
  });
  const all = [...caches, ...rowIndexes];
  const total = all.reduce((sum, { bytesOnDisk }) => sum + bytesOnDisk, 0);
  const parent = path.dirname(folder);
  return [
    ...(removed ? [`removed ${removed.length}`] : []),
    ...answers,
    ...indexes,
    all.length === 0 ? `nothing is kept in ${parent}` : `${formatBytes(total)} in ${parent}`,
  ].join('\n');
}
