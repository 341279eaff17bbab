/** @file What keeping the teacher's answers in float16 costs, measured on some of them while they are kept. */

import type { BatchInputs } from '../batch-inputs';
import { FidelityMeter } from './fidelity';
import type { FrozenTeacher } from './teacher';
import type { HostTensor } from '../../engine/array';
import { readCacheRecord, writeCacheRecord } from '../../run-directory/teacher-cache-files';
import { decodeFloat16, encodeFloat16 } from '../../protocol/float16';
import { formatQuantity } from '../../protocol/format';

/** Blocks that are measured. */
const SAMPLE = 4;

export class Float16Error {
  private readonly meter: FidelityMeter;
  private blocks = 0;

  constructor(private readonly teacher: FrozenTeacher) {
    this.meter = new FidelityMeter(teacher);
  }

  async add(inputs: BatchInputs, { prediction }: Record<string, HostTensor>): Promise<void> {
    // Numbers have no KL.
    if (this.teacher.architecture.problemType === 'regression' || this.blocks++ >= SAMPLE) return;
    const data = decodeFloat16(encodeFloat16(prediction!.data as Float32Array));
    await this.meter.add(inputs, prediction!, { ...prediction!, data });
  }

  /** Adds what was measured here to the cache's record. */
  async keep(directory: string): Promise<void> {
    await this.meter.release();
    const record = await readCacheRecord(directory);
    if (!record || this.blocks === 0) return;
    const { meanKl, largestKl } = this.meter.result();
    await writeCacheRecord(directory, { ...record, klError: { mean: meanKl, largest: largestKl } });
  }
}

/** The cost as the cache's record has it, for people; nothing of exact answers. */
export async function float16ErrorText(directory: string): Promise<string> {
  const error = (await readCacheRecord(directory))?.klError;
  return error === undefined ? '' : `; float16 costs a mean KL of ${formatQuantity(error.mean)} nats`;
}
