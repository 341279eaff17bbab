/**
 * @file What a server has answered, in `.distillery/cache/teacher/KEY/answers.log`, so that nothing is asked twice: a line
 * `NAME CRC32 BASE64` an answer. Lines are appended, each in one write, so several processes may do it at once; one that a process was
 * killed in has another checksum, and the next begins a line of its own.
 */

import { constants } from 'node:fs';
import { type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { naming } from '../model/files/atomic';
import { makeFolder } from './folders';
import { openOwned, requireOwnedTree } from './owned';
import { ANSWERS, readCacheRecord, writeCacheRecord, type TeacherCacheRecord } from './teacher-cache-files';

const LINE = 10;
const CHUNK = 1 << 20;

export class AnswerLog {
  /** Where the line of each answer is, without its name and checksum. */
  private readonly ranges = new Map<string, { start: number; length: number }>();
  /** Bytes that have been looked through. */
  private read = 0;
  private looking: Promise<void> = Promise.resolve();

  private constructor(
    readonly directory: string,
    private readonly file: FileHandle,
    private readonly record: TeacherCacheRecord,
  ) {}

  static async open(directory: string, record: TeacherCacheRecord): Promise<AnswerLog> {
    await requireOwnedTree(directory);
    await makeFolder(directory);
    const known = await readCacheRecord(directory);
    if (known === undefined) await writeCacheRecord(directory, record);
    const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT;
    const log = new AnswerLog(directory, await openOwned(join(directory, ANSWERS), flags), known ?? record);
    await log.look();
    return log;
  }

  /** Answers of this process and of others, as far as they have been seen. */
  has(name: string): boolean {
    return this.ranges.has(name);
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    if (!this.ranges.has(name)) await this.look();
    const range = this.ranges.get(name);
    if (range === undefined) return undefined;
    const bytes = Buffer.alloc(range.length);
    const { bytesRead } = await naming(this.path, this.file.read(bytes, 0, range.length, range.start));
    return bytesRead === range.length ? Buffer.from(bytes.toString('latin1'), 'base64') : undefined;
  }

  /** @param name without spaces */
  async add(name: string, answer: Uint8Array): Promise<void> {
    const text = Buffer.from(answer).toString('base64');
    const line = Buffer.from(`\n${name} ${checksum(text)} ${text}\n`);
    const { bytesWritten } = await naming(this.path, this.file.write(line));
    // A disk that took a part of it has no room for the rest.
    if (bytesWritten < line.length) await naming(this.path, this.file.write(line));
  }

  /** Tells `distillery cache` how much is there. */
  async close(): Promise<void> {
    await this.look();
    if (this.record.examples !== this.ranges.size) {
      await writeCacheRecord(this.directory, { ...this.record, examples: this.ranges.size });
    }
    await this.file.close();
  }

  private get path(): string {
    return join(this.directory, ANSWERS);
  }

  /** Looks through what has come since. */
  private look(): Promise<void> {
    this.looking = this.looking.then(() => this.lookOn());
    return this.looking;
  }

  private async lookOn(): Promise<void> {
    const chunk = Buffer.allocUnsafe(CHUNK);
    /** Of a line whose end has not come yet. */
    let begun: Buffer = Buffer.alloc(0);
    for (;;) {
      const { bytesRead } = await naming(this.path, this.file.read(chunk, 0, CHUNK, this.read + begun.length));
      if (bytesRead === 0) return;
      const data = Buffer.concat([begun, chunk.subarray(0, bytesRead)]);
      let start = 0;
      for (let end = data.indexOf(LINE); end !== -1; end = data.indexOf(LINE, start)) {
        this.take(data.toString('latin1', start, end), this.read + start);
        start = end + 1;
      }
      begun = data.subarray(start);
      this.read += start;
    }
  }

  private take(line: string, start: number): void {
    const [name, sum, text, ...others] = line.split(' ');
    if (!name || sum === undefined || text === undefined || others.length > 0 || checksum(text) !== sum) return;
    this.ranges.set(name, { start: start + line.length - text.length, length: text.length });
  }
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');
