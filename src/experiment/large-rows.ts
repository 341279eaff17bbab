/** @file Datasets that are too large to be tokenized before a training begins: which they are, and the indexes of their rows, made once and kept. */

import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Columns } from '../dataset/dataset';
import { columnsKey, indexBytes, indexFrom, indexRows, NotIndexable, type RowIndex } from '../dataset/row-index';
import { InputError } from '../protocol/problem';
import { keepIndex, readKeptIndex, rowIndexPath } from '../run-directory/row-index-files';

export const large = {
  /** Files that are larger together are indexed, and their rows read when their batch comes. */
  bytes: 2 ** 30,
  /**
   * A file is taken for the one that was read before where it has the same size and was not touched: ctime says so, which no program sets.
   * One that was changed so few milliseconds ago that a further change might have the same time is read again.
   */
  settledMs: 2000,
};

/** Kinds of files whose rows lie one after the other: of plain text only all of it says what is a row. */
const indexable = ['.jsonl', '.csv', '.tsv'];

/** Whether rows of the files are to be found by an index, where `rowIndexesOf` makes one. */
export async function areLarge(files: readonly string[]): Promise<boolean> {
  if (files.length === 0 || !files.every((file) => indexable.includes(extname(file).toLowerCase()))) return false;
  const sizes = await Promise.all(files.map(async (file) => (await stat(file).catch(() => undefined))?.size ?? 0));
  return sizes.reduce((a, b) => a + b) > large.bytes;
}

interface Known {
  stamp: string;
  index: RowIndex;
  /** Whether the next process finds it. */
  isKept: boolean;
}

/** Of this process, by the file in which they are kept: checking an experiment and carrying it out need the same. */
const known = new Map<string, Known>();

async function stampOf(file: string): Promise<{ stamp: string; changed: number }> {
  const { size, mtimeNs, ctimeNs, ino, dev } = await stat(file, { bigint: true });
  return { stamp: [size, mtimeNs, ctimeNs, ino, dev].join(), changed: Number(ctimeNs / 1_000_000n) };
}

interface IndexOptions {
  /** In whose `.distillery` it is kept. */
  folder: string;
  /** Whether it is to be kept where it is made here: who only checks an experiment writes nothing. */
  keep: boolean;
}

/** Indexes of files, in their order; undefined where the rows of one cannot be found by it, so that all must be read before. Throws as `rowIndexOf`. */
export async function rowIndexesOf(
  files: readonly string[],
  columns: Columns,
  options: IndexOptions,
): Promise<RowIndex[] | undefined> {
  try {
    const indexes: RowIndex[] = [];
    for (const file of files) indexes.push(await rowIndexOf(file, columns, options));
    return indexes;
  } catch (error) {
    if (error instanceof NotIndexable) return undefined;
    throw error;
  }
}

/**
 * The index of a file: of this process, kept, or made now. Throws as readDataset, an InputError where the file changes
 * meanwhile, and NotIndexable.
 */
export async function rowIndexOf(file: string, columns: Columns, { folder, keep }: IndexOptions): Promise<RowIndex> {
  const what = columnsKey(columns);
  const path = rowIndexPath(folder, file, what);
  const begun = Date.now();
  const { stamp, changed } = await stampOf(file);
  const made = `${what}\n${stamp}`;
  let found = known.get(path);
  if (found?.stamp !== stamp) {
    const kept = await readKeptIndex(path);
    const index = kept && indexFrom(kept, file, made);
    found = { stamp, index: index ?? (await indexRows(file, columns)), isKept: index !== undefined };
    if ((await stampOf(file)).stamp !== stamp) throw InputError.at(file, 'input-changed', {});
    known.set(path, found);
  }
  if (keep && !found.isKept && begun - changed > large.settledMs) {
    // Without room on the disk it is made again.
    await keepIndex(path, indexBytes(found.index, made)).catch(unlessRefused);
    found.isKept = true;
  }
  return found.index;
}

function unlessRefused(error: unknown): void {
  if (error instanceof InputError) throw error;
}

/** SHA-256 of a file that was indexed in this process and has not been touched since. */
export async function knownDigest(file: string): Promise<{ bytes: number; sha256: string } | undefined> {
  for (const { stamp, index } of known.values()) {
    if (index.file !== file || (await stampOf(file)).stamp !== stamp) continue;
    return { bytes: index.bytes, sha256: index.sha256 };
  }
  return undefined;
}
