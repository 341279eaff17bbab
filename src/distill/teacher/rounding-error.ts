/** @file What it costs that the teacher's answers are not kept exactly, measured on some of them while they are kept. */

import type { BatchInputs } from '../batch-inputs';
import { FidelityMeter } from './fidelity';
import type { Teacher } from './teacher';
import { decodeTop, encodeTop } from './top-logits';
import type { HostTensor } from '../../engine/array';
import { readCacheRecord, writeCacheRecord, type TeacherCacheRecord } from '../../run-directory/teacher-cache-files';
import { decodeFloat16, encodeFloat16 } from '../../protocol/float16';
import { formatQuantity } from '../../protocol/format';

/** Blocks that are measured. */
const SAMPLE = 4;

/** A row of a prediction as it comes out of the cache again. */
export type Rounding = (row: Float32Array) => Float32Array;

export const toFloat16: Rounding = (row) => decodeFloat16(encodeFloat16(row));

export const toMostProbable =
  (top: number): Rounding =>
  (row) => {
    const kept = new Float32Array(row.length);
    decodeTop(encodeTop(row, top), top, kept);
    return kept;
  };

export class RoundingError {
  private readonly meter: FidelityMeter;
  private blocks = 0;

  constructor(
    private readonly teacher: Teacher,
    private readonly rounding: Rounding,
  ) {
    this.meter = new FidelityMeter(teacher);
  }

  async add(inputs: BatchInputs, { prediction }: Record<string, HostTensor>): Promise<void> {
    // Numbers have no KL.
    if (this.teacher.architecture.problemType === 'regression' || this.blocks++ >= SAMPLE) return;
    const exact = prediction!.data as Float32Array;
    const width = prediction!.shape[1]!;
    const data = new Float32Array(exact.length);
    for (let at = 0; at < data.length; at += width) data.set(this.rounding(exact.subarray(at, at + width)), at);
    await this.meter.add(inputs, prediction!, { ...prediction!, data });
  }

  /** Adds what was measured here to the cache's record. */
  async keep(directory: string): Promise<void> {
    await this.meter.release();
    if (this.blocks === 0) return;
    const { meanKl, largestKl } = this.meter.result();
    await keepCost(directory, { mean: meanKl, largest: largestKl });
  }
}

/** What it costs that of each position some tokens are kept alone, nats. */
export class MeanCost {
  private sum = 0;
  private largest = 0;
  private count = 0;

  add(cost: number): void {
    this.sum += cost;
    this.largest = Math.max(this.largest, cost);
    this.count++;
  }

  get isKnown(): boolean {
    return this.count > 0;
  }

  /** Adds what was measured here to the cache's record. */
  async keep(directory: string): Promise<void> {
    if (this.isKnown) await keepCost(directory, { mean: this.sum / this.count, largest: this.largest });
  }
}

async function keepCost(directory: string, klError: NonNullable<TeacherCacheRecord['klError']>): Promise<void> {
  const record = await readCacheRecord(directory);
  if (record) await writeCacheRecord(directory, { ...record, klError });
}

/** The cost as the cache's record has it, for people; nothing of exact answers. */
export async function roundingText(directory: string): Promise<string> {
  const record = await readCacheRecord(directory);
  if (record?.klError === undefined) return '';
  const how = record.top === undefined ? 'float16' : `keeping ${record.top} logits of a position`;
  return `; ${how} costs a mean KL of ${formatQuantity(record.klError.mean)} nats`;
}
