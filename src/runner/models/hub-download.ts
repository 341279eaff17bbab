/** @file One file from a hub onto the disk: in pieces where the connection breaks off, whole and checked, or not there. */

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { naming, syncFolder } from '../../model/files/atomic';
import { hubIdText, type HubId } from '../../protocol/hub-id';
import { complaint, ComplaintError } from '../../protocol/problem';
import { hubError, type Hub } from './hub';
import type { HubFile } from './hub-plan';

export interface Download {
  hub: Hub;
  about: HubId;
  commit: string;
  file: HubFile;
  /** Where it ends up. Until then it lies beside this as `NAME.incomplete`, as Python's huggingface_hub names it. */
  target: string;
  /** Told how many bytes have come, those of earlier attempts among them. */
  onBytes: (bytes: number) => void;
  /** Told how many bytes are checked. */
  onChecked: (bytes: number) => void;
  signal?: AbortSignal | undefined;
}

/**
 * Goes on where an earlier attempt has ended, and asks for the rest as long as each time something comes. The content is checked as it
 * lies on the disk before it gets its name.
 * @throws ComplaintError where the hub refuses it, the connection breaks off or the content is another; the system's error of a full disk
 */
export async function downloadFile(download: Download): Promise<void> {
  const { file, target, signal } = download;
  const part = `${target}.incomplete`;
  const before = await bytesOf(part);
  await complete(download, part, before);
  if (!(await isIntact(download, part))) {
    await rm(part, { force: true });
    // What lay there need not have been of this file, or came from another program.
    if (before === 0) throw wrongChecksum(download);
    await complete(download, part, 0);
    if (!(await isIntact(download, part))) {
      await rm(part, { force: true });
      throw wrongChecksum(download);
    }
  }
  signal?.throwIfAborted();
  const handle = await open(part, 'r+');
  await handle.sync().finally(() => handle.close());
  await rename(part, target);
  await syncFolder(dirname(target));
  download.onBytes(file.bytes);
}

async function complete(download: Download, part: string, before: number): Promise<void> {
  const { file, hub, about, onBytes } = download;
  let have = before > file.bytes ? 0 : before;
  if (have === 0) await (await open(part, 'w')).close();
  onBytes(have);
  while (have < file.bytes) {
    const now = await transfer(download, part, have);
    if (now <= have) {
      const told = { id: hubIdText(about), host: hub.host, file: file.path, bytes: now, of: file.bytes };
      throw hubError(complaint('hub-cut-off', told));
    }
    have = now;
  }
}

/** @returns how many bytes are there afterwards, all of them of the file */
async function transfer(download: Download, part: string, have: number): Promise<number> {
  const { hub, about, commit, file, onBytes, signal } = download;
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  const disk = await open(part, 'r+');
  let there = have;
  try {
    const response = await hub.fetch(`${hub.address}/${about.id}/resolve/${commit}/${path}`, {
      // Compressed, bytes would not be those of the file.
      headers: { 'Accept-Encoding': 'identity', ...(have > 0 && { Range: `bytes=${have}-` }) },
    });
    // A server that does not know ranges sends all of it.
    const from = response.status === 206 ? startOf(response) : 0;
    if (from !== have) {
      there = 0;
      await disk.truncate(0);
    }
    if ((from !== have && from !== 0) || response.status === 416 || response.body === null) {
      await response.body?.cancel();
      return there;
    }
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      // More than it says is not it, and would have no end.
      if (there + chunk.length > file.bytes) throw wrongChecksum(download);
      await naming(part, writeAt(disk, chunk, there));
      there += chunk.length;
      onBytes(there);
    }
  } catch (error) {
    signal?.throwIfAborted();
    // Of the disk, or the hub's refusal; all others are of the connection.
    if (error instanceof ComplaintError || 'syscall' in (error as object)) throw error;
  } finally {
    await disk.close();
  }
  return there;
}

/** A disk that takes a part of a write is given the rest. */
async function writeAt(disk: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    written += (await disk.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}

/** Of what a partial answer holds: `bytes 100-199/200`. */
function startOf({ headers }: Response): number {
  const [, start] = /^bytes (\d+)-/.exec(headers.get('Content-Range') ?? '') ?? [];
  return start === undefined ? Infinity : Number(start);
}

async function isIntact({ file, onChecked, signal }: Download, part: string): Promise<boolean> {
  const hash = file.digest.kind === 'sha256' ? createHash('sha256') : gitHash(file.bytes);
  let checked = 0;
  const counting = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      checked += chunk.length;
      onChecked(checked);
      done(null, chunk);
    },
  });
  await pipeline(createReadStream(part, { highWaterMark: 1 << 20 }), counting, hash, { signal });
  return hash.digest('hex') === file.digest.hex;
}

/** https://git-scm.com/book/en/v2/Git-Internals-Git-Objects: a header stands before the content. */
const gitHash = (bytes: number): Hash => createHash('sha1').update(`blob ${bytes}\0`);

const wrongChecksum = ({ hub, about, file }: Download): ComplaintError =>
  hubError(complaint('hub-wrong-checksum', { id: hubIdText(about), host: hub.host, file: file.path }));

export async function bytesOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}
