/**
 * @file The files of a teacher cache, `.distillery/cache/teacher/KEY/`:
 *   cache.json   what it is of, for people and for `distillery cache`
 *   values.bin   the records, each at a place of its own that depends on nothing but the examples
 *   filled.log   a line `BLOCK CRC32` for each block that is there
 * or, of a server, beside cache.json the `answers.log` of answer-log.ts.
 *
 * Whoever fills the same cache writes the same bytes to the same ranges, so several processes may do it at once, and no lock
 * is needed. A block counts only when its line is there and its bytes agree with the line's checksum, so that neither a
 * process that was killed nor a machine that went down leaves anything that is read by mistake.
 */

import { constants } from 'node:fs';
import { appendFile, readdir, stat, statfs, utimes, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { naming, writeAtomically } from '../model/files/atomic';
import type { Task } from '../protocol/records';
import { makeFolder } from './folders';
import { openOwned, readOwned, readOwnedIfThere, removeOwned, requireOwned, requireOwnedTree } from './owned';

/** `cache.json`. */
export interface TeacherCacheRecord {
  /** Where the teacher came from, for people. */
  teacher: string;
  task: Task;
  examples: number;
  /** Of a full cache. */
  bytes: number;
  /** "auto": hidden states in float16, predictions in float32. */
  values: 'auto' | 'float32' | 'float16';
  blocks: number;
  /** The engine, and the precisions of model and teacher; absent in what earlier versions have kept. */
  computedBy?: readonly string[];
  created: string;
  /** So many logits of a position are kept; absent: all. */
  top?: number | undefined;
  /** So many tokens of a position are drawn. */
  drawn?: number | undefined;
  /** What is lost by rounding to float16, or by keeping some: mean and largest KL of the kept soft labels from the exact ones at T = 1, nats. */
  klError?: { mean: number; largest: number };
}

/** The `cache/teacher` folder that belongs to a `.distillery/runs`. */
export function teacherCaches(runs: string): string {
  return join(dirname(runs), 'cache', 'teacher');
}

/** Where blocks lie in `values.bin`, in bytes. */
export type BlockRanges = readonly { start: number; end: number }[];

const RECORD = 'cache.json';
const VALUES = 'values.bin';
const LOG = 'filled.log';
/** Of a server's answers. */
export const ANSWERS = 'answers.log';

/** A cache of so few bytes is held in memory whole: a read of each row of a batch takes longer than a small student's step. */
const HELD_BYTES = 64 * 2 ** 20;

/** The file is shorter than what was written to it. */
export class CacheCutOff extends Error {
  override readonly name = 'CacheCutOff';
}

/** An open cache: the `RecordStore` of src/distill/teacher/cache.ts. */
export class TeacherCacheFiles {
  /** Blocks known to be whole: checked here, or written by this process. */
  private readonly whole = new Set<number>();
  private logRead = 0;
  /** `values.bin`, where it is small; only what is of whole blocks is to be read. */
  private readonly memory: Uint8Array | undefined;

  private constructor(
    readonly directory: string,
    private readonly file: FileHandle,
    private readonly ranges: BlockRanges,
    mostHeld: number,
  ) {
    const size = ranges.reduce((most, { end }) => Math.max(most, end), 0);
    if (size <= mostHeld) this.memory = new Uint8Array(size);
  }

  /**
   * Makes the cache, or opens what is there of it.
   * @param mostHeld bytes of a cache that is held in memory
   */
  static async open(
    directory: string,
    record: TeacherCacheRecord,
    ranges: BlockRanges,
    mostHeld = HELD_BYTES,
  ): Promise<TeacherCacheFiles> {
    await requireOwnedTree(directory);
    await makeFolder(directory);
    if ((await readCacheRecord(directory)) === undefined) await writeCacheRecord(directory, record);
    // Says when it was last used.
    const now = new Date();
    await utimes(join(directory, RECORD), now, now);
    const path = join(directory, VALUES);
    await appendFile(path, ''); // there from now on, whoever was first
    return new TeacherCacheFiles(directory, await openOwned(path, constants.O_RDWR), ranges, mostHeld);
  }

  async filled(): Promise<ReadonlySet<number>> {
    for (const [block, checksum] of await this.newLines()) {
      if (this.whole.has(block) || !this.ranges[block]) continue;
      if ((await this.checksumOf(block)) === checksum) this.whole.add(block);
    }
    return this.whole;
  }

  async writeBlock(block: number, start: number, bytes: Uint8Array): Promise<void> {
    await naming(join(this.directory, VALUES), writeAll(this.file, bytes, start));
    const log = join(this.directory, LOG);
    await naming(log, appendFile(log, `${block} ${checksum(bytes)}\n`));
    this.memory?.set(bytes, start);
    this.whole.add(block);
  }

  held(start: number, end: number): Uint8Array | undefined {
    return this.memory?.subarray(start, end);
  }

  async read(start: number, into: Uint8Array): Promise<void> {
    if (await naming(join(this.directory, VALUES), readAll(this.file, into, start))) return;
    throw new CacheCutOff(`${join(this.directory, VALUES)} has been cut off while it was in use`);
  }

  close(): Promise<void> {
    return this.file.close();
  }

  /** Lines that have come since the log was last looked at; a line without its end is still being written. */
  private async newLines(): Promise<[block: number, checksum: string][]> {
    const log = (await readOwnedIfThere(join(this.directory, LOG)))?.toString() ?? '';
    const end = log.lastIndexOf('\n') + 1;
    const lines = log.slice(this.logRead, end).split('\n');
    this.logRead = end;
    return lines.flatMap((line): [number, string][] => {
      const match = /^(\d+) ([0-9a-f]{8})$/.exec(line);
      return match ? [[Number(match[1]), match[2]!]] : [];
    });
  }

  private async checksumOf(block: number): Promise<string | undefined> {
    const { start, end } = this.ranges[block]!;
    const bytes = this.held(start, end) ?? new Uint8Array(end - start);
    const isThere = await naming(join(this.directory, VALUES), readAll(this.file, bytes, start));
    return isThere ? checksum(bytes) : undefined;
  }
}

const checksum = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(8, '0');

async function writeAll(file: FileHandle, bytes: Uint8Array, start: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, start + done);
    done += bytesWritten;
  }
}

/** False where the file ends before. */
async function readAll(file: FileHandle, into: Uint8Array, start: number): Promise<boolean> {
  for (let done = 0; done < into.byteLength;) {
    const { bytesRead } = await file.read(into, done, into.byteLength - done, start + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}

export async function readCacheRecord(directory: string): Promise<TeacherCacheRecord | undefined> {
  try {
    return JSON.parse((await readOwned(join(directory, RECORD))).toString()) as TeacherCacheRecord;
  } catch {
    return undefined;
  }
}

export async function writeCacheRecord(directory: string, record: TeacherCacheRecord): Promise<void> {
  await writeAtomically(join(directory, RECORD), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** A cache as `distillery cache` lists it. */
export interface ListedCache extends Partial<TeacherCacheRecord> {
  key: string;
  directory: string;
  /** On disk now. */
  bytesOnDisk: number;
  lastUsed: string;
}

/** The caches in a `cache/teacher`, the last used first. Throws an InputError where that is a link. */
export async function listCaches(folder: string): Promise<ListedCache[]> {
  requireOwned(folder);
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const caches = entries.filter((entry) => entry.isDirectory()).map(({ name }) => listCache(join(folder, name)));
  return (await Promise.all(caches)).sort((a, b) => b.lastUsed.localeCompare(a.lastUsed));
}

async function listCache(directory: string): Promise<ListedCache> {
  const file = async (name: string) => stat(join(directory, name)).catch(() => undefined);
  const values = (await file(VALUES)) ?? (await file(ANSWERS));
  const used = (await stat(join(directory, RECORD)).catch(() => undefined)) ?? (await stat(directory));
  return {
    ...(await readCacheRecord(directory)),
    key: basename(directory),
    directory,
    // Blocks that are not filled yet are holes; where the system does not count blocks, the size stands in.
    bytesOnDisk: values ? values.blocks * 512 || values.size : 0,
    lastUsed: used.mtime.toISOString(),
  };
}

export async function removeCache({ directory }: ListedCache): Promise<void> {
  await removeOwned(directory);
}

/** What the file system has left for us, in bytes. */
export async function freeSpace(folder: string): Promise<number> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await statfs(at).catch(() => undefined);
    if (found) return found.bavail * found.bsize;
    if (at === dirname(at)) return Infinity;
  }
}
