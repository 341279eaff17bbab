/** @file A program for each operator that WebGPU has no usable kernel for, as tfjs operations that record it. */

import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../src/engine/array';

export interface LoweredProgram {
  /** What ONNX calls the operator. */
  operator: string;
  inputs: Record<string, HostTensor>;
  evaluate: (tensors: Record<string, tf.Tensor>) => Record<string, tf.Tensor>;
}

const floats = (values: number[], shape: number[] = [values.length]): HostTensor => ({
  shape,
  dtype: 'float32',
  data: Float32Array.from(values),
});
const integers = (values: number[], shape: number[] = [values.length]): HostTensor => ({
  shape,
  dtype: 'int32',
  data: Int32Array.from(values),
});
const bools = (values: number[], shape: number[] = [values.length]): HostTensor => ({
  shape,
  dtype: 'bool',
  data: Uint8Array.from(values),
});

const matrix = floats(
  Array.from({ length: 24 }, (_, i) => Math.sin(3 * i)),
  [2, 3, 4],
);
const whole = integers([3, -1, 0, 7, 7, -5], [2, 3]);
const flags = bools([1, 0, 0, 1, 1, 0], [2, 3]);
const otherFlags = bools([1, 1, 0, 0, 1, 1], [2, 3]);

export const loweredPrograms: readonly LoweredProgram[] = [
  { operator: 'Abs', inputs: { whole }, evaluate: (t) => ({ y: tf.abs(t.whole!) }) },
  {
    operator: 'ArgMax',
    inputs: { whole },
    evaluate: (t) => ({ y: tf.argMax(t.whole!, 1), x: tf.argMax(t.whole!, 0) }),
  },
  { operator: 'ArgMin', inputs: { matrix }, evaluate: (t) => ({ y: tf.argMin(t.matrix!, -1) }) },
  {
    operator: 'Concat',
    inputs: { flags, otherFlags },
    evaluate: (t) => ({ y: tf.concat([t.flags!, t.otherFlags!], 1) }),
  },
  { operator: 'Equal', inputs: { flags, otherFlags }, evaluate: (t) => ({ y: tf.equal(t.flags!, t.otherFlags!) }) },
  {
    operator: 'FusedMatMul',
    inputs: { matrix },
    evaluate: ({ matrix: m }) => ({ y: tf.matMul(m!, m!, false, true), x: tf.matMul(m!, m!, true, false) }),
  },
  { operator: 'Identity', inputs: { flags }, evaluate: (t) => ({ y: t.flags! }) },
  { operator: 'Neg', inputs: { whole }, evaluate: (t) => ({ y: tf.neg(t.whole!) }) },
  { operator: 'Or', inputs: { flags, otherFlags }, evaluate: (t) => ({ y: tf.logicalOr(t.flags!, t.otherFlags!) }) },
  { operator: 'Pad', inputs: { flags }, evaluate: (t) => ({ y: tf.pad(t.flags!, [[1, 0], [0, 2]]) }) }, // prettier-ignore
  { operator: 'Relu', inputs: { whole }, evaluate: (t) => ({ y: tf.relu(t.whole!) }) },
  {
    operator: 'ScatterElements',
    inputs: {
      ids: integers([2, 0, 2, 2, 4]),
      rows: floats([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [5, 2]),
      table: floats([1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0], [6, 2]),
    },
    evaluate: (t) => ({
      y: tf.unsortedSegmentSum(t.rows!, t.ids as tf.Tensor1D, 6),
      // Added to a running sum.
      z: tf.add(t.table!, tf.unsortedSegmentSum(t.rows!, t.ids as tf.Tensor1D, 6)),
    }),
  },
  {
    operator: 'Sign',
    inputs: { x: floats([-2, 0, 0.5, -0]), whole },
    evaluate: (t) => ({ y: tf.sign(t.x!), z: tf.sign(t.whole!) }),
  },
  {
    operator: 'Slice',
    inputs: { whole, flags },
    evaluate: (t) => ({ y: tf.slice(t.whole!, [0, 1], [1, 2]), z: tf.slice(t.flags!, [1, 0], [1, 2]) }),
  },
  {
    operator: 'Split',
    inputs: { flags },
    evaluate: (t) => {
      const [a, b] = tf.split(t.flags!, [1, 2], 1);
      return { y: a!, z: b! };
    },
  },
  { operator: 'Tile', inputs: { flags }, evaluate: (t) => ({ y: tf.tile(t.flags!, [2, 1]) }) },
  { operator: 'Transpose', inputs: { flags }, evaluate: (t) => ({ y: tf.transpose(t.flags!, [1, 0]) }) },
];
