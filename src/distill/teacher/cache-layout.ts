/** @file Where each example's record lies in a teacher cache, and in which batches the cache is filled. */

import type { Task } from '../../protocol/records';
import { bucketLengths } from '../../dataset/batches';
import { lengthsOf, type Examples } from '../../dataset/example-store';
import type { Kept } from '../pairing';
import { recordParts, recordSize, rowsOfExample, type RecordPart, type StoredValues } from './records';

/** Examples that the teacher is asked about together; their records lie one after the other. */
export interface CacheBlock {
  /** Tokens a row. */
  readonly length: number;
  /** Rows of the batch; the last block of a length has filler rows. */
  readonly rows: number;
  readonly examples: readonly number[];
  /** First byte of the block in the cache, and the first after it. */
  readonly start: number;
  readonly end: number;
}

export interface CacheLayout {
  readonly parts: readonly RecordPart[];
  readonly blocks: readonly CacheBlock[];
  /** By example: its first byte in the cache, and the number of its bytes. */
  readonly starts: Float64Array;
  readonly sizes: Float64Array;
  /** Bytes in all. */
  readonly size: number;
}

/** A block is at most so large, whatever the batches of the training are, so that every training fills alike. */
const BLOCK_ROWS = 32;
const BLOCK_TOKENS = 4096;

interface LayoutOptions {
  imitated: Kept;
  task: Task;
  maxLength: number;
  values: StoredValues;
  /** Of logits over a vocabulary so many are kept; absent: all. */
  top?: number | undefined;
}

/** Depends on the examples and on what is imitated alone, not on the training's batches, order or seed. */
export function layoutCache(
  examples: Examples,
  { imitated, task, maxLength, values, top }: LayoutOptions,
): CacheLayout {
  const parts = recordParts(imitated, values, top);
  const starts = new Float64Array(examples.length);
  const sizes = Float64Array.from({ length: examples.length }, (_, index) =>
    recordSize(parts, rowsOfExample(examples.at(index)!, task, examples.isPaired ? 2 : 1)),
  );
  let size = 0;
  const blocks = planBlocks(examples, maxLength).map((planned): CacheBlock => {
    const start = size;
    for (const example of planned.examples) {
      starts[example] = size;
      size += sizes[example]!;
    }
    return { ...planned, start, end: size };
  });
  return { parts, blocks, starts, sizes, size };
}

function planBlocks(examples: Examples, maxLength: number): Omit<CacheBlock, 'start' | 'end'>[] {
  const lengths = lengthsOf(examples);
  const buckets = bucketLengths(lengths, maxLength);
  return buckets.flatMap((length, bucket) => {
    const shortest = buckets[bucket - 1] ?? -1;
    const members: number[] = [];
    for (const [i, own] of lengths.entries()) if (own > shortest && own <= length) members.push(i);
    const rows = Math.max(1, Math.min(BLOCK_ROWS, Math.floor(BLOCK_TOKENS / length)));
    return Array.from({ length: Math.ceil(members.length / rows) }, (_, block) => ({
      length,
      rows,
      examples: members.slice(block * rows, (block + 1) * rows),
    }));
  });
}
