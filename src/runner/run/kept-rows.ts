/** @file What a run has read of its rows, kept for the next one of the same data: tokens, which rows are for what, and the tokenizer where that was learnt from them. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { Damaged, type ByteReader } from '../../dataset/byte-reader';
import type { ExampleStore } from '../../dataset/example-store';
import { fingerprint } from '../../experiment/input-files';
import type { InputFile, ResolvedExperiment } from '../../experiment/file/schema';
import type { Problem } from '../../protocol/problem';
import { KeptFile, programStamp, type OpenFile } from './kept-file';

/** Of smaller datasets reading takes no longer than looking for what is kept. */
export const keptFrom = { bytes: 2 ** 18 };

export interface KeptData {
  /** text-classification: the classes of the rows, as found. */
  classes: string[];
  leftOut: number;
  problems: Problem[];
  /** Where it was learnt from the rows: what makes it again. */
  tokenizer?: { json: object; config: object } | undefined;
  /** Places in the store of training. */
  labelled: Uint32Array;
  unlabelled: Uint32Array;
  /** Places in the store of validation; absent: all of it in its order. */
  heldOut?: Uint32Array | undefined;
}

/** The examples of a split, and under the same indices what a teacher with another tokenizer reads of them. */
export interface SplitStores {
  own: ExampleStore;
  teachers?: ExampleStore | undefined;
}

const sizesSchema = z.object({ examples: z.number(), rows: z.number() });

/** Of a split's stores. */
const splitSchema = sizesSchema.extend({ teachers: sizesSchema.optional() });

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
  train: splitSchema,
  validation: splitSchema,
});

type Details = z.infer<typeof detailsSchema>;

interface Stores {
  train: SplitStores;
  validation: SplitStores;
}

const sizesOf = ({ own, teachers }: SplitStores): z.infer<typeof splitSchema> => ({
  ...own.keptSizes,
  ...(teachers && { teachers: teachers.keptSizes }),
});

function* keptOf({ own, teachers }: SplitStores): Generator<ArrayBufferView> {
  yield* own.kept();
  if (teachers) yield* teachers.kept();
}

/** @throws Damaged where it is not what was kept of such stores */
async function restore(
  { own, teachers }: SplitStores,
  { teachers: ofTeachers, ...sizes }: z.infer<typeof splitSchema>,
  reader: ByteReader,
  classes: number,
): Promise<void> {
  await own.restore(sizes, reader, classes);
  if (ofTeachers?.examples !== (teachers && sizes.examples)) throw new Damaged();
  if (teachers && ofTeachers) await teachers.restore(ofTeachers, reader, classes);
}

export class KeptRows {
  private constructor(
    private readonly file: KeptFile<Details>,
    /** Of the dataset, the first of training first. */
    private readonly read: readonly InputFile[],
  ) {}

  /**
   * Undefined where nothing is kept: few rows, a teacher behind a server, which is asked about texts, a vocabulary that is cut.
   * @param folder of what is kept
   * @param given what else decides what becomes of the rows
   */
  static async of(experiment: ResolvedExperiment, folder: string, given: object): Promise<KeptRows | undefined> {
    const { dataset, task, tokenizer, teacher, inputs } = experiment;
    const { test: _, ...settings } = dataset;
    if (teacher.source === 'endpoint' || ('tokens' in tokenizer && tokenizer.tokens === 'used')) return undefined;
    const paths = [
      dataset.train,
      dataset.unlabelled ?? [],
      Array.isArray(dataset.validation) ? dataset.validation : [],
    ];
    const files = paths.flat().map((path) => inputs.find((input) => input.path === path));
    if (!files.every((file) => file !== undefined)) return undefined;
    if (sizeOf(files) < keptFrom.bytes) return undefined;
    // Weights make no tokens.
    const others = inputs.filter(({ path }) => !path.endsWith('.safetensors') && !dataset.test?.includes(path));
    const program = await programStamp();
    if (program === undefined) return undefined;
    const what = [program, task, settings, tokenizer, given, others];
    const made = createHash('sha256').update(JSON.stringify(what)).digest('hex');
    return new KeptRows(new KeptFile(join(folder, made.slice(0, 32)), made, detailsSchema), files);
  }

  /** Undefined where nothing is kept, or not what should be. To be closed. */
  async open(): Promise<OpenRows | undefined> {
    const file = await this.file.open();
    return file && new OpenRows(file);
  }

  async forget(): Promise<void> {
    await this.file.forget();
  }

  /**
   * Keeps it for the next run, unless a file has changed since its digest was taken.
   * @returns why it could not be kept, where a person may want to know
   */
  async keep(data: KeptData, { train, validation }: Stores): Promise<string | undefined> {
    const { labelled, unlabelled, heldOut, ...others } = data;
    const now = await Promise.all(this.read.map(({ path }) => fingerprint(path)));
    if (now.some(({ sha256 }, i) => sha256 !== this.read[i]!.sha256)) return undefined;
    const details: Details = {
      ...others,
      problems: others.problems.map((problem) => ({ ...problem })),
      tokenizer: others.tokenizer && { json: { ...others.tokenizer.json }, config: { ...others.tokenizer.config } },
      ...{ labelled: labelled.length, unlabelled: unlabelled.length, heldOut: heldOut?.length },
      ...{ train: sizesOf(train), validation: sizesOf(validation) },
    };
    const { path, bytes, sha256 } = this.read[0]!;
    const header = {
      kind: 'tokens',
      file: path,
      bytes,
      sha256,
      rows: train.own.length + validation.own.length,
    } as const;
    function* numbers(): Generator<ArrayBufferView> {
      yield* [labelled, unlabelled, heldOut ?? new Uint32Array()];
      yield* keptOf(train);
      yield* keptOf(validation);
    }
    return this.file.keep(header, details, numbers, sizeOf(this.read));
  }
}

/** Kept rows that are being read. */
export class OpenRows {
  constructor(private readonly file: OpenFile<Details>) {}

  /** Of a tokenizer that was learnt from the rows. */
  get tokenizer(): KeptData['tokenizer'] {
    return this.file.details.tokenizer;
  }

  get classes(): readonly string[] {
    return this.file.details.classes;
  }

  /** Fills both stores, which are empty. @throws Damaged where nothing of it may be used @param classes how many there are */
  async read({ train, validation }: Stores, classes: number): Promise<KeptData> {
    const { details, reader } = this.file;
    const labelled = await reader.words(Uint32Array, details.labelled);
    const unlabelled = await reader.words(Uint32Array, details.unlabelled);
    const heldOut = await reader.words(Uint32Array, details.heldOut ?? 0);
    await restore(train, details.train, reader, classes);
    await restore(validation, details.validation, reader, classes);
    await reader.finish();
    const within = (indices: Uint32Array, { own }: SplitStores): boolean =>
      indices.every((index) => index < own.length);
    if (!within(labelled, train) || !within(unlabelled, train) || !within(heldOut, validation)) throw new Damaged();
    const problems = details.problems as unknown as Problem[];
    return { ...details, problems, labelled, unlabelled, heldOut: details.heldOut === undefined ? undefined : heldOut };
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

const sizeOf = (files: readonly InputFile[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0);
