/** @file A graph's matrix products: whether it has any, and how many floating-point operations they take. */

import { sizeOf } from '../array';
import { valuesOf, type Graph, type Node } from './graph';

const PRODUCT = /^(Gemm|MatMul|FusedMatMul)$/;

export const isProduct = ({ op }: Pick<Node, 'op'>): boolean => PRODUCT.test(op);

export const hasProducts = ({ nodes }: Graph): boolean => nodes.some(isProduct);

/** Of all products of a graph: 2 · m · n · k each. */
export function operationsOf(graph: Graph): number {
  const values = valuesOf(graph);
  return graph.nodes.filter(isProduct).reduce((sum, { inputs, outputs, attributes }) => {
    const left = values.get(inputs[0]!)!.shape;
    const inner = left.at(attributes.transA === 1 ? -2 : -1)!;
    return sum + 2 * inner * sizeOf(outputs[0]!.shape);
  }, 0);
}
