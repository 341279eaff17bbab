import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { linear, type LinearLayout } from '../../src/engine/graph/ops';
import { quantizeProducts } from '../../src/engine/graph/quantize';
import { record } from '../../src/engine/graph/trace-backend';
import { randomStream } from '../../src/engine/random';

let executor: Executor;
beforeAll(async () => {
  executor = await createCpuExecutor({ threads: 1 });
});

const [ROWS, IN, OUT] = [24, 160, 128];

function normal(shape: number[], seed: number, scale = 1): HostTensor {
  const random = randomStream(seed);
  const length = shape.reduce((a, b) => a * b);
  const data = Float32Array.from({ length }, () => (random() + random() + random() - 1.5) * scale);
  return { shape, dtype: 'float32', data };
}

function product(layout: LinearLayout, withBias: boolean) {
  const weight = normal(layout === 'out-in' ? [OUT, IN] : [IN, OUT], 2, 0.1);
  // Outputs of very different sizes: each has a scale of its own. One is 0 altogether.
  for (let i = 0; i < weight.data.length; i++) {
    const output = layout === 'out-in' ? Math.floor(i / IN) : i % OUT;
    weight.data[i]! *= output === 3 ? 0 : 10 ** ((output % 5) - 2);
  }
  const inputs = { x: normal([ROWS, IN], 1), weight, bias: normal([OUT], 3) };
  const program = record('product', inputs, ({ x, weight: w, bias }) => ({
    y: linear(x!, w!, withBias ? bias! : null, layout),
  }));
  return { inputs, weight, program };
}

/** The greatest error of each output, as a share of what is largest in it. */
function errors(exact: HostTensor, rounded: HostTensor): number[] {
  return Array.from({ length: OUT }, (_, output) => {
    const column = ({ data }: HostTensor): number[] =>
      Array.from({ length: ROWS }, (_row, r) => data[r * OUT + output]!);
    const [a, b] = [column(exact), column(rounded)];
    const largest = Math.max(...a.map(Math.abs));
    return largest === 0 ? Math.max(...b.map(Math.abs)) : Math.max(...a.map((v, i) => Math.abs(v - b[i]!))) / largest;
  });
}

describe('products in 8 bits', () => {
  it.each([
    ['out-in', true],
    ['out-in', false],
    ['in-out', true],
    ['in-out', false],
  ] as const)('are close to exact ones in every output: %s, bias %s', async (layout, withBias) => {
    const { inputs, weight, program } = product(layout, withBias);
    const exact = await (await executor.load(program)).run(inputs);
    const quantized = await executor.loadReduced!.int8!(program, { weight });
    const rounded = await quantized.run({ x: inputs.x, bias: inputs.bias });
    const apart = errors(exact.y!, rounded.y!);
    expect(Math.max(...apart)).toBeLessThan(0.03);
    expect(Math.max(...apart)).toBeGreaterThan(1e-5);
  });

  it('take the place of weight products alone', () => {
    const inputs = { x: normal([ROWS, IN], 1), w: normal([IN, OUT], 2), small: normal([OUT, 8], 4) };
    const { graph } = record('mixed', inputs, ({ x, w, small }) => {
      const hidden = tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D);
      return { y: tf.matMul(hidden, small as tf.Tensor2D), gram: tf.matMul(hidden, hidden, true, false) };
    });
    const { w, small } = inputs;
    const lowered = quantizeProducts(graph, { w, small });
    expect(lowered.graph.nodes.map(({ op }) => op).sort()).toEqual(['DynamicQuantizeMatMul', 'Gemm', 'Gemm']);
    expect(Object.keys(lowered.weights)).toEqual(['w.int8', 'w.scale']);
    expect(Object.keys(lowered.graph.inputs)).toEqual(['x', 'small']);
    expect(lowered.graph.outputs).toBe(graph.outputs);
  });
});
