import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import type { Program } from '../../src/engine/graph/program';
import { lower } from '../../src/engine/graph/lowering';
import { gelu, linear } from '../../src/engine/graph/ops';
import { record } from '../../src/engine/graph/trace-backend';
import { findLibrary } from '../../src/engine/libraries';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { avx2Rules, concernsAvx2, isForAvx2 } from '../../src/engine/openvino/avx2-rules';
import { formOf, readsRightSides, widthsOf } from '../../src/engine/openvino/copied-right-sides';
import { OpenVinoLibrary } from '../../src/engine/openvino/library';
import { loadOpenVino } from '../../src/engine/openvino/loading';
import { createOpenVinoExecutor } from '../../src/engine/openvino/openvino';
import { productKernel } from '../../src/engine/openvino/product-kernel';
import { OpenVinoProgram } from '../../src/engine/openvino/program';

const missing = findLibrary('openvino') === undefined;

const values = (shape: number[], seed: number): HostTensor => ({
  shape,
  dtype: 'float32',
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(seed + i * 0.7)),
});

/** Of GPT-2's kind, of which each form has one: a layer, a narrow one behind a long sum, and the gradient of a layer's weights. */
const cases: Record<string, { program: Program; inputs: Record<string, HostTensor> }> = {
  cut: layer(128, 80, 576),
  swapped: layer(128, 2400, 576),
  transposed: (() => {
    const inputs = { x: values([96, 544], 1), dy: values([96, 640], 2), before: values([544, 640], 3) };
    const program = record('gradient', inputs, ({ x, dy, before }) => ({
      y: tf.add(before!, tf.matMul(x as tf.Tensor2D, dy as tf.Tensor2D, true)),
    }));
    return { program, inputs };
  })(),
};

function layer(rows: number, inner: number, columns: number) {
  const inputs = { x: values([rows, inner], 1), w: values([inner, columns], 2), b: values([columns], 3) };
  const program = record('layer', inputs, ({ x, w, b }) => ({ y: linear(x!, w!, b!, 'in-out') }));
  return { program, inputs };
}

/** Largest difference, as a share of the largest number. */
function difference(a: HostTensor, b: HostTensor): number {
  const [expected, given] = [a, b].map(({ data }) => Array.from(data)) as [number[], number[]];
  const largest = (numbers: readonly number[]): number => numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return largest(expected.map((x, i) => x - given[i]!)) / largest(expected);
}

describe('right sides that the kernel copies', () => {
  it.each([
    [768, [512, 256]],
    [2304, [2048, 256]],
    [3072, [2048, 1024]],
    [1000, [512, 488]],
    [576, [512, 64]],
  ])('of %i columns are cut into %j', (columns, widths) => {
    expect(widthsOf(columns)).toEqual(widths);
  });

  it.each([
    ['as it is where it is narrow', {}, [512, 768, 384], undefined],
    ['as it is where it is copied anyway', {}, [512, 768, 1024], undefined],
    ['as it is where it is given transposed', { transB: 1 }, [512, 768, 768], undefined],
    ['as it is for few rows', {}, [64, 768, 768], undefined],
    ['cut for a layer', {}, [512, 768, 2304], 'cut'],
    ['no right side any more where it is long', {}, [508, 50257, 768], 'swapped'],
    ['transposed for a gradient of weights', { transA: 1 }, [50257, 508, 768], 'transposed'],
    ['as it is for a small gradient of weights', { transA: 1 }, [256, 1024, 768], undefined],
  ] as const)('is %s', (_, attributes, sizes, form) => {
    expect(formOf(attributes, sizes)).toBe(form);
  });

  it.each(Object.keys(cases))('%s, give what they gave', async (name) => {
    const { program, inputs } = cases[name]!;
    expect(readsRightSides(program.graph)).toBe(true);
    const lowered = { ...program, graph: lower(program.graph, avx2Rules) };
    expect(readsRightSides(lowered.graph)).toBe(false);
    const cpu = await createCpuExecutor();
    const [before, after] = await Promise.all(
      [program, lowered].map(async (each) => (await cpu.load(each)).run(inputs)),
    );
    expect(difference(before!.y!, after!.y!)).toBeLessThan(4e-6);
  });

  describe.skipIf(missing)('on OpenVINO', () => {
    let kernel: string;
    beforeAll(async () => {
      kernel = await productKernel(loadOpenVino());
    });

    it('are asked for where the plugin says that its kernel is one for AVX2', () => {
      expect(kernel).toMatch(/\w+_f32$/);
      expect([...['brgemm_avx2_f32', 'brgemm_avx512_f32', 'jit_gemm_f32', 'gemm_mlas_f32'].filter(isForAvx2)]).toEqual([
        'brgemm_avx2_f32',
      ]);
    });

    it('which is asked once in a process', async () => {
      const compile = vi.spyOn(OpenVinoLibrary.prototype, 'compile');
      const { program } = cases.cut!;
      for (let executors = 1; executors <= 2; executors++) {
        await (await createOpenVinoExecutor({ cache: null }).load(program)).release();
        expect(compile).toHaveBeenCalledTimes(executors);
      }
      compile.mockRestore();
    });

    it.each(Object.keys(cases))('%s, are computed by the kernels that the form asks for', async (name) => {
      const { program, inputs } = cases[name]!;
      const executor = createOpenVinoExecutor({ cache: null, properties: { PERF_COUNT: 'YES' } });
      const loaded = await executor.load(program);
      if (!(loaded instanceof OpenVinoProgram)) throw new Error('not one compiled graph');
      const operators: string[] = [];
      loaded.onRun = (kernels) => operators.push(...kernels.map(({ operator }) => operator));
      const { y } = await loaded.run(inputs);
      const cpu = await createCpuExecutor();
      const expected = await (await cpu.load(program)).run(inputs);
      expect(difference(expected.y!, y!)).toBeLessThan(4e-6);
      const products = operators.filter((operator) => operator === 'MatMul').length;
      expect(products).toBe(isForAvx2(kernel) && name === 'cut' ? 2 : 1);
      // The plugin would make a plain transposition a part of the product, which is then what it was.
      const isTransposed = isForAvx2(kernel) && name !== 'cut';
      expect(operators.filter((operator) => operator === 'Transpose')).toHaveLength(isTransposed ? 1 : 0);
      await loaded.release();
    });
  });
});

describe('GELU by its tanh approximation', () => {
  // Beyond 1e13 x³ is no number any more.
  const x = values([4, 64], 1);
  const numbers = Float32Array.from(x.data, (value, i) => value * 10 ** ((i % 32) - 10));
  const inputs = { x: { ...x, data: numbers } };
  const program = record('gelu', inputs, (t) => ({ y: gelu(t.x!, 'tanh') }));
  const exact = Float64Array.from(numbers, (v) => {
    const u = Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3);
    return v / (1 + Math.exp(-2 * u));
  });
  const expectExact = ({ data }: HostTensor): void =>
    exact.forEach((value, i) => {
      expect(Math.abs(Number(data[i]) - value)).toBeLessThanOrEqual(1e-6 * Math.max(Math.abs(value), 0.1));
    });

  it('has no tanh, and is what it was', async () => {
    expect(concernsAvx2(program.graph)).toBe(true);
    const graph = lower(program.graph, avx2Rules);
    expect(graph.nodes.map(({ op }) => op)).not.toContain('Gelu');
    const cpu = await createCpuExecutor();
    expectExact((await (await cpu.load({ ...program, graph })).run(inputs)).y!);
  });

  it('by erf stays as it is', () => {
    const { graph } = record('gelu', inputs, (t) => ({ y: gelu(t.x!, 'erf') }));
    expect(concernsAvx2(graph)).toBe(false);
    expect(lower(graph, avx2Rules).nodes.map(({ op }) => op)).toEqual(['Gelu']);
  });

  it.skipIf(missing)('is exact on OpenVINO', async () => {
    const executor = createOpenVinoExecutor({ cache: null });
    const loaded = await executor.load(program);
    expectExact((await loaded.run(inputs)).y!);
    await loaded.release();
  });
});
