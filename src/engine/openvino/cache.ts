/** @file Compiled graphs that are kept from start to start, each under a key of all that it was made from. */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { Fingerprint } from './check';

/** Another number is another key: to be raised when a file's content or what is in the key changes. */
const FORMAT = 2;

/** Bytes of compiled graphs at most; one without weights takes some 100 kB to 3 MB. */
const MOST_BYTES = 256 * 2 ** 20;

/** What a compiled graph depends on beside the graph. */
export interface CompilerFacts {
  /** The library's version with its build. */
  library: string;
  device: string;
  deviceName: string;
  /** What the library says that the device can; its switches hide some of it. */
  capabilities: string;
  /** Instructions by the system. The library names AMX and AVX512_BF16 alike. */
  processor: string;
  /** Variables by which the library and its kernels (oneDNN) are switched. */
  environment: Readonly<Record<string, string>>;
  /** The compiler's: precision, threads and all others. */
  properties: Readonly<Record<string, string>>;
}

/** A compiled graph as the library exports it, and what it computed when it was new; that is absent where a run was too much for a check. */
export interface KeptGraph {
  blob: Uint8Array;
  fingerprint?: Fingerprint | undefined;
}

/** The system's place for what a program can make again. */
export function defaultCacheFolder(): string {
  const home = os.homedir();
  const caches = {
    win32: process.env.LOCALAPPDATA ?? path.join(home, 'AppData', 'Local'),
    darwin: path.join(home, 'Library', 'Caches'),
  }[process.platform as string];
  return path.join(caches ?? process.env.XDG_CACHE_HOME ?? path.join(home, '.cache'), 'distillery', 'openvino');
}

/** Linux names the instructions of the processor, as far as a virtual machine shows them; elsewhere its model stands for them. */
export function processorFeatures(): string {
  try {
    const [, features] = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))!;
    return features!.trim();
  } catch {
    return `${os.arch()} ${os.cpus()[0]?.model ?? ''}`;
  }
}

export function compilerEnvironment(): Record<string, string> {
  const set = Object.entries(process.env).filter(([name]) => /^(OV|OPENVINO|ONEDNN|DNNL)_/.test(name));
  return Object.fromEntries(set.sort(([a], [b]) => (a < b ? -1 : 1))) as Record<string, string>;
}

/** The name under which what is compiled from this ONNX model is kept. */
export function cacheKey(facts: CompilerFacts, onnx: Uint8Array): string {
  const { properties, ...others } = facts;
  const sorted = Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([FORMAT, Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1)), sorted]))
    .update('\n')
    .update(onnx)
    .digest('hex');
}

const DIGEST_BYTES = 32;
const digestOf = (...parts: Uint8Array[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

const NAME = /^[0-9a-f]{64}\.graph$/;

/** A write that was cut off leaves its file aside; nobody writes for so long. */
const ABANDONED_AFTER_MS = 60 * 60 * 1000;

/**
 * A folder of compiled graphs, a file each: SHA-256 of the rest, length of the head as four bytes, the head as JSON (key and
 * fingerprint), the blob. A file appears whole, by renaming, and one whose digest is another is as if it were not there.
 */
export class GraphCache {
  private constructor(private readonly folder: string) {}

  /** Makes the folder and sweeps it. Undefined where it cannot be written: everything is compiled anew, which only takes longer. */
  static open(folder: string, mostBytes = MOST_BYTES): GraphCache | undefined {
    try {
      mkdirSync(folder, { recursive: true });
      sweep(folder, mostBytes);
      return new GraphCache(folder);
    } catch {
      return undefined; // a full disk, or a home that is read-only
    }
  }

  async find(key: string): Promise<KeptGraph | undefined> {
    const file = this.fileOf(key);
    const content = await readFile(file).catch(() => undefined);
    if (!content) return undefined;
    const kept = decode(content, key);
    // Damaged, or of another format: another takes its place.
    if (!kept) this.forget(key);
    else touch(file);
    return kept;
  }

  async keep(key: string, { blob, fingerprint }: KeptGraph): Promise<void> {
    const head = Buffer.from(JSON.stringify({ key, fingerprint }));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(head.length);
    const content = Buffer.concat([digestOf(length, head, blob), length, head, blob]);
    // A file that a power cut left incomplete is told by its digest.
    await writeFileAtomic(this.fileOf(key), content, { fsync: false }).catch(() => undefined);
  }

  forget(key: string): void {
    rmSync(this.fileOf(key), { force: true });
  }

  /** What `write` writes to a file of this process alone; undefined where it cannot. */
  async take(key: string, write: (file: string) => Promise<void>): Promise<Uint8Array | undefined> {
    const file = path.join(this.folder, `${key}.graph.${process.pid}-${++taken}`);
    try {
      await write(file);
      return await readFile(file);
    } catch {
      return undefined; // a full disk, a path that the library cannot open, a device that cannot export
    } finally {
      rmSync(file, { force: true });
    }
  }

  private fileOf(key: string): string {
    return path.join(this.folder, `${key}.graph`);
  }
}

let taken = 0;

function decode(content: Buffer, key: string): KeptGraph | undefined {
  const rest = content.subarray(DIGEST_BYTES);
  if (rest.length < 4 || !digestOf(rest).equals(content.subarray(0, DIGEST_BYTES))) return undefined;
  const length = rest.readUInt32LE(0);
  const head = JSON.parse(rest.toString('utf8', 4, 4 + length)) as { key: string; fingerprint?: Fingerprint };
  if (head.key !== key) return undefined;
  return { blob: rest.subarray(4 + length), fingerprint: head.fingerprint };
}

/** The time of last use, by which `sweep` chooses. */
function touch(file: string): void {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch {
    // Another process removed it, or it is another user's.
  }
}

/** Removes what earlier layouts and broken writes left, and what was used longest ago where the folder holds too much. */
function sweep(folder: string, mostBytes: number): void {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.filter((one) => one.isDirectory())) removeOldLayout(path.join(folder, entry.name));
  const files = entries
    .filter((entry) => entry.isFile())
    .flatMap(({ name }) => {
      const file = path.join(folder, name);
      const stats = statSync(file, { throwIfNoEntry: false });
      return stats ? [{ name, file, size: stats.size, time: stats.mtimeMs }] : [];
    });
  let bytes = 0;
  for (const { name, file, size, time } of files.sort((a, b) => b.time - a.time)) {
    const isKept = NAME.test(name);
    if (isKept) bytes += size;
    const isAbandoned = name.includes('.graph.') && Date.now() - time > ABANDONED_AFTER_MS;
    if (isKept ? bytes > mostBytes : isAbandoned || /^\d+\.blob$/.test(name)) rmSync(file, { force: true });
  }
}

/** Once there was a folder for each version of the library, in which it kept blobs under keys of its own. */
function removeOldLayout(folder: string): void {
  if (!/^\d+\.\d+/.test(path.basename(folder))) return;
  for (const name of readdirSync(folder)) {
    if (name.endsWith('.blob')) rmSync(path.join(folder, name), { force: true });
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}
