/** @file Where what is installed by pip lies: native libraries that do not come with the npm install, and models. */

import { existsSync, lstatSync, readdirSync, realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { LibraryName } from '../protocol/libraries';
import type { PackageName } from '../protocol/model-packages';
import { complaint, type Complaint } from '../protocol/problem';
import { builtFolder } from './built-files';

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
 * Folder that holds `NAME/VERSION/`, one complete library or model each: whoever installs one fills a folder of another name and renames
 * it last. DISTILLERY_LIBRARIES names it (the extension sets that to its own storage).
 */
export function librariesFolder(): string {
  const named = process.env.DISTILLERY_LIBRARIES;
  if (named) return named;
  return path.join(dataFolder(), 'libraries');
}

export interface InstalledLibrary {
  version: string;
  /** Holds the shared libraries, or the model. */
  folder: string;
  /** The named folder that it lies in, as NAME/VERSION. */
  root: string;
  /** Came with the extension: another may be installed before it, but it cannot be removed. */
  isPackaged: boolean;
}

/** libtensorflow looks for the CUDA libraries in `../nvidia/*\/lib`, so it lies one folder further down. */
const inside: Partial<Record<PackageName, string>> = { 'tensorflow-gpu': 'tensorflow' };

/** Other names are of installations that go on, or were interrupted. */
export const isVersion = (name: string): boolean => /^\d+(\.\d+)*$/.test(name);

/** The newest version of a library or a model: installed, or else the one that a package ships in `libraries` beside the runner. */
export function installedLibrary(name: PackageName): InstalledLibrary | undefined {
  const installed = newestIn(librariesFolder(), name);
  if (installed) return { ...installed, isPackaged: false };
  const packaged = builtFolder('libraries');
  const shipped = packaged === undefined ? undefined : newestIn(packaged, name);
  return shipped && { ...shipped, isPackaged: true };
}

function newestIn(root: string, name: PackageName): Omit<InstalledLibrary, 'isPackaged'> | undefined {
  const home = path.join(root, name);
  if (!existsSync(home)) return undefined;
  const version = newest(readdirSync(home).filter(isVersion));
  return version === undefined ? undefined : { version, folder: path.join(home, version, inside[name] ?? ''), root };
}

/** What compares numbers in texts takes a hundredth of a second to load. */
function newest(versions: string[]): string | undefined {
  if (versions.length < 2) return versions[0];
  return versions.sort(new Intl.Collator('en', { numeric: true }).compare).at(-1);
}

/** The folder of a library's shared libraries; undefined where there is none. */
export function findLibrary(name: LibraryName): string | undefined {
  return installedLibrary(name)?.folder;
}

/** Rights to write of the file's group and of everybody. */
const OTHERS_WRITE = 0o022;

/**
 * Why a library must not be loaded, for its code would run as this person: something of it is a link out of its named folder,
 * belongs to somebody else than this person or root, or can be written by others. Of one that came with the program only links
 * are looked at: who may write it may write the program. Undefined where it may be loaded.
 */
export function libraryDanger(name: LibraryName): Complaint | undefined {
  const library = installedLibrary(name);
  if (library === undefined) return undefined;
  const { root, version, isPackaged } = library;
  const home = path.join(root, name);
  const own = path.join(home, version);
  const real = realpathSync(root) + path.sep;
  for (const place of [home, own, ...entriesIn(own)]) {
    if (!realpathSync(place).startsWith(real)) return complaint('library-behind-link', { library: name, place, root });
    const danger = isPackaged ? undefined : dangerOf(name, place);
    if (danger) return danger;
  }
  // Itself it may be a link: the person named it.
  return isPackaged ? undefined : dangerOf(name, root, realpathSync(root));
}

function entriesIn(folder: string): string[] {
  if (lstatSync(folder).isSymbolicLink()) return [];
  return (readdirSync(folder, { recursive: true }) as string[]).map((name) => path.join(folder, name));
}

function dangerOf(library: LibraryName, place: string, real = place): Complaint | undefined {
  const found = lstatSync(real);
  const me = process.getuid?.();
  // Windows has neither owners nor rights of this kind; a link has no rights of its own.
  if (me === undefined) return undefined;
  if (found.uid !== me && found.uid !== 0) {
    return complaint('library-of-another-user', { library, place, uid: found.uid });
  }
  if (found.isSymbolicLink() || (found.mode & OTHERS_WRITE) === 0) return undefined;
  return complaint('library-writable-by-others', { library, place });
}
