/** @file Streams the lines of a UTF-8 file, however long they are. */

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
}

/** What to say of a damaged line. */
export const notUtf8 = complaint('row-not-utf8', {});

const lineFeed = 0x0a;

/** Lines end in LF or CRLF. Throws InputError for UTF-16, and what the file system throws. */
export async function* readLines(file: string): AsyncGenerator<Line> {
  let pending: Buffer[] = [];
  let line = 0;
  const finish = (end: Buffer): Line => {
    const bytes = pending.length > 0 ? Buffer.concat([...pending, end]) : end;
    pending = [];
    line++;
    if (line === 1) refuseUtf16(file, bytes);
    const text = bytes.toString('utf8');
    return {
      line,
      text: line === 1 ? text.replace(/^\ufeff/, '') : text,
      damaged: text.includes('\ufffd') && !isUtf8(bytes),
    };
  };
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      yield finish(chunk.subarray(start, end + 1));
      start = end + 1;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
  if (pending.length > 0) yield finish(Buffer.alloc(0));
}

function refuseUtf16(file: string, bytes: Buffer): void {
  const mark = bytes.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') {
    throw InputError.at(file, 'dataset-utf16', {});
  }
}
