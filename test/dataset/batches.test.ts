/** @file Batches: fixed shapes, little padding, the same order for the same seed, masking as in BERT. */

import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  bucketLengths,
  collate,
  planEpoch,
  type Batch,
  type GroupByLength,
  type PlannedBatch,
} from '../../src/dataset/batches';
import type { Row } from '../../src/dataset/dataset';
import { encodeRows, type Example } from '../../src/dataset/examples';
import { randomStream } from '../../src/engine/random';
import { Tokenizer } from '../../src/tokenizer/tokenizer';

const random = randomStream(20);
const skewed = Array.from({ length: 1000 }, () => 2 + Math.floor(126 * random() ** 3));

describe('bucketLengths', () => {
  it('gives at most four ascending multiples of 8 that hold every length', () => {
    const buckets = bucketLengths(skewed, 128);
    expect(buckets.length).toBeGreaterThan(1);
    expect(buckets.length).toBeLessThanOrEqual(4);
    expect(buckets.every((length) => length % 8 === 0)).toBe(true);
    expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
    expect(buckets.at(-1)).toBeGreaterThanOrEqual(Math.max(...skewed));
  });

  it('is as good as the best of all choices of four', () => {
    const cost = (buckets: number[]) =>
      skewed.reduce((sum, length) => sum + buckets.find((bucket) => bucket >= length)!, 0);
    let best = Infinity;
    for (let a = 8; a <= 128; a += 8)
      for (let b = a; b <= 128; b += 8) for (let c = b; c <= 128; c += 8) best = Math.min(best, cost([a, b, c, 128]));
    const buckets = bucketLengths(skewed, 128);
    // A bucket is left out where it saves less than a twentieth.
    expect(cost(buckets)).toBeLessThanOrEqual(buckets.length === 4 ? best : best * 1.06);
  });

  it('needs one bucket where all lengths are alike', () => {
    expect(bucketLengths([60, 61, 62, 64], 128)).toEqual([64]);
  });

  it('of few batches a further length must save what building its graph takes', () => {
    const [few, some, many] = [2, 24, 10_000].map((batches) => bucketLengths(skewed, 128, batches)) as [
      number[],
      number[],
      number[],
    ];
    expect(few).toEqual(bucketLengths(skewed, 128).slice(-1));
    expect(some.length).toBeLessThan(many.length);
    expect(some.length).toBeGreaterThan(1);
    expect(many).toEqual(bucketLengths(skewed, 128));
  });

  it('never goes beyond the greatest length, which need not be a multiple of 8', () => {
    expect(bucketLengths([50, 50, 50], 50)).toEqual([50]);
    expect(bucketLengths([], 128)).toEqual([8]);
  });
});

const twoOfTwo = { batchSize: 2, buckets: [8, 16], seed: 1, epoch: 0, groupByLength: true } as const;

describe('planEpoch', () => {
  const plan = (epoch: number, shuffle = true) => [
    ...planEpoch(skewed, { batchSize: 16, buckets: [16, 48, 128], seed: 5, epoch, shuffle, groupByLength: true }),
  ];

  it('puts each example in one batch that is long enough', () => {
    for (const shuffle of [true, false]) {
      const batches = plan(0, shuffle);
      const indices = batches.flatMap((batch) => batch.indices).sort((a, b) => a - b);
      expect(indices).toEqual(skewed.map((_, i) => i));
      for (const { length, indices: members } of batches) {
        expect(members.every((i) => skewed[i]! <= length)).toBe(true);
      }
    }
  });

  it('has one short batch at most, and as many batches in each epoch', () => {
    const counts = [0, 1, 2, 3].map((epoch) => {
      const batches = plan(epoch);
      expect(batches.filter(({ indices }) => indices.length < 16).length).toBeLessThanOrEqual(1);
      return batches.length;
    });
    expect(counts).toEqual(counts.map(() => Math.ceil(1000 / 16)));
  });

  it('is the same for the same seed and epoch, and another in the next epoch', () => {
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
    expect(plan(1, false)).toEqual(plan(2, false));
  });

  it('keeps the order of the examples unless it is to shuffle', () => {
    const batches = planEpoch([3, 9, 4, 10, 5], { ...twoOfTwo, shuffle: false });
    expect([...batches]).toEqual([
      { length: 8, indices: [0, 2] },
      { length: 16, indices: [4, 1] },
      { length: 16, indices: [3] },
    ]);
  });

  it('leaves no example behind where the longest bucket is empty', () => {
    const batches = planEpoch([3, 4, 5], { ...twoOfTwo, shuffle: true });
    expect([...batches].map(({ length, indices }) => [length, indices.length]).sort()).toEqual([
      [8, 1],
      [8, 2],
    ]);
  });

  it('throws for an example that no bucket holds', () => {
    expect(() => planEpoch([9], { ...twoOfTwo, buckets: [8], shuffle: false })).toThrow(RangeError);
  });
});

describe('grouping by length', () => {
  const buckets = [16, 48, 128];
  const plan = (count: number, epoch: number, groupByLength: GroupByLength) => [
    ...planEpoch(skewed.slice(0, count), { batchSize: 8, buckets, seed: 5, epoch, shuffle: true, groupByLength }),
  ];
  const paddedTokens = (batches: readonly PlannedBatch[]) =>
    batches.reduce((sum, { length, indices }) => sum + length * indices.length, 0);

  it('is left aside by "auto" where there are fewer than 50 batches', () => {
    expect(plan(392, 0, 'auto')).toEqual(plan(392, 0, false));
    expect(plan(400, 0, 'auto')).not.toEqual(plan(400, 0, false));
  });

  it('by "auto" is within windows of at least 50 batches, whose rows are others in each epoch', () => {
    // 125 batches: two windows, of 62 and 63.
    const windows = (epoch: number) => {
      const batches = plan(1000, epoch, 'auto');
      return [batches.slice(0, 62), batches.slice(62)].map((window) => window.flatMap(({ indices }) => indices));
    };
    const [first, second] = windows(0) as [number[], number[]];
    expect([first.length, second.length]).toEqual([496, 504]);
    expect([...first, ...second].sort((a, b) => a - b)).toEqual([...skewed.keys()]);
    expect(new Set(windows(1)[0])).not.toEqual(new Set(first));
    // Long and short rows are in both.
    for (const window of [first, second]) {
      expect(new Set(window.map((row) => buckets.find((limit) => skewed[row]! <= limit)))).toEqual(new Set(buckets));
    }
  });

  it('saves padding, all the more over the whole epoch', () => {
    const [none, within, whole] = ([false, 'auto', true] as const).map((how) => paddedTokens(plan(1000, 0, how)));
    expect(within).toBeLessThan(0.8 * none!);
    expect(whole).toBeLessThanOrEqual(within!);
  });

  it('makes as many batches, each long enough for its rows, whichever way', () => {
    for (const how of [false, 'auto', true] as const) {
      const batches = plan(1000 - 3, 1, how);
      expect(batches).toHaveLength(125);
      expect(batches.filter(({ indices }) => indices.length < 8)).toHaveLength(1);
      for (const { length, indices } of batches) expect(indices.every((i) => skewed[i]! <= length)).toBe(true);
    }
  });
});

describe('collate', () => {
  let bert: Tokenizer;
  let rows: Row[];
  beforeAll(async () => {
    bert = await Tokenizer.load(path.join(import.meta.dirname, '../golden/data/tokenizers/bert-uncased'));
    rows = ['the teacher', 'the small model learns the numbers', 'student'].map((text, i) => ({
      text,
      label: String(i % 2),
      file: 'rows.jsonl',
      line: i + 1,
    }));
  });

  it('pads rows and completes the batch with rows that do not count', () => {
    const { examples } = encodeRows(rows, bert, { task: 'text-classification', maxLength: 16 });
    const planned = { length: 16, indices: [2, 0] };
    const batch = collate(examples, planned, { task: 'text-classification', batchSize: 4, padId: 0 });
    expect([batch.rows, batch.length, batch.inputIds.length]).toEqual([4, 16, 64]);
    expect([...batch.indices]).toEqual([2, 0, -1, -1]);
    expect([...batch.labels]).toEqual([0, 0, -100, -100]);
    const widths = planned.indices.map((i) => examples[i]!.inputIds.length);
    expect(batch.tokens).toBe(widths[0]! + widths[1]!);
    widths.forEach((width, row) => {
      const mask = batch.attentionMask.slice(row * 16, (row + 1) * 16);
      expect([...mask]).toEqual(Array.from({ length: 16 }, (_, i) => (i < width ? 1 : 0)));
      expect(batch.inputIds.slice(row * 16, row * 16 + width)).toEqual(examples[planned.indices[row]!]!.inputIds);
    });
    expect(batch.attentionMask.slice(32).every((value) => value === 0)).toBe(true);
  });

  it('does not count padding of language models, whatever the padding id', () => {
    const { examples } = encodeRows(rows, bert, { task: 'causal-lm', maxLength: 16 });
    const padId = examples[0]!.inputIds[1]!;
    const batch = collate(examples, { length: 16, indices: [0] }, { task: 'causal-lm', batchSize: 2, padId });
    const width = examples[0]!.inputIds.length;
    expect([...batch.labels.slice(0, width)]).toEqual([...(examples[0]!.labels as Int32Array)]);
    expect(batch.labels.slice(width).every((label) => label === -100)).toBe(true);
    expect(batch.inputIds.slice(width).every((id) => id === padId)).toBe(true);
  });

  describe('with masking', () => {
    let examples: Example[];
    const maskId = 4;
    beforeAll(() => {
      const long = { text: 'the small model learns the numbers '.repeat(400), file: 'rows.jsonl', line: 9 };
      examples = encodeRows([...rows, long], bert, { task: 'masked-lm', maxLength: 2048 }).examples;
    });
    const maskedBatch = (indices: number[], epoch: number, probability = 0.15): Batch =>
      collate(
        examples,
        { length: 2048, indices },
        {
          task: 'masked-lm',
          batchSize: indices.length,
          padId: 0,
          masking: { seed: 3, epoch, probability, vocabularySize: bert.vocabularySize, maskId },
        },
      );

    it('hides 15 %: four fifths by the mask token, a tenth by random ones, a tenth not at all', () => {
      const { inputIds, labels } = maskedBatch([3], 0);
      const original = examples[3]!.inputIds;
      const chosen = Array.from(labels.keys()).filter((i) => labels[i] !== -100);
      expect(chosen.every((i) => labels[i] === original[i])).toBe(true);
      const share = chosen.length / (original.length - 2);
      expect(share).toBeGreaterThan(0.12);
      expect(share).toBeLessThan(0.18);
      const hidden = chosen.filter((i) => inputIds[i] === maskId).length / chosen.length;
      const kept = chosen.filter((i) => inputIds[i] === original[i]).length / chosen.length;
      expect(hidden).toBeGreaterThan(0.72);
      expect(hidden).toBeLessThan(0.88);
      expect(kept).toBeGreaterThan(0.05);
      expect(kept).toBeLessThan(0.16);
      const untouched = Array.from(original.keys()).filter((i) => labels[i] === -100);
      expect(untouched.every((i) => inputIds[i] === original[i])).toBe(true);
    });

    it('masks at least one token of each example and never a special one', () => {
      for (const probability of [0, 0.15, 1]) {
        const { labels } = maskedBatch([0, 1, 2], 0, probability);
        for (const index of [0, 1, 2]) {
          const own = labels.slice(index * 2048, (index + 1) * 2048);
          const chosen = Array.from(own.keys()).filter((i) => own[i] !== -100);
          expect(chosen.length).toBeGreaterThan(0);
          expect(chosen.every((i) => i > 0 && i < examples[index]!.inputIds.length - 1)).toBe(true);
        }
      }
    });

    it('depends on the epoch and the example, not on the batch it is in', () => {
      const alone = maskedBatch([3], 1);
      const together = maskedBatch([0, 3], 1);
      expect(together.inputIds.slice(2048)).toEqual(alone.inputIds);
      expect(together.labels.slice(2048)).toEqual(alone.labels);
      expect(maskedBatch([3], 2).labels).not.toEqual(alone.labels);
      expect(maskedBatch([3], 1)).toEqual(alone);
    });
  });
});
