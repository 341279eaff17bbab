/** @file The frozen teacher's answers, asked once and kept: filled block by block, read example by example. */

import type { HostArray, HostTensor } from '../../engine/array';
import type { Task } from '../../protocol/records';
import { collate } from '../../dataset/batches';
import type { Examples } from '../../dataset/example-store';
import { batchInputs, ByShape, type BatchInputs } from '../batch-inputs';
import type { CacheBlock, CacheLayout } from './cache-layout';
import { mapValues } from '../named';
import { requireFiniteTensor } from '../not-finite';
import { teacherOutputSpecs } from '../specs';
import type { Imitated } from '../pairing';
import { inHostMemory, type Targets, type TargetSource } from './teacher';
import { gatherRecord, placesIn, scatterRecord } from './records';

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
  task: Task;
  imitated: Imitated;
}

export interface FillSetup extends TeacherCacheSetup {
  examples: Examples;
  padId: number;
  teacher: TargetSource;
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
  const { layout, store, task, teacher, examples, padId } = setup;
  const block = layout.blocks[index]!;
  const planned = { length: block.length, indices: [...block.examples] };
  const inputs = batchInputs(collate(examples, planned, { task, batchSize: block.rows, padId }), task);
  const answers = await teacher.of(inputs);
  const exact: Record<string, HostTensor> = {};
  for (const [name, answer] of Object.entries(answers)) exact[name] = await inHostMemory(answer);
  const records = gatherBlock(
    layout,
    block,
    inputs,
    task,
    mapValues(exact, ({ data }) => data),
  );
  await store.writeBlock(index, block.start, records);
  await setup.onBlock?.(inputs, exact);
}

function gatherBlock(
  layout: CacheLayout,
  block: CacheBlock,
  inputs: BatchInputs,
  task: Task,
  outputs: Record<string, HostArray>,
): Uint8Array {
  const records = new Uint8Array(block.end - block.start);
  const check = (values: Float32Array): void =>
    requireFiniteTensor("the teacher's answers", values, `examples ${block.examples.join(', ')}`);
  for (const place of placesIn(inputs, task)) {
    const at = layout.starts[place.example]! - block.start;
    gatherRecord(layout.parts, place, outputs, records.subarray(at, at + layout.sizes[place.example]!), check);
  }
  return records;
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
    const { layout, store, task } = this.setup;
    const buffers = this.buffers.get(inputs.shape);
    const { targets } = buffers.sets[buffers.next]!;
    buffers.next = 1 - buffers.next;
    const data = mapValues(targets, (target) => target.data);
    // What counts in no loss is 0, whatever batch was here before.
    for (const values of Object.values(data)) values.fill(0);
    await Promise.all(
      placesIn(inputs, task).map(async (place) => {
        const bytes = new Uint8Array(layout.sizes[place.example]!);
        await store.read(layout.starts[place.example]!, bytes);
        scatterRecord(layout.parts, place, bytes, data);
      }),
    );
    return targets;
  }

  async release(): Promise<void> {
    await Promise.allSettled(this.coming.values());
  }
}
