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

describe('the place of a largest element', () => {
  const rows = { shape: [3, 5], dtype: 'float32' as const };
  const program = record('places', { rows }, ({ rows: x }) => ({
    largest: tf.argMax(x!, 1),
    least: tf.argMin(x!, 1),
    ofColumns: tf.argMax(x!, 0),
  }));

  it('is found without sorting', () => {
    const ops = lower(program.graph, openVinoRules).nodes.map(({ op }) => op);
    expect(ops).not.toContain('ArgMax');
    expect(ops).not.toContain('ArgMin');
    expect(ops).toContain('ReduceMin');
  });

  it('is that of the first of equal ones', async () => {
    const data = Float32Array.of(1, 7, 7, -2, -2, 3, 3, 3, 3, 3, -9, -8, -7, -6, -5);
    const cpu = await createCpuExecutor();
    const lowered = { ...program, graph: lower(program.graph, openVinoRules) };
    const outputs = await (await cpu.load(lowered)).run({ rows: { ...rows, data } });
    expect(Array.from(outputs.largest!.data)).toEqual([1, 0, 4]);
    expect(Array.from(outputs.least!.data)).toEqual([3, 0, 0]);
    expect(Array.from(outputs.ofColumns!.data)).toEqual([1, 0, 0, 1, 1]);
  });
});
