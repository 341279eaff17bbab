/** @file Reads a file of ours from its beginning to its end, never more of it in memory than is asked for, and digests what was read. */

import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

const CHUNK = 2 ** 20;

/** The file is not what it should be: cut off, changed, or not to be read. */
export class Damaged extends Error {
  override readonly name = 'Damaged';
}

/** @see writers that end a file with the SHA-256 of all that is before it */
export class ByteReader {
  private readonly hash = createHash('sha256');
  private buffer = Buffer.alloc(0);
  private at = 0;
  private read = 0;

  /** @param bytes of the file, without the digest at its end */
  constructor(
    private readonly file: FileHandle,
    private readonly bytes: number,
  ) {}

  /** The next so many bytes, a view that is valid until the next call. @throws Damaged where there are not so many */
  async take(length: number): Promise<Buffer> {
    if (!Number.isInteger(length) || length < 0) throw new Damaged();
    if (!this.has(length)) await this.fill(length);
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }

  /** Whether they can be taken at once, by `next`. */
  has(length: number): boolean {
    return this.buffer.length - this.at >= length;
  }

  /** As `take`, of bytes that it has. */
  next(length: number): Buffer {
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }

  private async fill(length: number): Promise<void> {
    const rest = this.buffer.subarray(this.at);
    const left = this.bytes - this.read;
    if (length > rest.length + left) throw new Damaged();
    const wanted = Math.min(Math.max(CHUNK, length) - rest.length, left);
    const buffer = Buffer.allocUnsafeSlow(rest.length + wanted);
    buffer.set(rest);
    await this.readInto(buffer.subarray(rest.length));
    this.hash.update(buffer.subarray(rest.length));
    this.read += wanted;
    this.buffer = buffer;
    this.at = 0;
  }

  private async readInto(buffer: Buffer): Promise<void> {
    for (let done = 0; done < buffer.length;) {
      const bytesRead = await this.readAt(buffer.subarray(done), this.read + done);
      if (bytesRead === 0) throw new Damaged();
      done += bytesRead;
    }
  }

  private async readAt(buffer: Buffer, position: number): Promise<number> {
    try {
      return (await this.file.read(buffer, 0, buffer.length, position)).bytesRead;
    } catch {
      throw new Damaged();
    }
  }

  /** A copy, of words that lie at a multiple of their size. */
  async words<T extends Uint32Array | Float64Array>(
    type: { new (buffer: ArrayBuffer): T; BYTES_PER_ELEMENT: number },
    count: number,
  ): Promise<T> {
    return new type(new Uint8Array(await this.take(count * type.BYTES_PER_ELEMENT)).buffer);
  }

  /** To be called at the end. @throws Damaged where the file has more, or its digest is another */
  async finish(): Promise<void> {
    if (this.read !== this.bytes || this.at !== this.buffer.length) throw new Damaged();
    const digest = Buffer.alloc(DIGEST_BYTES);
    const bytesRead = await this.readAt(digest, this.bytes);
    if (bytesRead !== DIGEST_BYTES || !digest.equals(this.hash.digest())) throw new Damaged();
  }
}

export const DIGEST_BYTES = 32;

/** The parts, and the SHA-256 of them at their end. */
export function* withDigest(parts: Iterable<ArrayBufferView>): Generator<Uint8Array> {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of parts) {
    const raw = new Uint8Array(buffer, byteOffset, byteLength);
    hash.update(raw);
    yield raw;
  }
  yield hash.digest();
}
