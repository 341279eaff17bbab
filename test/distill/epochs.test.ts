/** @file The rows of an update: the same however it is divided into batches. */

import { describe, expect, it } from 'vitest';
import { epochBatches, type EpochOptions } from '../../src/distill/training/epochs';
import type { Example } from '../../src/dataset/examples';
import { randomStream } from '../../src/engine/random';
import type { Tokenizer } from '../../src/tokenizer/tokenizer';

const random = randomStream(5);
/** 101 examples of 3 to 60 tokens. */
const examples = Array.from({ length: 101 }, (_, index) => {
  const length = 3 + Math.floor(random() * 58);
  return { inputIds: new Int32Array(length).fill(1), typeIds: new Int32Array(length), labels: index % 2 } as Example;
});

function updates(batches: Pick<EpochOptions, 'batchSize' | 'gradientAccumulation'>): number[][] {
  const source = epochBatches(examples, {
    task: 'text-classification',
    tokenizer: { padId: 0, special: {}, vocabularySize: 9 } as unknown as Tokenizer,
    maxLength: 64,
    epochs: 2,
    groupByLength: 'auto',
    seed: 3,
    ...batches,
  });
  return Array.from({ length: source.steps }, (_, step) => {
    const divided = source.batchesOf(step);
    for (const { rows } of divided) expect(rows).toBe(batches.batchSize);
    return divided.flatMap(({ indices }) => [...indices].filter((index) => index >= 0));
  });
}

describe('an update', () => {
  it('has the rows of one large batch, in their order, however it is divided', () => {
    const whole = updates({ batchSize: 16, gradientAccumulation: 1 });
    expect(updates({ batchSize: 4, gradientAccumulation: 4 })).toEqual(whole);
    expect(updates({ batchSize: 2, gradientAccumulation: 8 })).toEqual(whole);
    expect(updates({ batchSize: 1, gradientAccumulation: 16 })).toEqual(whole);
  });

  it('leaves no row of an epoch out and takes none twice', () => {
    const both = updates({ batchSize: 4, gradientAccumulation: 4 });
    for (const epoch of [both.slice(0, both.length / 2), both.slice(both.length / 2)]) {
      expect(epoch.flat().sort((a, b) => a - b)).toEqual([...examples.keys()]);
    }
  });
});
