import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { TensorSpec } from '../../src/engine/array';
import { record } from '../../src/engine/graph/trace-backend';
import { workingBytes } from '../../src/engine/graph/working-memory';

const matrix = (rows: number, columns: number): TensorSpec => ({ shape: [rows, columns], dtype: 'float32' });

const working = (inputs: Record<string, TensorSpec>, evaluate: (t: Record<string, tf.Tensor>) => tf.Tensor): number =>
  workingBytes(record('working', inputs, (t) => ({ y: evaluate(t) })).graph);

describe('the working memory of a graph', () => {
  it('is nothing where every value is an input or an output', () => {
    expect(working({ x: matrix(4, 8) }, ({ x }) => tf.exp(x!))).toBe(0);
  });

  it('is one value for a chain whose operators may write over their inputs', () => {
    expect(working({ x: matrix(4, 8) }, ({ x }) => tf.exp(tf.neg(tf.sqrt(tf.exp(x!)))))).toBe(4 * 8 * 4);
  });

  it('counts what waits for its last reader, and views not at all', () => {
    // exp(x) waits while two products are made, the second of which takes the place of nothing.
    const bytes = working({ x: matrix(4, 8), w: matrix(8, 16), v: matrix(16, 8) }, ({ x, w, v }) => {
      const held = tf.exp(x!);
      const inner = tf.reshape(tf.matMul(held as tf.Tensor2D, w as tf.Tensor2D), [16, 4]);
      const outer = tf.matMul(tf.reshape(inner, [4, 16]), v as tf.Tensor2D);
      return tf.sqrt(tf.add(outer, held));
    });
    expect(bytes).toBe((4 * 8 + 4 * 16 + 4 * 8) * 4);
  });
});
