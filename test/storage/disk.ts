/**
 * @file What a file system may have on its disk after a crash. Only what was synced must be there: a file's content by a sync of the
 * file, its name by a sync of its folder. All else may be there, or not, or in part (Pillai et al., "All File Systems Are Not Created
 * Equal", OSDI 2014). Names of one folder reach the disk in their order, as every journal of names has it; those of two in any.
 */

import fs from 'node:fs';
import path from 'node:path';
import type { Changes } from './interposer';

interface Inode {
  folder: boolean;
  /** What is on the disk for certain. */
  synced: Buffer;
  /** What was written since, each the whole content after a write. */
  written: Buffer[];
  names: Map<string, Inode>;
  /** Since the folder was synced. */
  renamed: Change[];
}

/** What happens to names at once: each a folder, a name in it, and what it names from then on. */
type Change = readonly (readonly [folder: Inode, name: string, inode: Inode | undefined])[];

const newInode = (folder: boolean): Inode => ({
  folder,
  synced: Buffer.alloc(0),
  written: [],
  names: new Map(),
  renamed: [],
});

/** A way in which a crash may leave a disk. */
export type Loss = (typeof losses)[number];

/**
 * `nothing-unsynced`: all that was not synced is lost. `names-empty`, `names-zeros`: names have reached the disk, contents have not;
 * files are empty, or of their length and zero. `contents`: contents have, names have not. `torn`: half of the last write of each file.
 * `all`: nothing is lost, as after a killed process. `mixed-N`: of each a part, by a random choice.
 */
export const losses = [
  'nothing-unsynced',
  'names-empty',
  'names-zeros',
  'contents',
  'torn',
  'all',
  'mixed-1',
  'mixed-2',
] as const;

type Event = (root: Inode) => void;

/** Keeps what happens to a folder; its states can then be had for a crash after each event. */
export class DiskLog implements Changes {
  readonly events: Event[] = [];
  private readonly inodes = new Map<string, Inode>();
  private readonly start: Inode;

  /** @param root as it is now, all of it on the disk */
  constructor(root: string) {
    this.start = this.read(root);
  }

  private read(place: string): Inode {
    const stat = fs.lstatSync(place, { bigint: true });
    const inode = this.inodeOf(stat);
    if (!stat.isDirectory()) inode.synced = fs.readFileSync(place);
    else for (const name of fs.readdirSync(place)) inode.names.set(name, this.read(path.join(place, name)));
    return inode;
  }

  private inodeOf(stat: fs.BigIntStats): Inode {
    const key = `${stat.ino}:${stat.birthtimeNs}`;
    let inode = this.inodes.get(key);
    if (!inode) this.inodes.set(key, (inode = newInode(stat.isDirectory())));
    return inode;
  }

  content(stat: fs.BigIntStats, content: Buffer): void {
    const inode = this.inodeOf(stat);
    this.events.push(() => inode.written.push(content));
  }

  synced(stat: fs.BigIntStats): void {
    const inode = this.inodeOf(stat);
    this.events.push(() => {
      inode.synced = inode.written.at(-1) ?? inode.synced;
      inode.written = [];
      for (const change of inode.renamed.splice(0)) carryOut(change);
    });
  }

  named(name: string, stat: fs.BigIntStats): void {
    const inode = this.inodeOf(stat);
    this.events.push((root) => {
      const folder = folderOf(root, name);
      record([[folder, path.basename(name), inode]]);
    });
  }

  unnamed(name: string): void {
    this.events.push((root) => record([[folderOf(root, name), path.basename(name), undefined]]));
  }

  renamed(from: string, to: string): void {
    this.events.push((root) => {
      const source = folderOf(root, from);
      const inode = current(source).get(path.basename(from))!;
      record([
        [source, path.basename(from), undefined],
        [folderOf(root, to), path.basename(to), inode],
      ]);
    });
  }

  /** Calls `visit` after each event, or those that `chosen` takes, with what the disk may hold then. */
  async replay(visit: (states: CrashStates, event: number) => Promise<void>): Promise<void> {
    for (const [i, event] of this.events.entries()) {
      event(this.start);
      await visit(new CrashStates(this.start), i);
    }
  }
}

/** The entries of a folder as a program sees them. */
function current(folder: Inode): Map<string, Inode> {
  return namesAfter(folder, folder.renamed.length);
}

function namesAfter(folder: Inode, count: number): Map<string, Inode> {
  const names = new Map(folder.names);
  for (const change of folder.renamed.slice(0, count)) {
    for (const [where, name, inode] of change) {
      if (where !== folder) continue;
      if (inode) names.set(name, inode);
      else names.delete(name);
    }
  }
  return names;
}

function folderOf(root: Inode, name: string): Inode {
  const parts = path.dirname(name).split(path.sep);
  return parts.reduce((folder, part) => (part === '.' ? folder : current(folder).get(part)!), root);
}

function record(change: Change): void {
  for (const folder of new Set(change.map(([where]) => where))) folder.renamed.push(change);
}

/** Puts a change of names on the disk, in all its folders. */
function carryOut(change: Change): void {
  for (const [folder, name, inode] of change) {
    if (inode) folder.names.set(name, inode);
    else folder.names.delete(name);
    folder.renamed = folder.renamed.filter((other) => other !== change);
  }
}

/** A disk at one moment of a crash, in each way it may be left. */
export class CrashStates {
  constructor(private readonly root: Inode) {}

  /** Files by their relative paths, and folders (null), as this loss leaves them. */
  files(loss: Loss, seed: number): Map<string, Buffer | null> {
    const random = randomFrom(seed);
    const found = new Map<string, Buffer | null>();
    const walk = (folder: Inode, at: string): void => {
      for (const [name, inode] of namesAfter(folder, this.keptNames(folder, loss, random))) {
        const place = path.join(at, name);
        found.set(place, inode.folder ? null : contentOf(inode, loss, random));
        if (inode.folder) walk(inode, place);
      }
    };
    walk(this.root, '');
    return found;
  }

  private keptNames({ renamed }: Inode, loss: Loss, random: () => number): number {
    if (loss === 'nothing-unsynced' || loss === 'contents') return 0;
    return loss.startsWith('mixed') ? Math.floor(random() * (renamed.length + 1)) : renamed.length;
  }
}

function contentOf({ synced, written }: Inode, loss: Loss, random: () => number): Buffer {
  const last = written.at(-1);
  if (last === undefined) return synced;
  const previous = written.at(-2) ?? synced;
  switch (loss) {
    case 'nothing-unsynced':
    case 'names-empty':
      return synced;
    case 'names-zeros':
      return zerosAfter(synced, last.length);
    case 'torn':
      return last.subarray(0, (Math.min(previous.length, last.length) + last.length) >> 1);
    case 'all':
    case 'contents':
      return last;
    default: {
      // What was synced at the front of a file stays there while only what follows it is written.
      const certain = last.subarray(0, synced.length).equals(synced) ? synced.length : 0;
      const half = last.subarray(0, (certain + last.length) >> 1);
      const ways = [synced, zerosAfter(synced, last.length), previous, last, half];
      return ways[Math.floor(random() * ways.length)]!;
    }
  }
}

/** The length is on the disk, what was appended is not. */
function zerosAfter(synced: Buffer, length: number): Buffer {
  const content = Buffer.alloc(length);
  synced.copy(content);
  return content;
}

/** Mulberry32: numbers from 0 to 1. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
