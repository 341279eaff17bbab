/**
 * @file A file that spares the next run of the same data what this one has computed: a header, which says what it is of, a text that says how much follows,
 * and numbers, with a digest at the end. It lies beside the indexes of large datasets, whole or not there; deleted at any time, all is computed again.
 */

import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as z from 'zod';
import { ByteReader, Damaged, DIGEST_BYTES, withDigest } from '../../dataset/byte-reader';
import { KEPT_FORMAT, type IndexHeader } from '../../dataset/row-index';
import { formatBytes } from '../../protocol/format';
import { keepIndex, openKept, removeRowIndex, type OpenKept } from '../../run-directory/row-index-files';
import { freeSpace } from '../../run-directory/teacher-cache-files';

/** Room on the disk that is left to others. */
const SPARED_BYTES = 2e9;

/** Bytes of the lengths of both texts. */
const LENGTHS = 8;

/** What is kept under one name. @see KeptFile.made */
export class KeptFile<T> {
  /**
   * @param made stands for all that decides what is in the file
   * @param details what the text between header and numbers must be
   */
  constructor(
    private readonly path: string,
    private readonly made: string,
    private readonly details: z.ZodType<T>,
  ) {}

  /** Undefined where nothing is kept, or not what should be. To be closed. */
  async open(): Promise<OpenFile<T> | undefined> {
    const kept = await openKept(this.path).catch(() => undefined);
    if (!kept) return undefined;
    try {
      const reader = new ByteReader(kept.file, kept.bytes - DIGEST_BYTES);
      const lengths = await reader.take(LENGTHS);
      const [first, second] = [lengths.readUInt32LE(0), lengths.readUInt32LE(4)];
      const header = textIn(await reader.take(first)) as Partial<IndexHeader>;
      const { data: details } = this.details.safeParse(textIn(await reader.take(second)));
      if (!details || header.format !== KEPT_FORMAT || header.made !== this.made) throw new Damaged();
      return new OpenFile(kept, reader, details);
    } catch (error) {
      await kept.file.close();
      if (!(error instanceof Damaged)) throw error;
      await this.forget();
      return undefined;
    }
  }

  async forget(): Promise<void> {
    await removeRowIndex(this.path);
  }

  /**
   * @param bytes about so many
   * @returns why it could not be kept
   */
  async keep(
    header: Omit<IndexHeader, 'format' | 'made'>,
    details: T,
    numbers: () => Iterable<ArrayBufferView>,
    bytes: number,
  ): Promise<string | undefined> {
    const whole: IndexHeader = { format: KEPT_FORMAT, made: this.made, ...header };
    const texts = [whole, details].map((one) => Buffer.from(JSON.stringify(one)));
    function* parts(): Generator<ArrayBufferView> {
      yield Uint32Array.from(texts, ({ length }) => length);
      yield* texts;
      yield* numbers();
    }
    try {
      // The runs' folder is there, those of what is kept need not be.
      const free = await freeSpace(dirname(dirname(dirname(this.path))));
      if (bytes + SPARED_BYTES > free) return `the disk has ${formatBytes(free)} left`;
      await keepIndex(this.path, withDigest(parts()));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

/** A file whose numbers are to be read. */
export class OpenFile<T> {
  constructor(
    private readonly kept: OpenKept,
    readonly reader: ByteReader,
    readonly details: T,
  ) {}

  async close(): Promise<void> {
    await this.kept.file.close();
  }
}

/** @throws Damaged */
function textIn(bytes: Buffer): object {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // As where it is no object.
  }
  throw new Damaged();
}

/** Of this program: another one may compute something else. Undefined where its file is gone, as in an update: then nothing is kept. */
export async function programStamp(): Promise<string | undefined> {
  const found = await stat(fileURLToPath(import.meta.url)).catch(() => undefined);
  return found && `${found.size} ${found.mtimeMs}`;
}
