/** @file Parts of open files by their bytes. */

import type { FileHandle } from 'node:fs/promises';
import { LARGEST_TRANSFER, naming } from './atomic';

/**
 * Bytes [start, end) of the file in a buffer of their own, so that any view of them is aligned.
 * @param cutOff what is thrown where the file ends before
 */
export async function readRange(
  file: FileHandle,
  path: string,
  [start, end]: readonly [start: number, end: number],
  cutOff: () => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start);
  await fill(bytes, file, path, start, cutOff);
  return bytes;
}

async function fill(
  bytes: Uint8Array,
  file: FileHandle,
  path: string,
  start: number,
  cutOff: () => Error,
): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(bytes.length - done, LARGEST_TRANSFER);
    const { bytesRead } = await naming(path, file.read(bytes, done, length, start + done));
    if (bytesRead === 0) throw cutOff();
    done += bytesRead;
  }
}

/** Bytes that are in memory at once of what is decoded: few beside any model, many beside what a read costs. */
const PIECE = 1 << 20;

/**
 * Goes over bytes [start, end) in pieces of whole blocks, so that what is decoded never lies in memory twice.
 * @param block bytes of a block
 * @param use is given each piece, which is valid until the next, and how many blocks were before it
 * @param cutOff what is thrown where the file ends before
 */
export async function readInPieces(
  file: FileHandle,
  path: string,
  [start, end]: readonly [start: number, end: number],
  block: number,
  use: (piece: Uint8Array<ArrayBuffer>, before: number) => void,
  cutOff: () => Error,
): Promise<void> {
  const most = Math.max(1, Math.floor(PIECE / block)) * block;
  const memory = new Uint8Array(Math.min(most, end - start));
  for (let at = start; at < end; at += most) {
    const piece = memory.subarray(0, Math.min(most, end - at));
    await fill(piece, file, path, at, cutOff);
    use(piece, (at - start) / block);
  }
}
