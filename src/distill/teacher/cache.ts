/** @file The frozen teacher's answers, asked once and kept: filled block by block, read example by example. */

import type { HostArray, HostTensor } from '../../engine/array';
import { decodeFloat16Into, encodeFloat16 } from '../../protocol/float16';
import type { Task } from '../../protocol/records';
import { collate } from '../../dataset/batches';
import type { Examples } from '../../dataset/example-store';
import { batchInputs, ByShape, type BatchInputs } from '../batch-inputs';
import type { CacheBlock, CacheLayout } from './cache-layout';
import { mapValues } from '../named';
import { requireFiniteTensor } from '../not-finite';
import { teacherOutputSpecs } from '../specs';
import type { Imitated } from '../pairing';
import { toHost, type Targets, type TargetSource, type TeacherTargets } from './teacher';
import { gatherRecord, placesIn, scatterRecord } from './records';

/** How values are stored: as they are, or rounded to half the size. */
export type StoredValues = 'float32' | 'float16';

export const BYTES_OF_VALUE: Readonly<Record<StoredValues, number>> = { float32: 4, float16: 2 };

/** Where the records are kept. Places are in bytes. */
export interface RecordStore {
  /** Blocks that are there and whole. */
  filled(): Promise<ReadonlySet<number>>;
  writeBlock(block: number, start: number, bytes: Uint8Array): Promise<void>;
  /** Fills `into` from `start` on. */
  read(start: number, into: Uint8Array): Promise<void>;
}

export interface TeacherCacheSetup {
  layout: CacheLayout;
  store: RecordStore;
  values: StoredValues;
  task: Task;
  imitated: Imitated;
}

export interface FillSetup extends TeacherCacheSetup {
  examples: Examples;
  padId: number;
  teacher: TeacherTargets;
  /** Called before each block that is still to be filled; false ends the filling early. */
  mayGoOn: (filled: number, blocks: number) => Promise<boolean>;
  /** Told what the teacher said of each block that is filled here. */
  onBlock?: ((inputs: BatchInputs, answers: Record<string, HostTensor>) => Promise<void>) | undefined;
}

/** Asks the teacher about every block that is not there yet. Returns whether the cache is full now. */
export async function fillCache(setup: FillSetup): Promise<boolean> {
  const { layout, store, mayGoOn } = setup;
  const count = layout.blocks.length;
  // Two processes that fill at once begin at different places, and so share the work.
  const first = Math.floor(Math.random() * count);
  for (let i = 0; i < count; i++) {
    const block = (first + i) % count;
    const filled = await store.filled();
    if (filled.has(block)) continue;
    if (!(await mayGoOn(filled.size, count))) return false;
    await fillBlock(setup, block);
  }
  return true;
}

async function fillBlock(setup: FillSetup, index: number): Promise<void> {
  const { layout, store, values, task, teacher, examples, padId } = setup;
  const block = layout.blocks[index]!;
  const planned = { length: block.length, indices: [...block.examples] };
  const inputs = batchInputs(collate(examples, planned, { task, batchSize: block.rows, padId }), task);
  const answers = await teacher.of(inputs);
  const exact: Record<string, HostTensor> = {};
  for (const [name, answer] of Object.entries(answers)) exact[name] = await toHost(answer);
  const records = gatherBlock(
    layout,
    block,
    inputs,
    task,
    mapValues(exact, ({ data }) => data),
  );
  requireFiniteTensor("the teacher's answers", records, `examples ${block.examples.join(', ')}`);
  await store.writeBlock(index, block.start * BYTES_OF_VALUE[values], encode(records, values));
  await setup.onBlock?.(inputs, exact);
}

function gatherBlock(
  layout: CacheLayout,
  block: CacheBlock,
  inputs: BatchInputs,
  task: Task,
  outputs: Record<string, HostArray>,
): Float32Array {
  const records = new Float32Array(block.end - block.start);
  for (const place of placesIn(inputs, task)) {
    const at = layout.starts[place.example]! - block.start;
    gatherRecord(layout.parts, place, outputs, records.subarray(at, at + layout.sizes[place.example]!));
  }
  return records;
}

/** Throws a RangeError where a value is too large for float16. */
function encode(values: Float32Array, stored: StoredValues): Uint8Array {
  const { buffer, byteOffset, byteLength } = stored === 'float16' ? toFloat16(values) : values;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const LARGEST_FLOAT16 = 65504;

function toFloat16(values: Float32Array): Uint16Array {
  if (values.some((value) => Math.abs(value) > LARGEST_FLOAT16)) {
    throw new RangeError(`they are larger than float16 can hold (${LARGEST_FLOAT16})`);
  }
  return encodeFloat16(values);
}

/** Values as they come back from the store. */
function decode(bytes: Uint8Array, stored: StoredValues): Float32Array {
  const length = bytes.byteLength / BYTES_OF_VALUE[stored];
  if (stored === 'float32') return new Float32Array(bytes.buffer, bytes.byteOffset, length);
  return decodeFloat16Into(new Uint16Array(bytes.buffer, bytes.byteOffset, length), new Float32Array(length));
}

/** What a batch's targets are read into. */
interface TargetBuffers {
  targets: Record<string, HostTensor>;
}

/** Answers from a full cache, whatever the batch. */
export class CachedTargets implements TargetSource {
  private readonly buffers: ByShape<{ sets: TargetBuffers[]; next: number }>;
  private readonly coming = new Map<BatchInputs, Promise<Targets>>();

  constructor(private readonly setup: TeacherCacheSetup) {
    this.buffers = new ByShape((shape) => {
      const specs = teacherOutputSpecs(setup.imitated, shape);
      const set = (): TargetBuffers => ({
        targets: mapValues(specs, (spec) => ({ ...spec, data: new Float32Array(spec.shape.reduce((a, b) => a * b)) })),
      });
      // One is computed with while the next is read.
      return { sets: [set(), set()], next: 0 };
    });
  }

  /** The result is valid until the batch after the next is asked for. */
  async of(inputs: BatchInputs): Promise<Targets> {
    const coming = this.coming.get(inputs) ?? this.read(inputs);
    this.coming.delete(inputs);
    return coming;
  }

  prefetch(inputs: BatchInputs): void {
    if (this.coming.has(inputs)) return;
    const reading = this.read(inputs);
    // A failure is told to whoever asks for the batch.
    reading.catch(() => undefined);
    this.coming.set(inputs, reading);
  }

  private async read(inputs: BatchInputs): Promise<Targets> {
    const { layout, store, values, task } = this.setup;
    const buffers = this.buffers.get(inputs.shape);
    const { targets } = buffers.sets[buffers.next]!;
    buffers.next = 1 - buffers.next;
    const data = mapValues(targets, (target) => target.data);
    // What counts in no loss is 0, whatever batch was here before.
    for (const values of Object.values(data)) values.fill(0);
    const size = BYTES_OF_VALUE[values];
    await Promise.all(
      placesIn(inputs, task).map(async (place) => {
        const bytes = new Uint8Array(layout.sizes[place.example]! * size);
        await store.read(layout.starts[place.example]! * size, bytes);
        scatterRecord(layout.parts, place, decode(bytes, values), data);
      }),
    );
    return targets;
  }

  async release(): Promise<void> {
    await Promise.allSettled(this.coming.values());
  }
}
