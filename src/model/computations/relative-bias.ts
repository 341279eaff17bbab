/** @file Relative attention bias (Raffel et al., 2020): a learned number for each head and bucket of distances, which is added to the scores of attention. */

import * as tf from '@tensorflow/tfjs-core';
import { RELATIVE_BUCKETS } from '../layouts/layout';

/** Distances from here on share the last bucket of their side. */
const MOST_DISTANCE = 128;

/** Beyond every distance, and a float32. */
const ANY_DISTANCE = 2 ** 30;

/**
 * Distances (key − query) of each bucket, from … to. Of the first half of the buckets, which keys up to the query's own have, one half has a distance
 * each, and the others' bounds grow by a constant factor up to `MOST_DISTANCE`; the second half has the same of later keys, whose first is empty.
 */
export function bucketDistances(): [from: number, to: number][] {
  const side = RELATIVE_BUCKETS / 2;
  const single = side / 2;
  // A bound that is a whole number is one: the factor is a root of two.
  const least = (bucket: number): number =>
    bucket <= single
      ? bucket
      : Math.ceil(single * (MOST_DISTANCE / single) ** ((bucket - single) / (side - single)) - 1e-9);
  const most = (bucket: number): number => (bucket === side - 1 ? ANY_DISTANCE : least(bucket + 1) - 1);
  const buckets = Array.from({ length: side }, (_, bucket) => bucket);
  return [
    ...buckets.map((bucket): [number, number] => [-most(bucket), -least(bucket)]),
    ...buckets.map((bucket): [number, number] => [bucket === 0 ? 1 : least(bucket), most(bucket)]),
  ];
}

/**
 * What each head adds to the score of a query and a key. Texts that share a row lie in it one after the other, so that distances within each are those in the
 * row; what is beyond is seen by none.
 *
 * Made by a product with which pair has which bucket, and not looked up: a gradient that adds L² rows to the rows of a table takes a GPU L⁴ comparisons to be
 * the same in every run.
 * @param table [buckets, H]
 * @returns [1, H, L, L]
 */
export function relativeBias(table: tf.Tensor, length: number): tf.Tensor4D {
  const [buckets, heads] = table.shape as [number, number];
  const places = Float32Array.from({ length }, (_, i) => i);
  const distances = tf.sub(tf.tensor(places, [1, 1, length]), tf.tensor(places, [1, length, 1])); // [1, L, L], key − query
  const bounds = bucketDistances();
  const bound = (side: 0 | 1): tf.Tensor =>
    tf.tensor(
      Float32Array.from(bounds, (pair) => pair[side]),
      [buckets, 1, 1],
    );
  const isIn = tf.logicalAnd(tf.greaterEqual(distances, bound(0)), tf.lessEqual(distances, bound(1)));
  const isOf = tf.reshape<tf.Rank.R2>(tf.cast(isIn, 'float32'), [buckets, length * length]);
  return tf.reshape(tf.matMul(table as tf.Tensor2D, isOf, true), [1, heads, length, length]);
}
