/** @file Where the native libraries lie that do not come with the npm install: OpenVINO, libtensorflow. */

import { existsSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export type LibraryName = 'openvino' | 'tensorflow' | 'tensorflow-gpu';

/**
 * Folder that holds `NAME/VERSION/`, one complete library each: whoever installs one fills a folder elsewhere and renames it here
 * last. DISTILLERY_LIBRARIES names it (the extension sets that to its own storage); otherwise the system's place for data.
 */
export function librariesFolder(): string {
  const named = process.env.DISTILLERY_LIBRARIES;
  if (named) return named;
  const home = os.homedir();
  const data = {
    win32: process.env.LOCALAPPDATA ?? path.join(home, 'AppData', 'Local'),
    darwin: path.join(home, 'Library', 'Application Support'),
  }[process.platform as string];
  return path.join(data ?? process.env.XDG_DATA_HOME ?? path.join(home, '.local', 'share'), 'distillery', 'libraries');
}

/** The folder of a library: installed, or else the one in `packaged` (which a package ships beside the runner). */
export function findLibrary(name: LibraryName, packaged?: string): string | undefined {
  for (const root of [librariesFolder(), ...(packaged === undefined ? [] : [packaged])]) {
    const folder = path.join(root, name);
    if (!existsSync(folder)) continue;
    const newest = readdirSync(folder).sort().at(-1);
    if (newest !== undefined) return path.join(folder, newest);
  }
  return undefined;
}
