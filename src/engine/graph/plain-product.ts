/** @file onnxruntime's product of transposed operands in operators that every runtime of ONNX has. */

import type { Value } from './graph';
import type { GraphBuilder } from './graph-builder';
import type { LoweringRule } from './lowering';

/** A product of transposed operands as a plain product after transpositions. */
export const plainProduct: LoweringRule = ({ graph, node, inputs: [a, b] }) => {
  const { transA = 0, transB = 0, alpha = 1, ...others } = node.attributes;
  if (Object.values(others).some((value) => value !== 0)) return undefined;
  const left = transA === 1 ? transposed(graph, a!) : a!;
  const right = transB === 1 ? transposed(graph, b!) : b!;
  return graph.elementwise('Mul', graph.node('MatMul', [left, right], node.outputs[0]!), graph.scalar(alpha as number));
};

/** The last two axes exchanged. */
function transposed(graph: GraphBuilder, x: Value): Value {
  const rank = x.shape.length;
  const perm = [...Array<number>(rank - 2).keys(), rank - 1, rank - 2];
  const shape = perm.map((axis) => x.shape[axis]!);
  return graph.node('Transpose', [x], { shape, type: x.type }, { attributes: { perm } });
}
