/** @file How many floating-point operations a graph's matrix products take, and how many a second the machine can do at best. */

import { sizeOf } from '../src/engine/array';
import type { Executor } from '../src/engine/executor';
import type { Graph } from '../src/engine/graph/graph';
import { timeProduct } from '../src/engine/openvino/probe';

/** Of all products of a graph: 2 · m · n · k each. */
export function operationsOf(graph: Graph): number {
  const shapes = new Map(Object.entries(graph.inputs).map(([name, { shape }]) => [name, shape]));
  for (const { value } of graph.constants) shapes.set(value.name, value.shape);
  for (const { outputs } of graph.nodes) for (const { name, shape } of outputs) shapes.set(name, shape);
  return graph.nodes
    .filter(({ op }) => /^(Gemm|MatMul|FusedMatMul)$/.test(op))
    .reduce((sum, { inputs, outputs, attributes }) => {
      const left = shapes.get(inputs[0]!)!;
      const inner = left.at(attributes.transA === 1 ? -2 : -1)!;
      return sum + 2 * inner * sizeOf(outputs[0]!.shape);
    }, 0);
}

/** Rows, columns and inner size of a product large enough to show a library's best. */
const SIZE = 2048;

/** Operations a second of one large product. */
export async function productRate(executor: Executor): Promise<number> {
  return (2 * SIZE ** 3) / ((await timeProduct(executor, [SIZE, SIZE, SIZE])) / 1000);
}
