/**
 * @file What the teacher says of validation and how good that is, kept for the next run with the same teacher and rows: it is asked about them no more before
 * the first step.
 */

import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { Damaged } from '../../dataset/byte-reader';
import { batchInputs } from '../../distill/batch-inputs';
import { nothingInside } from '../../distill/pairing';
import { keptSpecs } from '../../distill/specs';
import { addParameters } from '../../distill/teacher/cache-key';
import { FrozenTeacher } from '../../distill/teacher/teacher';
import type { HostTensor } from '../../engine/array';
import { sizeOf } from '../../engine/array';
import { allFinite } from '../../engine/finite';
import { isTrained, membersOf } from '../../experiment/ensemble';
import { parameterCount } from '../../model/layouts/config';
import type { Batch } from '../../dataset/batches';
import type { FrozenModel } from '../../model/parameters';
import type { Metrics } from '../../protocol/records';
import { rowIndexes } from '../../run-directory/row-index-files';
import { canUseCache } from './cache-location';
import { KeptFile, programStamp } from './kept-file';
import type { LoadedTeacher } from './loaded-teacher';
import { batchesOf, type PreparedRun } from './prepared-run';

/** Where the teacher takes fewer operations for all rows, asking it takes no longer than looking for what is kept. */
export const worthKeeping = { operations: 1e10 };

/** Answers of more bytes are asked for in each run. */
const MOST_BYTES = 64 * 2 ** 20;

const detailsSchema = z.object({ metrics: z.record(z.string(), z.number()), batches: z.number() });

type Details = z.infer<typeof detailsSchema>;

type Answers = Record<string, HostTensor>;

export class KeptJudgement {
  private constructor(
    private readonly file: KeptFile<Details>,
    private readonly run: PreparedRun,
    private readonly architecture: FrozenModel['architecture'],
  ) {}

  /** Undefined where it is not kept: a teacher that is trained here, of several models or opaque, one that is asked in every step, little to compute. */
  static async of(run: PreparedRun, { frozen, models }: LoadedTeacher): Promise<KeptJudgement | undefined> {
    const { experiment, data, executor, paths } = run;
    const [model] = models;
    if (!(frozen instanceof FrozenTeacher) || !model || !('parameters' in model)) return undefined;
    if (!canUseCache(experiment) || membersOf(experiment.teacher).some(({ member }) => isTrained(member)))
      return undefined;
    const { architecture, parameters } = model;
    const batches = batchesOf(run, data.validation);
    let tokens = 0;
    const hash = createHash('sha256');
    for (const batch of batches) {
      tokens += batch.tokens;
      // What is said is kept in the student's predictions, whoever's tokens it is said of.
      for (const { inputIds, typeIds, attentionMask, labels } of batch.teacher ? [batch, batch.teacher] : [batch])
        for (const part of [inputIds, typeIds, attentionMask, labels]) hash.update(`${part.length} `).update(part);
    }
    if (2 * parameterCount(architecture) * tokens < worthKeeping.operations) return undefined;
    const { task, precision } = experiment;
    const { engine, device } = executor;
    const program = await programStamp();
    if (program === undefined) return undefined;
    hash.update(JSON.stringify([program, architecture, task, engine, device, precision]));
    addParameters(hash, parameters);
    const made = hash.digest('hex');
    const file = join(rowIndexes(dirname(paths.directory)), made.slice(0, 32));
    return new KeptJudgement(new KeptFile(file, made, detailsSchema), run, architecture);
  }

  /** Puts the answers where evaluations look for them. Undefined where nothing is kept. */
  async restore(): Promise<Metrics | undefined> {
    const file = await this.file.open();
    if (!file) return undefined;
    try {
      const all: Answers[] = [];
      const batches = this.batches();
      if (file.details.batches !== batches.length) throw new Damaged();
      for (const batch of batches) {
        const answers: Answers = {};
        for (const [name, spec] of this.specsOf(batch)) {
          const bytes = new Uint8Array(await file.reader.take(4 * sizeOf(spec.shape)));
          answers[name] = { ...spec, data: new Float32Array(bytes.buffer) };
          if (!allFinite(answers[name].data)) throw new Damaged();
        }
        all.push(answers);
      }
      await file.reader.finish();
      all.forEach((answers, index) => this.run.known.keep(index, answers));
      return file.details.metrics;
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      await this.file.forget();
      return undefined;
    } finally {
      await file.close();
    }
  }

  /** Keeps what evaluations have been told, if it is all of it. Where it cannot be, the next run asks again. */
  async keep(metrics: Metrics): Promise<void> {
    const batches = this.batches();
    const numbers: Float32Array[] = [];
    for (const [index, batch] of [...batches].entries()) {
      const answers = this.run.known.get(index);
      for (const [name, { shape }] of this.specsOf(batch)) {
        const found = answers?.[name];
        if (!(found?.data instanceof Float32Array) || found.shape.join() !== shape.join()) return;
        numbers.push(found.data);
      }
    }
    const bytes = numbers.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (bytes > MOST_BYTES) return;
    const { validation } = this.run.data;
    const header = {
      kind: 'judgement',
      file: validation.rowAt(0).file,
      bytes,
      sha256: '',
      rows: validation.length,
    } as const;
    await this.file.keep(header, { metrics: { ...metrics }, batches: batches.length }, () => numbers, bytes);
  }

  private batches() {
    return batchesOf(this.run, this.run.data.validation);
  }

  private specsOf(batch: Batch) {
    const { shape } = batchInputs(batch, this.run.experiment.task);
    return Object.entries(keptSpecs({ teacher: this.architecture, ...nothingInside }, shape));
  }
}
