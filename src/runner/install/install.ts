/** @file Installs a native library or a model for this person: fetches or takes its wheels, checks them, unpacks what is needed. */

import { appendFileSync } from 'node:fs';
import { mkdir, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { installedLibrary } from '../../engine/libraries';
import { packageTitle, type PackageName } from '../../protocol/model-packages';
import { saveDirectoryAtomically } from '../../run-directory/atomic-directory';
import { formatBytes } from '../../protocol/format';
import type { LibraryRecord } from '../../protocol/machine-records';
import { libraryFor, platformsOf, wheelTags, type Library, type Wheel } from './catalog';
import { explained, installError, withMeanwhile, type InstallError } from './install-error';
import { alone, exists, libraryHome, removeOthers } from './library-home';
import { downloadWheel } from './pip-download';
import { findPip } from './python';
import { isZip, sha256Of, unpackWheel } from './wheel';

export type InstallPhase = 'downloading' | 'checking' | 'unpacking';

export interface InstallListener {
  progress(phase: InstallPhase, bytes: number, of: number): void;
  note(line: string): void;
}

export interface InstallOptions {
  /** Wheels that the person has; what is missing is fetched. */
  files?: readonly string[];
  signal?: AbortSignal;
  /** Free bytes on the disk of a folder. */
  freeBytes?: (folder: string) => Promise<number>;
}

/** Room that is left on the disk for others. */
const SPARE_BYTES = 64e6;

/**
 * Whatever happens on the way, a library is either whole in its place or not there: it is unpacked aside and renamed last. What
 * was downloaded and is as published is kept until then, for the next attempt. Throws an InstallError.
 */
export async function installLibrary(
  name: PackageName,
  listener: InstallListener,
  options: InstallOptions = {},
): Promise<LibraryRecord> {
  try {
    return await installPackage(name, listener, options);
  } catch (error) {
    throw withMeanwhile(error, name);
  }
}

async function installPackage(
  name: PackageName,
  listener: InstallListener,
  options: InstallOptions,
): Promise<LibraryRecord> {
  const library = libraryFor(name);
  if (!library) throw wrongPlatform(name);
  const there = installedLibrary(name);
  if (there?.isPackaged && there.version === library.version && !options.files?.length) {
    listener.note(`${packageTitle(name)} ${library.version} came with this program: there is nothing to install`);
    return { library: name, version: library.version, folder: there.folder, isThere: true };
  }
  const home = libraryHome(name);
  const target = path.join(home, library.version);
  return alone(home, async () => {
    const log = logging(listener, path.join(home, 'install.log'));
    try {
      const isThere = await exists(target);
      if (!isThere) await install(library, home, log, options);
      else log.note(`${packageTitle(library.name)} ${library.version} is already installed in ${target}`);
      await removeOthers(home, library.version);
      const { folder } = installedLibrary(name)!;
      return { library: name, version: library.version, folder, ...(isThere && { isThere }) };
    } catch (error) {
      const known = cancelled(name, options.signal) ?? explained(error, home);
      log.detail(`failed: ${known instanceof Error ? known.message : String(known)}`);
      throw known;
    }
  });
}

async function install(library: Library, home: string, log: Log, options: InstallOptions): Promise<void> {
  if (library.notice !== undefined) log.note(library.notice);
  const downloads = path.join(home, 'download');
  const wheels = await wheelsAtHand(library, downloads, log, options);
  await requireSpace(library, wheels, home, options.freeBytes ?? freeBytes);
  await fetchMissing(library, wheels, downloads, home, log, options);
  await unpack(library, wheels, path.join(home, library.version), log, options);
  await rm(downloads, { recursive: true, force: true });
  log.note(`installed ${packageTitle(library.name)} ${library.version} in ${path.join(home, library.version)}`);
}

/** Where each wheel is that need not be fetched. */
type Wheels = Map<Wheel, string>;

/** Takes the person's files, and what an earlier attempt has downloaded. */
async function wheelsAtHand(
  library: Library,
  downloads: string,
  log: Log,
  { files = [], signal }: InstallOptions,
): Promise<Wheels> {
  const wheels: Wheels = new Map();
  for (const file of files) {
    if (!(await isZip(file))) {
      throw installError('install-not-a-wheel', { file });
    }
    const sha256 = await checked(file, log, signal);
    const wheel = library.wheels.find((candidate) => candidate.sha256 === sha256);
    if (!wheel) throw wrongWheel(file, library);
    wheels.set(wheel, file);
  }
  for (const wheel of library.wheels) {
    const file = path.join(downloads, wheel.file);
    if (wheels.has(wheel) || !(await exists(file))) continue;
    if ((await checked(file, log, signal)) === wheel.sha256) wheels.set(wheel, file);
    else await rm(file);
  }
  return wheels;
}

async function fetchMissing(
  library: Library,
  wheels: Wheels,
  downloads: string,
  home: string,
  log: Log,
  { signal }: InstallOptions,
): Promise<void> {
  const missing = library.wheels.filter((wheel) => !wheels.has(wheel));
  if (missing.length === 0) return;
  await mkdir(downloads, { recursive: true });
  const pip = await findPip(home, library.name);
  const total = sum(missing.map(({ bytes }) => bytes));
  let before = 0;
  for (const wheel of missing) {
    log.note(`fetching ${wheel.file} (${formatBytes(wheel.bytes)}) with ${pip.join(' ')}`);
    await downloadWheel(pip, {
      library: library.name,
      wheel,
      folder: downloads,
      onBytes: (bytes) => log.progress('downloading', before + bytes, total),
      onLine: (line) => log.detail(`pip: ${line}`),
      signal,
    });
    const file = path.join(downloads, wheel.file);
    // pip has checked it; this is what we unpack.
    if (!(await exists(file)) || (await checked(file, log, signal)) !== wheel.sha256) {
      await rm(file, { force: true });
      throw installError('install-wrong-hash', { file: wheel.file, library: library.name });
    }
    wheels.set(wheel, file);
    before += wheel.bytes;
  }
}

async function unpack(
  library: Library,
  wheels: Wheels,
  target: string,
  log: Log,
  { signal }: InstallOptions,
): Promise<void> {
  let done = 0;
  const onBytes = (bytes: number): void => log.progress('unpacking', (done += bytes), library.bytes);
  await saveDirectoryAtomically(target, async (folder) => {
    for (const file of wheels.values()) await unpackWheel(file, folder, library.keep, onBytes, signal);
    if (library.archive === undefined) return;
    const archive = path.join(folder, library.archive.file);
    await unpackWheel(archive, folder, library.archive.keep, onBytes, signal);
    await rm(archive);
  });
}

async function checked(file: string, log: Log, signal: AbortSignal | undefined): Promise<string> {
  const { size } = await stat(file);
  let done = 0;
  return sha256Of(file, (bytes) => log.progress('checking', (done += bytes), size), signal);
}

async function requireSpace(
  library: Library,
  wheels: Wheels,
  home: string,
  free: (folder: string) => Promise<number>,
): Promise<void> {
  const missing = library.wheels.filter((wheel) => !wheels.has(wheel)).map(({ bytes }) => bytes);
  // pip copies each wheel out of its temporary folder.
  const needed = sum(missing) + Math.max(0, ...missing) + library.bytes + SPARE_BYTES;
  const available = await free(home);
  if (available >= needed) return;
  const title = packageTitle(library.name);
  throw installError('install-disk-too-small', { title, needed, folder: home, available });
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** What is told to the person is logged too, with details that are only logged. */
interface Log extends InstallListener {
  detail(line: string): void;
}

function logging(listener: InstallListener, file: string): Log {
  const detail = (line: string): void => {
    try {
      appendFileSync(file, `${new Date().toISOString()} ${line}\n`);
    } catch {
      // A full disk is said by what the log is about.
    }
  };
  return {
    progress: listener.progress.bind(listener),
    note: (line) => {
      listener.note(line);
      detail(line);
    },
    detail,
  };
}

function cancelled(library: PackageName, signal: AbortSignal | undefined): InstallError | undefined {
  return signal?.aborted ? installError('install-cancelled', { library }) : undefined;
}

function wrongPlatform(name: PackageName): InstallError {
  return installError('install-wrong-platform', {
    title: packageTitle(name),
    platform: `${process.platform}-${process.arch}`,
    platforms: platformsOf(name),
  });
}

function wrongWheel(file: string, library: Library): InstallError {
  const wanted = library.wheels.map((wheel) => wheel.file);
  const given = path.basename(file);
  if (wanted.includes(given)) return installError('install-wheel-altered', { file: given, wanted });
  const { name, version } = library;
  const title = packageTitle(name);
  return installError('install-wrong-wheel', { file: given, title, version, wanted, ...describe(given) });
}

function describe(file: string): object {
  const tags = wheelTags(file);
  if (!tags) return {};
  const { package: name, version: packageVersion, python, platforms } = tags;
  return { package: name, packageVersion, python, wheelPlatform: platforms[0]! };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
