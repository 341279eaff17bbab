/** @file Reads the lines that are appended to a text file. */

import { open } from 'node:fs/promises';

export class LineFollower {
  #offset = 0;
  #rest = Buffer.alloc(0);

  constructor(readonly file: string) {}

  /** The whole lines since the last call; none where the file does not exist yet. */
  async read(): Promise<string[]> {
    const handle = await open(this.file, 'r').catch(() => undefined);
    if (!handle) return [];
    try {
      const { size } = await handle.stat();
      const added = Buffer.alloc(Math.max(0, size - this.#offset));
      const { bytesRead } = await handle.read(added, 0, added.length, this.#offset);
      this.#offset += bytesRead;
      const content = Buffer.concat([this.#rest, added.subarray(0, bytesRead)]);
      // Cut at a line's end, in bytes: the next letter may be half written.
      const end = content.lastIndexOf(0x0a) + 1;
      this.#rest = content.subarray(end);
      return content.toString('utf8', 0, end).split('\n').slice(0, -1);
    } finally {
      await handle.close();
    }
  }
}
