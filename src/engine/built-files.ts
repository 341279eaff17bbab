/** @file Where the files lie that the build puts beside the bundles: kernels, addon, WebAssembly. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A folder of dist/, from wherever in a checkout or a package this code runs: dist/ itself, a folder in it, or src/.
 * @returns undefined where the build did not make it
 */
export function builtFolder(name: string): string | undefined {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const found = [path.join(folder, name), path.join(folder, 'dist', name)].find((candidate) => existsSync(candidate));
    if (found !== undefined || path.dirname(folder) === folder) return found;
  }
}
