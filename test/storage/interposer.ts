/**
 * @file Stands between a program and its file system: counts every operation below a folder, lets one fail, and tells of what
 * changed. The program itself knows nothing of it: it calls node:fs, whose functions are replaced here.
 */

import fs from 'node:fs';
import path from 'node:path';

/** What a call asks of the file system. `change` is of names: making, renaming and removing files and folders. */
export type Kind = 'look' | 'open' | 'create' | 'read' | 'write' | 'sync' | 'change';

export interface Operation {
  kind: Kind;
  /** The function's name, for a person who looks for what failed. */
  name: string;
  /** Relative to the folder that is watched. */
  file: string;
}

/** What becomes of an operation: an error's code, or half of what was to be written. */
type Fault = { code: string } | 'short';

/** Told of what an operation has changed, after it. */
export interface Changes {
  /** A file was made, or its content is another. @param inode tells files apart, whatever they are called */
  content(file: fs.BigIntStats, content: Buffer): void;
  synced(file: fs.BigIntStats): void;
  named(name: string, file: fs.BigIntStats): void;
  unnamed(name: string): void;
  renamed(from: string, to: string): void;
}

export interface Watch {
  /** Below this folder. */
  root: string;
  /** Asked before each operation. */
  decide?: (operation: Operation) => Fault | undefined;
  changes?: Changes;
}

let watch: Watch | undefined;

/** From now on; undefined ends it. */
export function watchFiles(next: Watch | undefined): void {
  watch = next;
}

/** What is called in the end; {@link interpose} takes them as they are then. */
let real = { ...fs };
const places = new Map<number, string>();
const places2 = new WeakMap<object, string>();

const inRoot = (file: unknown): string | undefined => {
  if (typeof file !== 'string') return undefined;
  const root = watch?.root;
  if (root === undefined) return undefined;
  const whole = path.resolve(file);
  return whole === root || whole.startsWith(root + path.sep) ? whole : undefined;
};

function faultOf(kind: Kind, name: string, file: string): Fault | undefined {
  return watch?.decide?.({ kind, name, file: path.relative(watch.root, file) });
}

/** As Node words it: calls on an open file do not know the path. */
function failure(code: string, call: string, file?: string): NodeJS.ErrnoException {
  const words: Record<string, string> = {
    ENOSPC: 'no space left on device',
    EIO: 'i/o error',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
  };
  const where = file === undefined ? '' : ` '${file}'`;
  return Object.assign(new Error(`${code}: ${words[code] ?? 'failed'}, ${call}${where}`), {
    code,
    errno: -1,
    syscall: call,
    ...(file !== undefined && { path: file }),
  });
}

const statOf = (file: string): fs.BigIntStats | undefined =>
  real.lstatSync(file, { bigint: true, throwIfNoEntry: false });

/** All that is in a folder and it itself, the deepest first, as a removal goes through them. */
function treeOf(file: string): string[] {
  if (!statOf(file)?.isDirectory()) return [file];
  return [...real.readdirSync(file).flatMap((name) => treeOf(path.join(file, name))), file];
}

/** Tells what a call on a path has changed: `before` is looked at before it. */
function changesOf(name: string, args: unknown[]): () => void {
  const changes = watch?.changes;
  const kind = kindOfCall(name, args);
  if (changes === undefined || kind === 'look' || kind === 'read' || kind === 'open' || name === 'utimes')
    return () => undefined;
  const relative = (file: string): string => path.relative(watch!.root, file);
  const file = path.resolve(args[0] as string);
  const told = (place: string): void => {
    const stat = statOf(place);
    if (stat) changes.named(relative(place), stat);
    if (stat?.isFile()) changes.content(stat, real.readFileSync(place));
  };
  switch (name) {
    case 'rename':
      return () => changes.renamed(relative(file), relative(path.resolve(args[1] as string)));
    case 'rm':
    case 'rmdir':
    case 'unlink': {
      if (!statOf(file)) return () => undefined;
      const gone = treeOf(file);
      return () => gone.filter((place) => !statOf(place)).forEach((place) => changes.unnamed(relative(place)));
    }
    case 'mkdir': {
      const missing: string[] = [];
      for (let at = file; !statOf(at); at = path.dirname(at)) missing.unshift(at);
      return () => missing.forEach(told);
    }
    default: {
      const before = statOf(file);
      return () => {
        const after = statOf(file);
        if (!after) return;
        if (!before) changes.named(relative(file), after);
        if (after.isFile() && (before?.size !== after.size || name !== 'open')) {
          changes.content(after, real.readFileSync(file));
        }
      };
    }
  }
}

const kinds: Record<string, Kind> = {
  readFile: 'read',
  readdir: 'look',
  stat: 'look',
  lstat: 'look',
  statfs: 'look',
  realpath: 'look',
  access: 'look',
  exists: 'look',
  mkdir: 'change',
  rename: 'change',
  rm: 'change',
  rmdir: 'change',
  unlink: 'change',
  writeFile: 'write',
  appendFile: 'write',
  cp: 'write',
  copyFile: 'write',
  utimes: 'change',
};

const isToWrite = (flags: unknown): boolean =>
  typeof flags === 'number'
    ? (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT)) !== 0
    : typeof flags === 'string' && flags !== 'r';

const kindOfCall = (name: string, args: unknown[]): Kind =>
  name === 'open' ? (isToWrite(args[1]) ? 'create' : 'open') : kinds[name]!;

const halved = (data: unknown): Buffer => {
  const bytes = Buffer.isBuffer(data)
    ? data
    : ArrayBuffer.isView(data)
      ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
      : Buffer.from(data as string);
  return bytes.subarray(0, bytes.length >> 1);
};

/** Before a call on a path: throws what it is to fail with. A write that fails leaves half of it, as on a full disk. */
function before(name: string, args: unknown[], file: string): void {
  const fault = faultOf(kindOfCall(name, args), name, file);
  if (fault === undefined) return;
  if (name === 'writeFile' || name === 'appendFile') {
    const options = args[2] as fs.WriteFileOptions | undefined;
    try {
      real[`${name}Sync`](file, halved(args[1]), options);
    } catch {
      // It would have failed anyway.
    }
  }
  if (fault !== 'short') throw failure(fault.code, name === 'readFile' || name.endsWith('File') ? 'open' : name, file);
  // What a whole call writes it writes in as many writes as it takes.
}

type Anything = (...args: unknown[]) => unknown;

function wrapPaths(): void {
  for (const name of [...Object.keys(kinds), 'open']) {
    const original = (fs.promises as unknown as Record<string, Anything>)[name];
    if (original) {
      (fs.promises as unknown as Record<string, Anything>)[name] = async (...args) => {
        const file = inRoot(args[0]);
        if (file === undefined) return original(...args);
        before(name, args, file);
        const told = changesOf(name, args);
        try {
          const result = await original(...args);
          if (name === 'open') places2.set(result as object, file);
          return result;
        } finally {
          told();
        }
      };
    }
    const callback = (real as unknown as Record<string, Anything>)[name];
    if (callback && name !== 'exists') {
      (fs as unknown as Record<string, unknown>)[name] = Object.assign((...args: unknown[]) => {
        const file = inRoot(args[0]);
        const done = args.at(-1) as (error: unknown, result?: unknown) => void;
        if (file === undefined) return callback(...args);
        try {
          before(name, args, file);
        } catch (error) {
          setImmediate(() => done(error));
          return;
        }
        const told = changesOf(name, args);
        callback(...args.slice(0, -1), (error: unknown, result: unknown) => {
          if (!error && name === 'open') places.set(result as number, file);
          told();
          done(error, result);
        });
      }, callback);
    }
    const sync = (real as unknown as Record<string, Anything>)[`${name}Sync`];
    if (sync) {
      (fs as unknown as Record<string, unknown>)[`${name}Sync`] = (...args: unknown[]) => {
        const file = inRoot(args[0]);
        if (file === undefined) return sync(...args);
        if (name === 'exists') {
          return faultOf('look', name, file) === undefined && sync(...args);
        }
        before(name, args, file);
        const told = changesOf(name, args);
        try {
          const result = sync(...args);
          if (name === 'open') places.set(result as number, file);
          return result;
        } finally {
          told();
        }
      };
    }
  }
}

function tellContent(descriptor: number): void {
  if (!watch?.changes) return;
  const stat = real.fstatSync(descriptor, { bigint: true });
  // A file's content by its descriptor, also where that was opened for writing only.
  if (stat.isFile()) watch.changes.content(stat, real.readFileSync(`/proc/self/fd/${descriptor}`));
}

function tellSynced(descriptor: number): void {
  watch?.changes?.synced(real.fstatSync(descriptor, { bigint: true }));
}

const fileKinds: Record<string, Kind> = {
  write: 'write',
  writeFile: 'write',
  appendFile: 'write',
  truncate: 'write',
  read: 'read',
  readFile: 'read',
  stat: 'look',
  sync: 'sync',
  datasync: 'sync',
};

/** The calls of an open file. */
async function wrapHandles(): Promise<void> {
  const handle = await fs.promises.open(process.execPath);
  const methods = Object.getPrototypeOf(handle) as Record<string, Anything>;
  await handle.close();
  for (const [name, kind] of Object.entries(fileKinds)) {
    const original = methods[name];
    if (!original) continue;
    methods[name] = async function (this: fs.promises.FileHandle, ...args: unknown[]) {
      const file = places2.get(this);
      if (file === undefined || inRoot(file) === undefined) return original.apply(this, args);
      const fault = faultOf(kind, `handle.${name}`, file);
      if (fault !== undefined && kind === 'write' && name !== 'truncate') {
        const half = halved(args[0]);
        if (name === 'write') {
          const offset = (args[1] as number | undefined) ?? 0;
          const length = (args[2] as number | undefined) ?? (args[0] as Uint8Array).byteLength - offset;
          const part = length >> 1;
          if (part > 0) {
            const wrote = await original.call(this, args[0], offset, part, args[3]);
            tellContent(this.fd);
            if (fault === 'short') return wrote;
          }
        } else if (fault !== 'short') {
          await original.call(this, half);
          tellContent(this.fd);
        }
      }
      if (fault !== undefined && fault !== 'short') throw failure(fault.code, name);
      try {
        return await original.apply(this, args);
      } finally {
        if (kind === 'write') tellContent(this.fd);
        if (kind === 'sync') tellSynced(this.fd);
      }
    };
  }
}

/** The calls on a file's number: `write` and `fsync`, with a callback and without. */
function wrapDescriptors(): void {
  const writeSync = real.writeSync as unknown as Anything;
  (fs as unknown as Record<string, unknown>).writeSync = (descriptor: number, data: unknown, ...rest: unknown[]) => {
    const file = places.get(descriptor);
    if (inRoot(file) === undefined) return writeSync(descriptor, data, ...rest);
    const fault = faultOf('write', 'writeSync', file!);
    try {
      if (fault === undefined) return writeSync(descriptor, data, ...rest);
      const part = writeSync(descriptor, halved(data));
      if (fault === 'short') return part;
    } finally {
      tellContent(descriptor);
    }
    throw failure(fault.code, 'write');
  };
  const fsyncSync = real.fsyncSync;
  (fs as unknown as Record<string, unknown>).fsyncSync = (descriptor: number) => {
    const file = places.get(descriptor);
    if (inRoot(file) === undefined) {
      fsyncSync(descriptor);
      return;
    }
    const fault = faultOf('sync', 'fsyncSync', file!);
    if (fault !== undefined && fault !== 'short') throw failure(fault.code, 'fsync');
    fsyncSync(descriptor);
    tellSynced(descriptor);
  };
  const write = real.write as unknown as Anything;
  (fs as unknown as Record<string, unknown>).write = (descriptor: number, data: unknown, ...rest: unknown[]) => {
    const file = places.get(descriptor);
    const done = rest.at(-1) as (error: unknown, count?: number, data?: unknown) => void;
    if (inRoot(file) === undefined) return write(descriptor, data, ...rest);
    const fault = faultOf('write', 'write', file!);
    const given = fault === undefined ? [data, ...rest.slice(0, -1)] : [halved(data)];
    write(descriptor, ...given, (error: unknown, count: number) => {
      if (!error) tellContent(descriptor);
      done(error ?? (fault && fault !== 'short' ? failure(fault.code, 'write') : null), count, data);
    });
  };
  const fsync = real.fsync;
  (fs as unknown as Record<string, unknown>).fsync = (descriptor: number, done: (error: unknown) => void) => {
    const file = places.get(descriptor);
    if (inRoot(file) === undefined) {
      fsync(descriptor, done);
      return;
    }
    const fault = faultOf('sync', 'fsync', file!);
    if (fault !== undefined && fault !== 'short') {
      setImmediate(() => done(failure(fault.code, 'fsync')));
      return;
    }
    fsync(descriptor, (error) => {
      if (!error) tellSynced(descriptor);
      done(error);
    });
  };
}

/** To be called once, before the program opens a file. */
export async function interpose(): Promise<void> {
  real = { ...fs };
  await wrapHandles();
  wrapPaths();
  wrapDescriptors();
}
