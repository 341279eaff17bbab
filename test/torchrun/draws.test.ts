/** The numbers that TypeScript and Python must draw alike: what is here is checked by python/tests/test_draws.py too. */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { bucketLengths, planEpoch, type GroupByLength } from '../../src/dataset/batches';
import { maskTokens } from '../../src/dataset/masking';
import { maskedCapacity } from '../../src/distill/losses/shift';
import type { Graph } from '../../src/engine/graph/graph';
import { keepMasks } from '../../src/engine/graph/dropout';
import { randomStream, randomWords, shuffled } from '../../src/engine/random';

const file = fileURLToPath(new URL('../../python/tests/draws.json', import.meta.url));

const keysOf = [[], [1], [1, 0], [4294967295, 7], [1, 2, 3, 0x6d61736b]];

function lengthsOf(count: number, most: number): number[] {
  const random = randomStream(count, most);
  return Array.from({ length: count }, () => 1 + Math.floor(random() ** 2 * most));
}

function plans() {
  const cases: { count: number; batchSize: number; shuffle: boolean; groupByLength: GroupByLength }[] = [
    { count: 23, batchSize: 4, shuffle: true, groupByLength: 'auto' },
    { count: 23, batchSize: 4, shuffle: true, groupByLength: true },
    { count: 23, batchSize: 4, shuffle: true, groupByLength: false },
    { count: 23, batchSize: 4, shuffle: false, groupByLength: true },
    { count: 211, batchSize: 2, shuffle: true, groupByLength: 'auto' },
  ];
  return cases.map((one) => {
    const lengths = lengthsOf(one.count, 60);
    const buckets = bucketLengths(lengths, 48);
    const cut = lengths.map((length) => Math.min(length, 48));
    const plan = planEpoch(cut, { ...one, buckets, seed: 3, epoch: 2 });
    return { ...one, lengths: cut, buckets: bucketLengths(cut, 48), batches: [...plan] };
  });
}

function masks(): { seed: number; step: number; rate: number; size: number; dropped: number[] }[] {
  const inputs = [
    { seed: 1, step: 0, rate: 0.1, size: 400 },
    { seed: 9, step: 4097, rate: 0.5, size: 33 },
  ];
  return inputs.map((one) => {
    const graph = { inputs: { [`keep.0.${one.rate}`]: { shape: [one.size], dtype: 'bool' } } } as unknown as Graph;
    const { data } = keepMasks(graph, one.seed, one.step)[`keep.0.${one.rate}`]!;
    return { ...one, dropped: Array.from(data.keys()).filter((i) => data[i] === 0) };
  });
}

function hidden() {
  const inputIds = Int32Array.from({ length: 30 }, (_, i) => i + 5);
  const labels = inputIds.map((id, i) => (i === 0 || i === 29 ? -100 : id));
  return [0, 1, 5].map((index) => {
    const masking = { seed: 1, epoch: 4, probability: 0.15, vocabularySize: 50, maskId: 3 };
    const masked = maskTokens(inputIds, labels, index, masking);
    return { index, inputIds: [...masked.inputIds], labels: [...masked.labels] };
  });
}

it('draws what python/tests/draws.json says that it draws', () => {
  const drawn = {
    words: keysOf.map((keys) => ({ keys, words: Array.from({ length: 5 }, randomWords(...keys)) })),
    shuffled: shuffled([...Array(20).keys()], randomStream(5)),
    plans: plans(),
    masks: masks(),
    hidden: hidden(),
    capacities: [
      [8, 24],
      [3, 8],
      [32, 128],
    ].map(([rows, length]) => ({ rows, length, capacity: maskedCapacity(rows!, length!) })),
  };
  const text = `${JSON.stringify(drawn)}\n`;
  // Written anew by DISTILLERY_WRITE_DRAWS=1 where the draws change, which changes every run.
  if (process.env.DISTILLERY_WRITE_DRAWS === '1') writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, 'utf8'));
});
