/** @file Where the native libraries lie that do not come with the npm install: OpenVINO, libtensorflow. */

import { existsSync, readdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const libraryNames = ['openvino', 'tensorflow', 'tensorflow-gpu'] as const;

export type LibraryName = (typeof libraryNames)[number];

/** What belongs to this person on this machine, whatever the workspace. DISTILLERY_DATA names another folder. */
export function dataFolder(): string {
  const named = process.env.DISTILLERY_DATA;
  if (named) return named;
  const home = os.homedir();
  const data = {
    win32: process.env.LOCALAPPDATA ?? path.join(home, 'AppData', 'Local'),
    darwin: path.join(home, 'Library', 'Application Support'),
  }[process.platform as string];
  return path.join(data ?? process.env.XDG_DATA_HOME ?? path.join(home, '.local', 'share'), 'distillery');
}

/**
 * Folder that holds `NAME/VERSION/`, one complete library each: whoever installs one fills a folder of another name and renames
 * it last. DISTILLERY_LIBRARIES names it (the extension sets that to its own storage).
 */
export function librariesFolder(): string {
  const named = process.env.DISTILLERY_LIBRARIES;
  if (named) return named;
  return path.join(dataFolder(), 'libraries');
}

export interface InstalledLibrary {
  version: string;
  /** Holds the shared libraries. */
  folder: string;
}

/** libtensorflow looks for the CUDA libraries in `../nvidia/*\/lib`, so it lies one folder further down. */
const inside: Partial<Record<LibraryName, string>> = { 'tensorflow-gpu': 'tensorflow' };

/** Other names are of installations that go on, or were interrupted. */
export const isVersion = (name: string): boolean => /^\d+(\.\d+)*$/.test(name);

const byNumber = new Intl.Collator('en', { numeric: true }).compare;

/** The newest version of a library: installed, or else the one in `packaged` (which a package ships beside the runner). */
export function installedLibrary(name: LibraryName, packaged?: string): InstalledLibrary | undefined {
  for (const root of [librariesFolder(), ...(packaged === undefined ? [] : [packaged])]) {
    const home = path.join(root, name);
    if (!existsSync(home)) continue;
    const version = readdirSync(home).filter(isVersion).sort(byNumber).at(-1);
    if (version !== undefined) return { version, folder: path.join(home, version, inside[name] ?? '') };
  }
  return undefined;
}

/** The folder of a library's shared libraries; undefined where it is not installed. */
export function findLibrary(name: LibraryName, packaged?: string): string | undefined {
  return installedLibrary(name, packaged)?.folder;
}
