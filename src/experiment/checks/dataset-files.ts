/** @file Which files a dataset split names. */

import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { InputError } from '../../protocol/problem';
import { closestName } from '../file/suggest';

/** The keys of an experiment's dataset that name files. */
export const fileSplits = ['train', 'validation', 'test', 'unlabelled'] as const;

export type FileSplit = (typeof fileSplits)[number];

export interface SplitFiles {
  /** Absolute, each once, in the order named; the files of a glob sorted. */
  files: string[];
  /** Names and globs that lead to no file, with their index in the list. */
  missing: { name: string; index: number }[];
}

/** A pattern may have a whole disk to go through, or a network's. */
const LONGEST_SEARCH_MS = 10_000;
const MOST_FILES = 10_000;

/**
 * Expands the names of a split, which are relative to the folder `base`.
 * @throws InputError where the files of a pattern are not found in the time that there is, or are too many
 */
export async function findSplitFiles(
  named: string | readonly string[],
  base: string,
  timeLimit = LONGEST_SEARCH_MS,
): Promise<SplitFiles> {
  const files = new Set<string>();
  const missing: SplitFiles['missing'] = [];
  for (const [index, name] of (typeof named === 'string' ? [named] : named).entries()) {
    const found = await findFiles(name, base, timeLimit);
    if (found.length === 0) missing.push({ name, index });
    for (const file of found) files.add(file);
  }
  return { files: [...files], missing };
}

const datasetKinds = ['.jsonl', '.csv', '.tsv', '.parquet', '.txt'];

/** The dataset file whose name is closest to one that leads nowhere, beside it or in a folder of the experiment's folder. */
export async function closestFile(name: string, base: string): Promise<string | undefined> {
  const wanted = name.replaceAll(sep, '/');
  const folder = dirname(wanted);
  for (const [at, names] of [
    [folder, await datasetsIn(resolve(base, folder))],
    ['.', await datasetsIn(base)],
    ['data', await datasetsIn(resolve(base, 'data'))],
  ] as const) {
    const close = closestName(basename(wanted), names);
    if (close !== undefined) return at === '.' ? close : `${at}/${close}`;
  }
  return undefined;
}

async function datasetsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names.filter((name) => datasetKinds.includes(extname(name).toLowerCase())).sort();
}

/** Every dataset file in a folder and the folders in it, as an experiment there would name them. */
export async function datasetFilesIn(folder: string): Promise<string[]> {
  const patterns = datasetKinds.map((kind) => `**/*${kind}`);
  const ignore = ['**/node_modules/**', '**/.*/**'];
  const signal = AbortSignal.timeout(LONGEST_SEARCH_MS);
  return (await glob(patterns, { cwd: folder, ignore, expandDirectories: false, signal })).sort();
}

async function findFiles(name: string, base: string, timeLimit: number): Promise<string[]> {
  const file = resolve(base, name);
  // A name is taken as it stands first: files may well have brackets in their names.
  if (await isFile(file)) return [file];
  const pattern = name.replaceAll(sep, '/');
  if (!isDynamicPattern(pattern)) return [];
  const signal = AbortSignal.timeout(timeLimit);
  const found = await glob(pattern, { cwd: base, absolute: true, onlyFiles: true, expandDirectories: false, signal });
  // What was found until then is given as if it were all.
  if (signal.aborted) throw InputError.at(name, 'pattern-too-wide', { seconds: timeLimit / 1000 });
  if (found.length > MOST_FILES)
    throw InputError.at(name, 'pattern-too-many', { found: found.length, most: MOST_FILES });
  return found.map((match) => resolve(match)).sort();
}

export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
