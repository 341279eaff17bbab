/** @file Where the files lie that the build puts beside the bundles: kernels, addon, WebAssembly, packaged libraries. */

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A folder of dist/, from wherever in a checkout or a package this code runs: dist/ itself, a folder in it, or src/. Native code is
 * loaded from it, so nothing above the checkout or package is looked at.
 * @returns undefined where the build did not make it
 */
export function builtFolder(name: string): string | undefined {
  const own = path.dirname(fileURLToPath(import.meta.url));
  const root = rootOf(own);
  const places = root === undefined ? [own] : [...foldersBetween(own, root), path.join(root, 'dist')];
  return places.map((place) => path.join(place, name)).find((candidate) => existsSync(candidate));
}

/** The folder of this program's package.json. */
function rootOf(start: string): string | undefined {
  for (let folder = start; ; folder = path.dirname(folder)) {
    if (nameIn(path.join(folder, 'package.json')) === 'distillery') return folder;
    if (path.dirname(folder) === folder) return undefined;
  }
}

function nameIn(file: string): unknown {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown }).name;
  } catch {
    return undefined;
  }
}

/** From the inner one outwards, without the outer one. */
function foldersBetween(inner: string, outer: string): string[] {
  const folders: string[] = [];
  for (let folder = inner; folder !== outer; folder = path.dirname(folder)) folders.push(folder);
  return folders;
}
