/** @file Rules for matrix products and for the fused pieces of src/engine/graph/ops.ts. */

import type { Value } from '../graph';
import { broadcastShape, type GraphBuilder } from '../graph-builder';
import { reduce } from './reduction';
import { require, type KernelTable } from './table';

/** onnxruntime's own operators. */
const CONTRIB = 'com.microsoft';

function productShape(a: Value, b: Value, transposeA: boolean, transposeB: boolean): number[] {
  const rows = a.shape.at(transposeA ? -1 : -2)!;
  const columns = b.shape.at(transposeB ? -2 : -1)!;
  const inner = [a.shape.at(transposeA ? -2 : -1), b.shape.at(transposeB ? -1 : -2)];
  require(inner[0] === inner[1], () =>
    `a product of [${a.shape.join(',')}] and [${b.shape.join(',')}] sums over ${inner.join(' and ')}`);
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return [...batch, rows, columns];
}

function product(graph: GraphBuilder, a: Value, b: Value, transposeA: boolean, transposeB: boolean): Value {
  const output = { shape: productShape(a, b, transposeA, transposeB), type: a.type };
  const flags = { transA: Number(transposeA), transB: Number(transposeB) };
  if (a.shape.length === 2 && b.shape.length === 2) return graph.node('Gemm', [a, b], output, { attributes: flags });
  if (!transposeA && !transposeB) return graph.node('MatMul', [a, b], output);
  return graph.node('FusedMatMul', [a, b], output, { attributes: flags, domain: CONTRIB });
}

/** x − max, exp of it, and the sum of that, over one axis: the shared part of softmax and its logarithm. */
function exponentials(graph: GraphBuilder, x: Value, axis: number): { shifted: Value; exps: Value; sum: Value } {
  const shifted = graph.elementwise('Sub', x, reduce(graph, 'ReduceMax', x, [axis], true));
  const exps = graph.node('Exp', [shifted], x);
  return { shifted, exps, sum: reduce(graph, 'ReduceSum', exps, [axis], true) };
}

export const matrices: KernelTable = {
  Affine: ({ graph, input, attributes }) => {
    const [x, w, b] = [input('x'), input('w'), input('b')];
    const transposed = attributes.transposed === 1;
    const output = { shape: productShape(x, w, false, transposed), type: x.type };
    return graph.node('Gemm', [x, w, b], output, { attributes: { transB: Number(transposed) } });
  },
  BatchMatMul: ({ graph, input, attributes }) =>
    product(graph, input('a'), input('b'), attributes.transposeA === true, attributes.transposeB === true),
  Gelu: ({ graph, input, attributes }) => {
    const approximate = attributes.approximation === 'tanh' ? 'tanh' : 'none';
    return graph.node('Gelu', [input('x')], input('x'), { attributes: { approximate } });
  },
  LayerNormalization: ({ graph, input, attributes }) => {
    const x = input('x');
    const statistics = { shape: x.shape.with(-1, 1), type: x.type };
    return graph.nodeOf('LayerNormalization', [x, input('gamma'), input('beta')], [x, statistics, statistics], {
      attributes: { axis: -1, epsilon: attributes.epsilon as number },
      floats: ['epsilon'],
    });
  },
  LogSoftmax: ({ graph, input }) => {
    const x = input('logits');
    const { shifted, sum } = exponentials(graph, x, x.shape.length - 1);
    return graph.elementwise('Sub', shifted, graph.node('Log', [sum], sum));
  },
  Softmax: ({ graph, input, attributes }) => {
    const x = input('logits');
    const dim = attributes.dim as number;
    return graph.node('Softmax', [x], x, { attributes: { axis: dim < 0 ? dim + x.shape.length : dim } });
  },
};
