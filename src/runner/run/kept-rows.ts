/**
 * @file What a run has read of its rows, kept for the next one of the same data: tokens, which rows are for what, and the tokenizer where that was learnt
 * from them. A file beside the indexes of large datasets, whole or not there, with a digest at its end; deleted at any time, rows are read again.
 */

import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { ByteReader, Damaged, DIGEST_BYTES, withDigest } from '../../dataset/byte-reader';
import type { ExampleStore } from '../../dataset/example-store';
import { KEPT_FORMAT, type IndexHeader } from '../../dataset/row-index';
import { fingerprint } from '../../experiment/input-files';
import type { InputFile, ResolvedExperiment } from '../../experiment/file/schema';
import { formatBytes } from '../../protocol/format';
import type { Problem } from '../../protocol/problem';
import { keepIndex, openKept, removeRowIndex, type OpenKept } from '../../run-directory/row-index-files';
import { freeSpace } from '../../run-directory/teacher-cache-files';

/** Of smaller datasets reading takes no longer than looking for what is kept. */
export const keptFrom = { bytes: 2 ** 18 };

/** Room on the disk that is left to others. */
const SPARED_BYTES = 2e9;

/** Bytes of the lengths of both texts. */
const LENGTHS = 8;

export interface KeptData {
  /** text-classification: the classes of the rows, as found. */
  classes: string[];
  leftOut: number;
  problems: Problem[];
  /** Where it was learnt from the rows: its two files. */
  tokenizer?: { json: object; config: object } | undefined;
  /** Places in the store of training. */
  labelled: Uint32Array;
  unlabelled: Uint32Array;
  /** Places in the store of validation; absent: all of it in its order. */
  heldOut?: Uint32Array | undefined;
}

const sizesSchema = z.object({ examples: z.number(), rows: z.number() });

/** What lies in the file between its header and the numbers, of which it says how many there are. */
const detailsSchema = z.object({
  classes: z.array(z.string()),
  leftOut: z.number(),
  problems: z.array(
    z.looseObject({
      ...{ code: z.string(), message: z.string(), remedy: z.string(), file: z.string() },
      ...{ line: z.number(), column: z.number(), severity: z.enum(['error', 'warning']) },
    }),
  ),
  tokenizer: z.object({ json: z.looseObject({}), config: z.looseObject({}) }).optional(),
  labelled: z.number(),
  unlabelled: z.number(),
  heldOut: z.number().optional(),
  train: sizesSchema,
  validation: sizesSchema,
});

type Details = z.infer<typeof detailsSchema>;

interface Stores {
  train: ExampleStore;
  validation: ExampleStore;
}

export class KeptRows {
  private constructor(
    private readonly place: string,
    private readonly made: string,
    private readonly experiment: ResolvedExperiment,
    private readonly files: readonly InputFile[],
  ) {}

  /**
   * Undefined where nothing is kept: few rows, a teacher behind a server, which is asked about texts, a vocabulary that is cut.
   * @param folder of what is kept
   * @param given what else decides what becomes of the rows
   */
  static async of(experiment: ResolvedExperiment, folder: string, given: object): Promise<KeptRows | undefined> {
    const { dataset, task, tokenizer, teacher, inputs } = experiment;
    const { test: _, ...read } = dataset;
    if (teacher.source === 'endpoint' || ('tokens' in tokenizer && tokenizer.tokens === 'used')) return undefined;
    const paths = [
      dataset.train,
      dataset.unlabelled ?? [],
      Array.isArray(dataset.validation) ? dataset.validation : [],
    ];
    const files = paths.flat().map((path) => inputs.find((input) => input.path === path));
    if (!files.every((file) => file !== undefined)) return undefined;
    if (files.reduce((sum, { bytes }) => sum + bytes, 0) < keptFrom.bytes) return undefined;
    // Weights make no tokens.
    const others = inputs.filter(({ path }) => !path.endsWith('.safetensors') && !dataset.test?.includes(path));
    const what = [await programStamp(), task, read, tokenizer, given, others];
    const made = createHash('sha256').update(JSON.stringify(what)).digest('hex');
    return new KeptRows(join(folder, made.slice(0, 32)), made, experiment, files);
  }

  /** Undefined where nothing is kept, or not what should be. To be closed. */
  async open(): Promise<OpenRows | undefined> {
    const kept = await openKept(this.place).catch(() => undefined);
    if (!kept) return undefined;
    try {
      return await OpenRows.of(kept, this.made);
    } catch (error) {
      await kept.file.close();
      if (!(error instanceof Damaged)) throw error;
      await this.forget();
      return undefined;
    }
  }

  async forget(): Promise<void> {
    await removeRowIndex(this.place);
  }

  /**
   * Keeps it for the next run, unless a file has changed since its digest was taken.
   * @returns why it could not be kept, where a person may want to know
   */
  async keep(
    { labelled, unlabelled, heldOut, ...data }: KeptData,
    { train, validation }: Stores,
  ): Promise<string | undefined> {
    const now = await Promise.all(this.files.map(({ path }) => fingerprint(path)));
    if (now.some(({ sha256 }, i) => sha256 !== this.files[i]!.sha256)) return undefined;
    const details = {
      ...data,
      ...{ labelled: labelled.length, unlabelled: unlabelled.length, heldOut: heldOut?.length },
      ...{ train: train.keptSizes, validation: validation.keptSizes },
    };
    const [first] = this.experiment.dataset.train as [string];
    const { bytes, sha256 } = this.files[0]!;
    const rows = train.length + validation.length;
    const header: IndexHeader = {
      format: KEPT_FORMAT,
      kind: 'tokens',
      made: this.made,
      file: first,
      bytes,
      sha256,
      rows,
    };
    const texts = [header, details].map((one) => Buffer.from(JSON.stringify(one)));
    function* parts(): Generator<ArrayBufferView> {
      yield Uint32Array.from(texts, ({ length }) => length);
      yield* texts;
      yield* [labelled, unlabelled, heldOut ?? new Uint32Array()];
      yield* train.kept();
      yield* validation.kept();
    }
    const needed = this.files.reduce((sum, file) => sum + file.bytes, 0);
    try {
      const free = await freeSpace(dirname(dirname(dirname(this.place))));
      if (needed + SPARED_BYTES > free) return `the disk has ${formatBytes(free)} left`;
      await keepIndex(this.place, withDigest(parts()));
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}

/** A file of kept rows that is being read. */
export class OpenRows {
  private constructor(
    private readonly kept: OpenKept,
    private readonly reader: ByteReader,
    private readonly details: Details,
  ) {}

  static async of(kept: OpenKept, made: string): Promise<OpenRows> {
    const reader = new ByteReader(kept.file, kept.bytes - DIGEST_BYTES);
    const lengths = await reader.take(LENGTHS);
    const [first, second] = [lengths.readUInt32LE(0), lengths.readUInt32LE(4)];
    const header = textIn(await reader.take(first)) as Partial<IndexHeader>;
    const { data: details } = detailsSchema.safeParse(textIn(await reader.take(second)));
    if (!details) throw new Damaged();
    if (header.format !== KEPT_FORMAT || header.made !== made) throw new Damaged();
    return new OpenRows(kept, reader, details);
  }

  /** Of a tokenizer that was learnt from the rows. */
  get tokenizer(): KeptData['tokenizer'] {
    return this.details.tokenizer;
  }

  get classes(): readonly string[] {
    return this.details.classes;
  }

  /** Fills both stores, which are empty. @throws Damaged where nothing of it may be used @param classes how many there are */
  async read({ train, validation }: Stores, classes: number): Promise<KeptData> {
    const { details, reader } = this;
    const labelled = await reader.words(Uint32Array, details.labelled);
    const unlabelled = await reader.words(Uint32Array, details.unlabelled);
    const heldOut = await reader.words(Uint32Array, details.heldOut ?? 0);
    await train.restore(details.train, reader, classes);
    await validation.restore(details.validation, reader, classes);
    await reader.finish();
    const within = (places: Uint32Array, store: ExampleStore): boolean => places.every((place) => place < store.length);
    if (!within(labelled, train) || !within(unlabelled, train) || !within(heldOut, validation)) throw new Damaged();
    const problems = details.problems as unknown as Problem[];
    return { ...details, problems, labelled, unlabelled, heldOut: details.heldOut === undefined ? undefined : heldOut };
  }

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

/** Of this program: another one may make other tokens. */
async function programStamp(): Promise<string> {
  const { size, mtimeMs } = await stat(fileURLToPath(import.meta.url));
  return `${size} ${mtimeMs}`;
}
