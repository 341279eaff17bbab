/** @file One graph for inputs of any size, from recordings at three: what follows from sizes is found, and what does not is refused. */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { TensorSpec } from '../../src/engine/array';
import { withFreeAxes, type FreeGraph, type SizedGraph } from '../../src/engine/graph/free-axes';
import { record } from '../../src/engine/graph/trace-backend';

type Make = (x: tf.Tensor, rows: number, length: number) => tf.Tensor;

function freed(make: Make): FreeGraph {
  const recordings = [
    [1009, 65],
    [2003, 66],
    [3001, 67],
  ].map(([batch, length]): SizedGraph => {
    const x: TensorSpec = { shape: [batch!, length!], dtype: 'int32' };
    const { graph } = record('free', { x }, (tensors) => ({ y: make(tensors.x!, batch!, length!) }));
    return { graph, sizes: { batch: batch!, length: length! } };
  });
  return withFreeAxes(recordings as [SizedGraph, SizedGraph, SizedGraph], ['x']);
}

const nodesOf = ({ graph }: FreeGraph): string[] => graph.nodes.map(({ op }) => op);

describe('a graph with free axes', () => {
  it('says which axes of its inputs and outputs are free, and takes whole numbers as other tools give them', () => {
    const { inputs, outputs } = freed((x, rows, length) => tf.reshape(tf.cast(x, 'float32'), [rows, 1, length]));
    expect(inputs).toEqual({ x: { type: 'int64', shape: ['batch', 'length'] } });
    expect(outputs).toEqual({ y: { type: 'float32', shape: ['batch', 1, 'length'] } });
  });

  it('leaves a shape with one free extent to ONNX, and works out one with several', () => {
    expect(nodesOf(freed((x, rows, length) => tf.reshape(x, [rows * length])))).toEqual(['Cast', 'Reshape']);
    const turned = freed((x, rows, length) => tf.reshape(x, [length, rows]));
    expect(nodesOf(turned)).toContain('Concat');
    expect(turned.outputs.y!.shape).toEqual(['length', 'batch']);
  });

  it('makes positions of their number, and finds the end of a slice beside it', () => {
    const positions: Make = (x, _, length) =>
      tf.add(
        tf.cast(x, 'float32'),
        tf.tensor(
          Float32Array.from({ length }, (__, i) => i),
          [1, length],
        ),
      );
    expect(nodesOf(freed(positions))).toContain('Range');
    expect(nodesOf(freed((x, rows, length) => tf.slice(x, [0, 2], [rows, length - 2])))).toContain('Slice');
  });

  it('refuses numbers that follow from no size, and programs that are not the same at each', () => {
    const ofLength: Make = (x, _, length) => tf.mul(tf.cast(x, 'float32'), 1 / length);
    expect(() => freed(ofLength)).toThrow('a constant');
    // 16, 25 and 36 places of 65, 66 and 67.
    const odd: Make = (x, rows, length) => tf.slice(x, [0, 0], [rows, (length * length) % 61]);
    expect(() => freed(odd)).toThrow('follows from no size');
    expect(() => freed((x, _, length) => (length === 66 ? tf.neg(x) : tf.abs(x)))).toThrow('operators');
  });
});
