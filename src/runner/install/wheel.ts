/** @file Wheels on disk: whether they are the ones wanted, and unpacking what is needed of them. */

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, open as openFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openPromise, type Entry } from 'yauzl';
import type { Kept } from './catalog';
import { installError } from './install-error';

/** Told of so many more bytes. */
export type OnBytes = (bytes: number) => void;

/** Lower-case hexadecimal. Throws the system's error where the file cannot be read. */
export async function sha256Of(file: string, onBytes: OnBytes, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), counting(onBytes), hash, { signal });
  return hash.digest('hex');
}

/** Whether a file begins as zip files do; false where it cannot be read. */
export async function isZip(file: string): Promise<boolean> {
  const handle = await openFile(file).catch(() => undefined);
  if (!handle) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.readUInt32LE(0) === 0x04034b50;
  } finally {
    await handle.close();
  }
}

/** Licences stand in the folder that describes the package (PEP 639; older packages have one file). */
const licences = /^([^/]+)\.dist-info\/(?:licenses\/)?(.*(?:licen[cs]e|notice|third-party)[^/]*)$/i;

/** Where a file of a wheel goes, relative to the library's folder; undefined where it is not needed. */
function destination(entry: string, keep: readonly Kept[]): string | undefined {
  const licence = licences.exec(entry);
  if (licence) return path.join('licenses', licence[1]!, licence[2]!);
  const kept = keep.find(({ pattern }) => pattern.test(entry));
  if (!kept) return undefined;
  return kept.as === 'name' ? path.posix.basename(entry) : entry;
}

/**
 * Unpacks what is kept of a wheel into `folder`, one file after the other, without holding any in memory. Only the owner may write
 * what comes of it, whatever the umask.
 */
export async function unpackWheel(
  wheel: string,
  folder: string,
  keep: readonly Kept[],
  onBytes: OnBytes,
  signal?: AbortSignal,
): Promise<void> {
  const zip = await openPromise(wheel, { autoClose: false }).catch(() => {
    throw installError('install-wheel-damaged', { file: wheel });
  });
  try {
    for await (const entry of zip.eachEntry()) {
      const target = destination(entry.fileName, keep);
      if (target === undefined) continue;
      const file = inside(folder, target);
      await mkdir(path.dirname(file), { recursive: true });
      const content = await zip.openReadStreamPromise(entry);
      await pipeline(content, counting(onBytes), createWriteStream(file, { flags: 'wx', mode: modeOf(entry) }), {
        signal,
      });
    }
    for (const made of await readdir(folder, { withFileTypes: true, recursive: true })) {
      if (made.isDirectory()) await chmod(path.join(made.parentPath, made.name), 0o755);
    }
    await chmod(folder, 0o755);
  } finally {
    zip.close();
  }
}

/** A name in an archive may not lead out of the folder. */
function inside(folder: string, target: string): string {
  const file = path.resolve(folder, target);
  if (!file.startsWith(path.resolve(folder) + path.sep)) {
    throw installError('install-wheel-unsafe', { file: target });
  }
  return file;
}

/** Readable by its owner at least, and nothing more than read and execute. */
function modeOf(entry: Entry): number {
  return ((entry.externalFileAttributes >>> 16) & 0o555) | 0o600;
}

function counting(onBytes: OnBytes): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      onBytes(chunk.length);
      done(null, chunk);
    },
  });
}
