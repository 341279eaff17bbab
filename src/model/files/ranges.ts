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
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(bytes.length - done, LARGEST_TRANSFER);
    const { bytesRead } = await naming(path, file.read(bytes, done, length, start + done));
    if (bytesRead === 0) throw cutOff();
    done += bytesRead;
  }
  return bytes;
}
