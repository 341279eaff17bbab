import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import { printGraph } from '../../src/engine/graph/graph';
import { gelu, layerNorm, linear } from '../../src/engine/graph/ops';
import { record } from '../../src/engine/graph/trace-backend';
import { expectClose } from '../golden/compare';
import { describeOnEach } from './executors';

const floats = (values: number[], shape: number[] = [values.length]): HostTensor => ({
  shape,
  dtype: 'float32',
  data: Float32Array.from(values),
});

describe('a recorded graph', () => {
  it('holds forward, backward and nothing that no output needs', () => {
    const program = record(
      'square',
      { x: { shape: [2, 3], dtype: 'float32' }, w: { shape: [4, 3], dtype: 'float32' } },
      ({ x, w }) => {
        const { value, grads } = tf.valueAndGrads((a: tf.Tensor) => tf.mean(tf.square(linear(x!, a, null, 'out-in'))))([
          w!,
        ]);
        tf.exp(x!); // not an output
        return { loss: value, dw: grads[0]! };
      },
    );
    expect(printGraph(program.graph)).toMatchSnapshot();
  });

  it('names its outputs without a copy, also those that it reads again', () => {
    const program = record('named', { x: floats([1, 2]) }, ({ x }) => {
      const y = tf.exp(x!);
      return { y, z: tf.sqrt(y), again: y, untouched: x! };
    });
    expect(program.graph.nodes.map(({ op, outputs }) => `${op} ${outputs[0]!.name}`)).toEqual([
      'Exp y',
      'Sqrt z',
      'Identity again',
      'Identity untouched',
    ]);
  });

  it('names the operation that is not in the table', () => {
    expect(() => record('unknown', { x: floats([1]) }, ({ x }) => ({ y: tf.atanh(x!) }))).toThrow(/Atanh/);
  });

  it('refuses programs that look at values', () => {
    expect(() => record('peek', { x: floats([1]) }, ({ x }) => ({ y: tf.scalar(x!.dataSync()[0]!) }))).toThrow(
      /no data/,
    );
  });
});

describeOnEach('a recorded graph', (executor) => {
  it('computes what the eager backend computes, gradients included', async () => {
    const x = floats(
      Array.from({ length: 24 }, (_, i) => Math.sin(i * i)),
      [2, 3, 4],
    );
    const w = floats(
      Array.from({ length: 20 }, (_, i) => Math.cos(3 * i * i)),
      [5, 4],
    );
    const step = (tx: tf.Tensor, tw: tf.Tensor): Record<string, tf.Tensor> => {
      const loss = (ax: tf.Tensor, aw: tf.Tensor): tf.Scalar => {
        const h = gelu(
          layerNorm(linear(ax, aw, tf.ones([5]), 'out-in'), tf.fill([5], 1.5), tf.zeros([5]), 1e-5),
          'tanh',
        );
        const scores = tf.matMul(h, h, false, true); // [2, 3, 3]
        return tf.sum(tf.mul(tf.softmax(h), tf.slice(scores, [0, 0, 0], [2, 3, 1])));
      };
      const { value, grads } = tf.valueAndGrads(loss)([tx, tw]);
      return { loss: value, dx: grads[0]!, dw: grads[1]! };
    };
    const program = record('step', { x, w }, (t) => step(t.x!, t.w!));
    const loaded = await executor().load(program);
    const recorded = await loaded.run({ x, w });

    await import('@tensorflow/tfjs-backend-cpu');
    await tf.setBackend('cpu');
    const eager = step(tf.tensor(x.data, [2, 3, 4]), tf.tensor(w.data, [5, 4]));
    for (const [name, tensor] of Object.entries(eager)) {
      expectClose(name, recorded[name]!.data, tensor.dataSync(), 5e-5);
    }
  });

  it('adds a product to a running sum in the product itself', async () => {
    const matrix = floats([1, 2, 3, 4], [2, 2]);
    const program = record('sums', { x: matrix, b: floats([10, 20]) }, ({ x, b }) => {
      const [m, bias] = [x as tf.Tensor2D, b!];
      const sum = tf.add(tf.add(tf.matMul(m, m), tf.matMul(m, m, true)), tf.matMul(m, m, false, true));
      const shared = tf.matMul(m, m, true, true);
      return { sum, biased: tf.add(tf.matMul(m, m), bias), shared, twice: tf.add(shared, sum) };
    });
    const operators = program.graph.nodes.map(({ op, inputs }) => `${op}/${inputs.length}`);
    // Three products of the sum: one starts at 0, two from the sum so far. What others need, or is broadcast, stays apart.
    expect(operators.sort()).toEqual(['Add/2', 'Add/2', 'Gemm/2', 'Gemm/2', 'Gemm/2', 'Gemm/3', 'Gemm/3'].sort());
    const outputs = await (await executor().load(program)).run({ x: matrix, b: floats([10, 20]) });
    expect(Array.from(outputs.sum!.data)).toEqual([7 + 10 + 5, 10 + 14 + 11, 15 + 14 + 11, 22 + 20 + 25]);
    expect(Array.from(outputs.biased!.data)).toEqual([17, 30, 25, 42]);
    expect(Array.from(outputs.twice!.data)).toEqual([22 + 7, 35 + 15, 40 + 10, 67 + 22]);
  });

  it('adds the rows of a look-up gradient to the sum that they belong to, without a table of zeros', async () => {
    const matrix = floats([1, 2, 3, 4], [2, 2]);
    const ids: HostTensor = { shape: [3], dtype: 'int32', data: Int32Array.of(1, 0, 1) };
    const rows = floats([1, 2, 3, 4, 5, 6], [3, 2]);
    const program = record('table', { m: matrix, ids, rows, b: floats([10, 20]) }, ({ m, ids: places, rows: r, b }) => {
      const scattered = (): tf.Tensor => tf.unsortedSegmentSum(r!, places as tf.Tensor1D, 2);
      const product = tf.matMul(m as tf.Tensor2D, m as tf.Tensor2D);
      const alone = scattered();
      return {
        sum: tf.add(tf.add(scattered(), product), scattered()),
        biased: tf.add(scattered(), b!),
        alone,
        twice: tf.add(alone, product),
      };
    });
    const operators = program.graph.nodes.map(({ op }) => op).filter((op) => /Add|Scatter|Expand/.test(op));
    const count = (op: string): number => operators.filter((operator) => operator === op).length;
    // Two at once into the product, one to which a bias is added, one that is an output and is added to the product.
    expect([count('ScatterElements'), count('Add')]).toEqual([3, 2]);
    const outputs = await (await executor().load(program)).run({ m: matrix, ids, rows, b: floats([10, 20]) });
    expect(Array.from(outputs.sum!.data)).toEqual([7 + 6, 10 + 8, 15 + 12, 22 + 16]);
    expect(Array.from(outputs.biased!.data)).toEqual([13, 24, 16, 28]);
    expect(Array.from(outputs.alone!.data)).toEqual([3, 4, 6, 8]);
    expect(Array.from(outputs.twice!.data)).toEqual([10, 14, 21, 30]);
  });

  it('takes frozen inputs as part of the graph', async () => {
    const program = record('frozen', { x: floats([1, 2]), w: floats([3, 4]) }, ({ x, w }) => ({ y: tf.mul(x!, w!) }));
    const loaded = await executor().load(program, { w: floats([3, 4]) });
    expect(Array.from((await loaded.run({ x: floats([1, 2]) })).y!.data)).toEqual([3, 8]);
  });

  it('updates a tensor in its own memory', async () => {
    const program = record('in-place', { p: floats([1, 2]), g: floats([1, 1]) }, ({ p, g }) => ({
      p2: tf.sub(p!, tf.mul(g!, 0.5)),
    }));
    const loaded = await executor().load(program);
    const p = executor().place(floats([1, 2]));
    await loaded.run({ p, g: floats([1, 1]) }, { p2: p });
    await loaded.run({ p, g: floats([1, 1]) }, { p2: p });
    expect(Array.from(await p.read())).toEqual([0, 1]);
  });

  it('sums rows of a look-up gradient that fall on the same row, the same way each time', async () => {
    // As many as it takes for parallel additions to come out in another order; a GPU imitated by the processor does it slowly.
    const count = executor().engine === 'webgpu' ? 512 : 4096;
    const ids: HostTensor = {
      shape: [count],
      dtype: 'int32',
      data: Int32Array.from({ length: count }, (_, i) => (i * 7) % 11),
    };
    const rows = floats(
      Array.from({ length: count * 64 }, (_, i) => Math.sin(i * 0.37) * 1e3),
      [count, 64],
    );
    const program = record('scatter', { ids, rows }, (t) => ({
      sum: tf.unsortedSegmentSum(t.rows!, t.ids as tf.Tensor1D, 11),
    }));
    const loaded = await executor().load(program);
    const first = (await loaded.run({ ids, rows })).sum!.data;
    const expected = new Float64Array(11 * 64);
    for (let i = 0; i < count; i++)
      for (let j = 0; j < 64; j++) expected[ids.data[i]! * 64 + j]! += rows.data[i * 64 + j]!;
    expectClose('sum', first, expected, 0.5);
    for (let n = 0; n < 20; n++) expect((await loaded.run({ ids, rows })).sum!.data).toEqual(first);
  });
});
