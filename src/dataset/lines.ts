/** @file Streams the lines of a UTF-8 file. Of one that is too long nothing is held. */

import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { complaint, InputError } from '../protocol/problem';

export interface Line {
  /** From 1. */
  line: number;
  /** With its line end, if it has one; without a byte order mark. */
  text: string;
  /** It was not valid UTF-8: unreadable bytes stand as U+FFFD. */
  damaged: boolean;
  /** It is longer than `LONGEST_LINE`, and `text` is empty. */
  isTooLong: boolean;
  /** Bytes of the file before it, and up to its end, line end included. */
  start: number;
  end: number;
}

/** How much of a file has been read, for who reads no more than a part, or wants to find its rows again. */
export interface Progress {
  bytes: number;
  /** Where the row begins that is given; absent where that cannot be told. */
  start?: number | undefined;
  /** Told the names of the columns that the first line of CSV holds. */
  onColumns?: (names: readonly string[]) => void;
  /** Given the bytes of the file as they come. */
  onBytes?: (bytes: Uint8Array) => void;
}

/** So much is read at once. Lines of it go on together: a promise for each would take longer than they do. */
const READ_BYTES = 2 ** 20;

/** In bytes: no text is as long, and a string of Node's holds 512 MB at most. */
export const LONGEST_LINE = 64 * 2 ** 20;

/** What to say of a damaged line. */
export const notUtf8 = complaint('row-not-utf8', {});

/** What to say of a line that is too long. */
export const tooLong = complaint('row-too-long', { megabytes: LONGEST_LINE / 2 ** 20 });

const lineFeed = 0x0a;

/** Lines end in LF or CRLF. Throws InputError for UTF-16, and what the file system throws. */
export async function* readLines(file: string, progress: Progress = { bytes: 0 }): AsyncGenerator<Line> {
  for await (const lines of readManyLines(file, progress)) {
    for (const line of lines) {
      progress.bytes = line.end;
      yield line;
    }
  }
}

/** As `readLines`, those that were read together, which are made as they are gone through, once. How far a reader is says `end` of a line. */
export async function* readManyLines(file: string, progress?: Progress): AsyncGenerator<Iterable<Line>> {
  let pending: Buffer[] = [];
  /** Of a line that is not at its end yet. */
  let size = 0;
  let [line, done] = [0, 0];
  const finish = (end: Buffer): Line => {
    line++;
    const start = done;
    done += size + end.length;
    if (size + end.length > LONGEST_LINE) {
      [pending, size] = [[], 0];
      return { line, text: '', damaged: false, isTooLong: true, start, end: done };
    }
    const bytes = pending.length > 0 ? Buffer.concat([...pending, end]) : end;
    [pending, size] = [[], 0];
    if (line === 1) refuseUtf16(file, bytes);
    const text = bytes.toString('utf8');
    return {
      line,
      text: line === 1 ? text.replace(/^\ufeff/, '') : text,
      damaged: text.includes('\ufffd') && !isUtf8(bytes),
      isTooLong: false,
      start,
      end: done,
    };
  };
  function* linesOf(chunk: Buffer): Generator<Line> {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      yield finish(chunk.subarray(start, end + 1));
      start = end + 1;
    }
    if (start === chunk.length) return;
    size += chunk.length - start;
    if (size <= LONGEST_LINE) pending.push(chunk.subarray(start));
    else pending = [];
  }
  for await (const chunk of createReadStream(file, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>) {
    progress?.onBytes?.(chunk);
    yield linesOf(chunk);
  }
  if (size > 0) yield [finish(Buffer.alloc(0))];
}

function refuseUtf16(file: string, bytes: Buffer): void {
  const mark = bytes.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') {
    throw InputError.at(file, 'dataset-utf16', {});
  }
}
