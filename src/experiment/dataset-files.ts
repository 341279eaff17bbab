/** @file Which files a dataset split names. */

import { stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';

export interface SplitFiles {
  /** Absolute, each once, in the order named; the files of a glob sorted. */
  files: string[];
  /** Names and globs that lead to no file, with their index in the list. */
  missing: { name: string; index: number }[];
}

/** Expands the names of a split, which are relative to the folder `base`. */
export async function findSplitFiles(named: string | readonly string[], base: string): Promise<SplitFiles> {
  const files = new Set<string>();
  const missing: SplitFiles['missing'] = [];
  for (const [index, name] of (typeof named === 'string' ? [named] : named).entries()) {
    const found = await findFiles(name, base);
    if (found.length === 0) missing.push({ name, index });
    for (const file of found) files.add(file);
  }
  return { files: [...files], missing };
}

async function findFiles(name: string, base: string): Promise<string[]> {
  const file = resolve(base, name);
  // A name is taken as it stands first: files may well have brackets in their names.
  if (await isFile(file)) return [file];
  const pattern = name.replaceAll(sep, '/');
  if (!isDynamicPattern(pattern)) return [];
  const found = await glob(pattern, { cwd: base, absolute: true, onlyFiles: true, expandDirectories: false });
  return found.map((match) => resolve(match)).sort();
}

export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
