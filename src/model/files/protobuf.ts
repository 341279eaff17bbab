/**
 * @file Walks a protobuf file without loading it: fields one after the other, with their places, each within the bounds of what
 * holds it (https://protobuf.dev/programming-guides/encoding).
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { NONBLOCKING } from './atomic';

/** Read at once; what is skipped is not read. */
const WINDOW = 2 ** 16;

/** A file of small fields could otherwise keep its reader for minutes. */
const MOST_FIELDS = 2 ** 24;

/** Longest text that is read: names of tensors and files. */
const LONGEST_TEXT = 4096;

/** Thrown where a file is not what it should be; `at` is a byte of the file. */
export class Malformed extends Error {
  constructor(
    readonly at: number,
    reason: string,
  ) {
    super(reason);
  }
}

/** One field of a message. */
export interface Field {
  number: number;
  /** Of a varint: its value, where that is at most 2⁵³; otherwise NaN. */
  value?: number;
  /** Of what has a length, a message, text, bytes or packed numbers: its first byte, and the first after it. */
  start: number;
  end: number;
}

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH = 2;
const FIXED_32 = 5;

export class ProtobufFile {
  readonly size: number;
  private readonly file: number;
  private readonly window = Buffer.alloc(WINDOW);
  private windowStart = 0;
  private windowEnd = 0;
  private fields = 0;

  /** @throws what the file system says where it cannot be opened, an Error where it is no file */
  constructor(path: string) {
    this.file = openSync(path, constants.O_RDONLY | NONBLOCKING);
    const stats = fstatSync(this.file);
    this.size = stats.size;
    if (stats.isFile()) return;
    this.close();
    throw new Error(`${path} is no file`);
  }

  close(): void {
    closeSync(this.file);
  }

  /** The fields of the message that lies from `start` to `end`. Throws a Malformed where one does not end there. */
  *message({ start, end }: Pick<Field, 'start' | 'end'>): Generator<Field> {
    let at = start;
    while (at < end) {
      if (++this.fields > MOST_FIELDS) throw new Malformed(at, `it has more than ${MOST_FIELDS} fields`);
      const [tag, afterTag] = this.varint(at, end);
      const number = Math.floor(tag / 8);
      const field = { number, start: afterTag, end: afterTag };
      switch (tag % 8) {
        case VARINT: {
          const [value, after] = this.varint(afterTag, end);
          yield { ...field, value, end: after };
          at = after;
          break;
        }
        case LENGTH: {
          const [length, first] = this.varint(afterTag, end);
          if (!(length <= end - first)) throw new Malformed(at, 'a field is longer than what holds it');
          yield { number, start: first, end: first + length };
          at = first + length;
          break;
        }
        case FIXED_64:
        case FIXED_32: {
          const after = afterTag + (tag % 8 === FIXED_64 ? 8 : 4);
          if (after > end) throw new Malformed(at, 'a field is longer than what holds it');
          yield { ...field, end: after };
          at = after;
          break;
        }
        default:
          throw new Malformed(at, 'there is no such kind of field');
      }
    }
  }

  /** Numbers of a repeated field: one that stands alone, or packed ones. */
  numbers({ value, start, end }: Field): number[] {
    if (value !== undefined) return [value];
    const numbers: number[] = [];
    let at = start;
    while (at < end) {
      const [number, after] = this.varint(at, end);
      if (numbers.push(number) > LONGEST_TEXT) throw new Malformed(at, 'a list is too long');
      at = after;
    }
    return numbers;
  }

  text({ start, end }: Field): string {
    if (end - start > LONGEST_TEXT) throw new Malformed(start, 'a text is too long');
    const bytes = Buffer.alloc(end - start);
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.byte(start + i);
    return bytes.toString('utf8');
  }

  /** Its value, and the byte after it; a negative number, which takes ten bytes, comes out as NaN. */
  private varint(at: number, end: number): [value: number, after: number] {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      if (at + i >= end) throw new Malformed(at, 'it ends within a number');
      const byte = this.byte(at + i);
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return [Number.isSafeInteger(value) ? value : NaN, at + i + 1];
    }
    throw new Malformed(at, 'a number is too long');
  }

  private byte(at: number): number {
    if (at < this.windowStart || at >= this.windowEnd) this.moveWindow(at);
    return this.window[at - this.windowStart]!;
  }

  private moveWindow(at: number): void {
    const read = readSync(this.file, this.window, 0, WINDOW, at);
    if (read === 0) throw new Malformed(at, 'it ends here');
    [this.windowStart, this.windowEnd] = [at, at + read];
  }
}
