import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { lower } from '../../src/engine/graph/lowering';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { openVinoRules, partsOf } from '../../src/engine/openvino/rules';
import { linear } from '../../src/engine/graph/ops';
import { record } from '../../src/engine/graph/trace-backend';

describe('wide products', () => {
  it.each([
    [768, 1],
    [2304, 1],
    [3072, 2],
    [3840, 3],
    [4096, 1],
    [5120, 4],
    [50257, 1],
  ])('with %i columns are cut in %i', (columns, parts) => {
    expect(partsOf(columns)).toBe(parts);
  });

  it('of few rows stay whole', () => {
    const spec = (shape: number[]) => ({ shape, dtype: 'float32' as const });
    const inputs = { x: spec([8, 16]), w: spec([16, 3072]), b: spec([3072]) };
    const { graph } = record('few rows', inputs, ({ x, w, b }) => ({ y: linear(x!, w!, b!, 'in-out') }));
    expect(lower(graph, openVinoRules).nodes.map(({ op }) => op)).toEqual(['Gemm']);
  });

  it('give what they gave, bias and transposed left side included', async () => {
    const values = (shape: number[], seed: number) => ({
      shape,
      dtype: 'float32' as const,
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(seed + i * 0.3)),
    });
    const inputs = { x: values([64, 8], 1), w: values([8, 3072], 2), b: values([3072], 3), y: values([8, 64], 4) };
    const program = record('wide', inputs, ({ x, w, b, y }) => ({
      affine: linear(x!, w!, b!, 'in-out'),
      transposed: tf.matMul(y as tf.Tensor2D, w as tf.Tensor2D, true),
    }));
    const lowered = { ...program, graph: lower(program.graph, openVinoRules) };
    expect(lowered.graph.nodes.filter(({ op }) => op === 'Gemm')).toHaveLength(4);
    const cpu = await createCpuExecutor();
    const [before, after] = await Promise.all(
      [program, lowered].map(async (each) => (await cpu.load(each)).run(inputs)),
    );
    for (const name of ['affine', 'transposed']) {
      const [plain, parts] = [before![name]!.data, after![name]!.data];
      expect(parts.length).toBe(plain.length);
      // `not <` rather than `>=`, so that a NaN is a difference.
      expect(
        plain.findIndex((value, i) => !(Math.abs(value - parts[i]!) < 1e-5)),
        name,
      ).toBe(-1);
    }
  });
});

describe("a look-up's gradient", () => {
  const ids = { shape: [6], dtype: 'int32' as const };
  const rows = { shape: [6, 3], dtype: 'float32' as const };
  const inputs = { ids, rows };
  const program = record('sums', inputs, (t) => ({
    sums: tf.unsortedSegmentSum(t.rows!, t.ids as tf.Tensor1D, 5),
  }));

  it('is told one place for each row', () => {
    const { nodes } = lower(program.graph, openVinoRules);
    const scatter = nodes.find(({ op }) => op === 'ScatterND');
    expect(scatter?.attributes).toEqual({ reduction: 'add' });
    expect(nodes.filter(({ outputs }) => outputs[0]!.type === 'int64').map(({ outputs }) => outputs[0]!.shape)).toEqual(
      [[6, 1]],
    );
  });

  it('is the same, rows of one target added up', async () => {
    const given = {
      ids: { ...ids, data: Int32Array.of(4, 0, 4, 4, 2, 0) },
      rows: { ...rows, data: Float32Array.from({ length: 18 }, (_, i) => Math.sin(i)) },
    };
    const cpu = await createCpuExecutor();
    const lowered = { ...program, graph: lower(program.graph, openVinoRules) };
    const [before, after] = await Promise.all(
      [program, lowered].map(async (each) => (await cpu.load(each)).run(given)),
    );
    expect(after!.sums!.data).toEqual(before!.sums!.data);
  });
});

describe('the place of an extreme', () => {
  const x = {
    shape: [3, 5],
    dtype: 'float32' as const,
    // Ties, in which the first counts, and the last place.
    data: Float32Array.of(1, 4, 4, -2, 0, -3, -3, -3, -3, -3, 0, 1, 2, 3, 9),
  };
  const program = record('places', { x }, (t) => ({
    largest: tf.argMax(t.x!, 1),
    smallest: tf.argMin(t.x!, 1),
    ofColumns: tf.argMax(t.x!, 0),
  }));

  it('is what it was, without the operators that sort', async () => {
    const lowered = { ...program, graph: lower(program.graph, openVinoRules) };
    expect(lowered.graph.nodes.filter(({ op }) => op.startsWith('Arg'))).toEqual([]);
    const cpu = await createCpuExecutor();
    for (const each of [program, lowered]) {
      const { largest, smallest, ofColumns } = await (await cpu.load(each)).run({ x });
      expect(Array.from(largest!.data)).toEqual([1, 0, 4]);
      expect(Array.from(smallest!.data)).toEqual([3, 0, 0]);
      expect(Array.from(ofColumns!.data)).toEqual([0, 0, 0, 2, 2]);
    }
  });
});
