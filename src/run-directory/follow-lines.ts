/** @file Follows a file of lines, a log or records, while another process appends to it. */

import { watch, type FSWatcher } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { openOwned } from './owned';
import { parseRecord, type RecordKind, type RecordKinds } from './record-file';
import { InputError } from '../protocol/problem';
import type { TrainingPaths } from './run-paths';

export interface Follower {
  /** Reads what is new at once, without waiting for a notice from the file system. Throws an InputError where it is a link. */
  refresh(): Promise<void>;
  dispose(): void;
}

export interface FollowOptions {
  /** Milliseconds between looks where the file system gives no notice (network drives, containers). */
  pollEvery?: number;
}

/** As `followLines`, with the records of a training; damaged lines are passed over. */
export function followRecords<Kind extends RecordKind>(
  paths: TrainingPaths,
  kind: Kind,
  onRecords: (records: RecordKinds[Kind][], restarted: boolean) => void,
  options: FollowOptions = {},
): Follower {
  const receive = (lines: string[], restarted: boolean): void => {
    const records = lines.map((line) => parseRecord(line, kind)).filter((record) => record !== undefined);
    if (records.length > 0 || restarted) onRecords(records, restarted);
  };
  return followLines(paths[kind], receive, options);
}

/**
 * Calls `onLines` with the whole lines that are there and then with each new batch; `restarted` says that the file was
 * replaced or cut (a resumed run), so that what came before no longer holds. The file need not exist yet. Only new bytes
 * are read.
 */
export function followLines(
  file: string,
  onLines: (lines: string[], restarted: boolean) => void,
  { pollEvery = 1000 }: FollowOptions = {},
): Follower {
  const position: Position = { offset: 0, identity: undefined };
  let disposed = false;
  const isDisposed = () => disposed;
  let running: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;

  const read = async (): Promise<void> => {
    if (isDisposed()) return;
    const { lines, restarted } = await readNew(file, position);
    if ((lines.length > 0 || restarted) && !isDisposed()) onLines(lines, restarted);
  };
  // One look at a time, and at most one more after it, however many notices come.
  const refresh = (): Promise<void> =>
    (waiting ??= running.then(() => {
      waiting = undefined;
      const look = read();
      running = look.catch(() => undefined);
      return look;
    }));
  const refreshQuietly = () => void refresh().catch(() => undefined);

  let watcher: FSWatcher | undefined;
  const startWatching = () => {
    watcher ??= watchFolder(file, refreshQuietly, () => (watcher = undefined));
  };
  startWatching();
  const timer = setInterval(() => {
    startWatching();
    refreshQuietly();
  }, pollEvery);
  refreshQuietly();
  return {
    refresh,
    dispose: () => {
      disposed = true;
      clearInterval(timer);
      watcher?.close();
    },
  };
}

interface Position {
  /** Bytes read so far; always at the start of a line. */
  offset: number;
  identity: bigint | undefined;
}

async function readNew(file: string, position: Position): Promise<{ lines: string[]; restarted: boolean }> {
  const handle = await openIfThere(file);
  if (handle === undefined) return { lines: [], restarted: false };
  try {
    const { ino, size } = await handle.stat({ bigint: true });
    const isOther = position.identity !== undefined && position.identity !== ino;
    const restarted = position.offset > 0 && (isOther || Number(size) < position.offset);
    if (restarted) position.offset = 0;
    position.identity = ino;
    const content = await readFrom(handle, position.offset, Number(size));
    // Cut at a line's end, in bytes: the next letter may be half written.
    const end = content.lastIndexOf(0x0a) + 1;
    position.offset += end;
    return { lines: content.toString('utf8', 0, end).split('\n').slice(0, -1), restarted };
  } finally {
    await handle.close();
  }
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  return openOwned(file).catch((error: unknown) => {
    if (error instanceof InputError) throw error;
    return undefined;
  });
}

async function readFrom(handle: FileHandle, offset: number, size: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.max(0, size - offset));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
  return buffer.subarray(0, bytesRead);
}

/** Watches the folder, since the file may be replaced. Undefined where that cannot be done; polling goes on. */
function watchFolder(file: string, onChange: () => void, onEnd: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      if (name === null || name === basename(file)) onChange();
    });
    watcher.on('error', () => {
      watcher.close();
      onEnd();
    });
    return watcher;
  } catch {
    return undefined;
  }
}
