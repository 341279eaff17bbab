/** @file The frozen teacher's answers, asked once and kept: filled block by block, read example by example. */

import { sizeOf, type HostArray, type HostTensor, type TensorSpec } from '../../engine/array';
import type { Task } from '../../protocol/records';
import { collate } from '../../dataset/batches';
import type { Examples } from '../../dataset/example-store';
import { batchInputs, ByShape, type BatchInputs } from '../batch-inputs';
import type { CacheBlock, CacheLayout } from './cache-layout';
import { mapValues } from '../named';
import { requireFiniteTensor } from '../not-finite';
import { keptSpecs } from '../specs';
import type { Kept } from '../pairing';
import { inHostMemory, type Targets, type TargetSource } from './teacher';
import { gatherRecord, exampleRowsOf, scatterRecord } from './records';

/** Where the records are kept. Places are in bytes. */
interface RecordStore {
  /** Blocks that are there and whole. */
  filled(): Promise<ReadonlySet<number>>;
  writeBlock(block: number, start: number, bytes: Uint8Array): Promise<void>;
  /** What a whole block has from `start` to `end`, where it is in memory. */
  held?(start: number, end: number): Uint8Array | undefined;
  /** Fills `into` from `start` on. */
  read(start: number, into: Uint8Array): Promise<void>;
}

export interface TeacherCacheSetup {
  layout: CacheLayout;
  store: RecordStore;
  task: Task;
  imitated: Kept;
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

/**
 * Asks the teacher about every block that is not there yet. Returns whether the cache is full now.
 * @param length tokens of a row of the blocks that it begins with, where there are such: those that a training needs first
 */
export async function fillCache(setup: FillSetup, length?: number): Promise<boolean> {
  const { layout, store, mayGoOn } = setup;
  const count = layout.blocks.length;
  const soon = [...layout.blocks.keys()].filter((block) => layout.blocks[block]!.length === length);
  // Two processes that fill at once begin at different places, and so share the work.
  const first = soon.length > 0 ? soon[Math.floor(Math.random() * soon.length)]! : Math.floor(Math.random() * count);
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
  for (const rows of exampleRowsOf(inputs, task)) {
    const at = layout.starts[rows.example]! - block.start;
    gatherRecord(layout.parts, rows, outputs, records.subarray(at, at + layout.sizes[rows.example]!), check);
  }
  return records;
}

/** The training was asked to stop while the teacher was asked for it. Nothing of its step has been done. */
export class StoppedAsking extends Error {
  override readonly name = 'StoppedAsking';
}

/**
 * Answers from a cache that is not full yet: blocks that a batch needs and that are not there are asked about first. Who began to fill it
 * has asked about the same blocks in the same way, so that what is kept does not depend on when a training began.
 */
export class GrowingTargets implements TargetSource {
  private readonly blockOf: Uint32Array;
  /** Undefined once all is there. */
  private teacher: TargetSource | undefined;

  constructor(
    private readonly setup: FillSetup,
    private readonly kept: CachedTargets,
  ) {
    const { layout, teacher } = setup;
    this.teacher = teacher;
    this.blockOf = new Uint32Array(layout.starts.length);
    for (const [index, { examples }] of layout.blocks.entries()) for (const one of examples) this.blockOf[one] = index;
  }

  /** @throws StoppedAsking */
  async of(inputs: BatchInputs): Promise<Targets> {
    if (this.teacher) await this.fillFor(inputs);
    return this.kept.of(inputs);
  }

  private async fillFor(inputs: BatchInputs): Promise<void> {
    const { layout, store, mayGoOn } = this.setup;
    let filled = await store.filled();
    for (const block of this.blocksOf(inputs)) {
      if (filled.has(block)) continue;
      if (!(await mayGoOn(filled.size, layout.blocks.length))) throw new StoppedAsking();
      await fillBlock(this.setup, block);
      filled = await store.filled();
    }
    if (filled.size < layout.blocks.length) return;
    const { teacher } = this;
    this.teacher = undefined;
    await teacher?.release();
  }

  private blocksOf(inputs: BatchInputs): ReadonlySet<number> {
    return new Set(exampleRowsOf(inputs, this.setup.task).map(({ example }) => this.blockOf[example]!));
  }

  prefetch(inputs: BatchInputs): void {
    // The device is at work for the batch before: what is missing is asked about in its turn.
    if (!this.teacher) this.kept.prefetch(inputs);
  }

  async release(): Promise<void> {
    await this.kept.release();
    await this.teacher?.release();
  }
}

/** What a batch's targets are read into. */
interface TargetBuffers {
  targets: Record<string, HostTensor>;
}

function zerosOf({ shape, dtype }: TensorSpec): HostArray {
  const size = sizeOf(shape);
  return dtype === 'int32' ? new Int32Array(size) : new Float32Array(size);
}

/** Answers from a full cache, whatever the batch. */
export class CachedTargets implements TargetSource {
  private readonly buffers: ByShape<{ sets: TargetBuffers[]; next: number }>;
  private readonly coming = new Map<BatchInputs, Promise<Targets>>();
  /** Begins with the record that is being copied from memory: there its values lie at multiples of their size. */
  private readonly record: Uint8Array;

  constructor(private readonly setup: TeacherCacheSetup) {
    this.record = new Uint8Array(setup.layout.sizes.reduce((most, size) => Math.max(most, size), 0));
    this.buffers = new ByShape((shape) => {
      const specs = keptSpecs(setup.imitated, shape);
      const set = (): TargetBuffers => ({
        targets: mapValues(specs, (spec) => ({ ...spec, data: zerosOf(spec) })),
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
    const reading: Promise<void>[] = [];
    for (const rows of exampleRowsOf(inputs, task)) {
      const [start, size] = [layout.starts[rows.example]!, layout.sizes[rows.example]!];
      const held = store.held?.(start, start + size);
      if (held) {
        this.record.set(held);
        scatterRecord(layout.parts, rows, this.record, data);
        continue;
      }
      const bytes = new Uint8Array(size);
      reading.push(store.read(start, bytes).then(() => scatterRecord(layout.parts, rows, bytes, data)));
    }
    await Promise.all(reading);
    return targets;
  }

  async release(): Promise<void> {
    await Promise.allSettled(this.coming.values());
  }
}
