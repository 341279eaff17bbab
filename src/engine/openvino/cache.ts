/** @file Where compiled graphs are kept from start to start, and how many. */

import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Bytes of compiled graphs at most; a graph without weights takes some 100 kB. */
const MOST_BYTES = 256 * 2 ** 20;

/** The system's place for what a program can make again, for this version of the library. */
export function defaultCacheFolder(version: string): string {
  const home = os.homedir();
  const caches = {
    win32: process.env.LOCALAPPDATA ?? path.join(home, 'AppData', 'Local'),
    darwin: path.join(home, 'Library', 'Caches'),
  }[process.platform as string];
  return path.join(
    caches ?? process.env.XDG_CACHE_HOME ?? path.join(home, '.cache'),
    'distillery',
    'openvino',
    version,
  );
}

/** Makes the folder, and removes what was used longest ago where it holds too much. False where it cannot be written. */
export function prepareCache(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true });
    const files = readdirSync(folder).map((name) => {
      const file = path.join(folder, name);
      const { size, mtimeMs } = statSync(file);
      return { file, size, mtimeMs };
    });
    let bytes = 0;
    for (const { file, size } of files.sort((a, b) => b.mtimeMs - a.mtimeMs)) {
      bytes += size;
      if (bytes > MOST_BYTES) rmSync(file, { force: true });
    }
    return true;
  } catch {
    return false; // a full disk, or a home that is read-only: everything is compiled anew, which only takes longer
  }
}
