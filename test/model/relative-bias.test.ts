/** @file Buckets of distances beside those of transformers' MPNet, and the number that each pair of tokens gets by them. */

import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { bucketDistances, relativeBias } from '../../src/model/computations/relative-bias';
import { onCpu } from '../distill/numbers';

interface Recorded {
  /** The first distance, key − query. */
  from: number;
  buckets: number[];
}

const recorded = JSON.parse(
  readFileSync(new URL('../golden/data/mpnet-buckets.json', import.meta.url), 'utf8'),
) as Recorded;

onCpu();

it('gives each distance the one bucket that transformers gives it', () => {
  const bounds = bucketDistances();
  const bucketsOf = (distance: number): number[] =>
    bounds.flatMap(([from, to], bucket) => (from <= distance && distance <= to ? [bucket] : []));
  expect(recorded.buckets.map((_, i) => bucketsOf(recorded.from + i))).toEqual(recorded.buckets.map((one) => [one]));
});

it('adds to a score what the head has for the distance from its query to its key', async () => {
  const [length, heads] = [150, 2];
  const table = Float32Array.from({ length: 32 * heads }, (_, i) => i + 0.5);
  const bias = relativeBias(tf.tensor(table, [32, heads]), length);
  expect(bias.shape).toEqual([1, heads, length, length]);
  const wanted = Float32Array.from({ length: heads * length * length }, (_, i) => {
    const [head, query, key] = [Math.floor(i / length ** 2), Math.floor(i / length) % length, i % length];
    return table[recorded.buckets[key - query - recorded.from]! * heads + head]!;
  });
  expect(await bias.data()).toEqual(wanted);
});
