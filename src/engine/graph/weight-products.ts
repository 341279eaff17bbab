/** @file Products with fixed weights, which a graph may compute in fewer bits than it was recorded in. */

import { sizeOf, type HostTensor } from '../array';
import type { FrozenInputs, Graph, Node, ReducedTensor, ReducedWeights } from './graph';

/** A graph whose products take reduced weights, and these. */
export interface ReducedGraph {
  readonly graph: Graph;
  readonly weights: ReducedWeights;
}

/** A product x · W (+ bias) of a weight matrix, as a Gemm without transposition of x. */
export interface WeightProduct {
  readonly node: Node;
  readonly weight: HostTensor;
}

/** Smaller matrices, such as a classifier's, gain nothing and lose most. */
export const SMALLEST_WEIGHT = 2 ** 12;

/** The graph with what `reduce` makes of every product of a weight matrix in `weights`: nodes, and the weights that they take. */
export function reduceProducts(
  graph: Graph,
  weights: FrozenInputs,
  reduce: (product: WeightProduct) => { nodes: readonly Node[]; weights: ReducedWeights },
): ReducedGraph {
  const reduced: Record<string, HostTensor | ReducedTensor> = {};
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    const weight = weightOf(node, graph, weights);
    if (!weight) return [node];
    const made = reduce({ node, weight });
    Object.assign(reduced, made.weights);
    return made.nodes;
  });
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const inputs = Object.fromEntries(Object.entries(graph.inputs).filter(([name]) => used.has(name)));
  return { graph: { ...graph, inputs, nodes }, weights: reduced };
}

function weightOf({ op, inputs, attributes }: Node, graph: Graph, weights: FrozenInputs): HostTensor | undefined {
  const [, name, bias] = inputs;
  const weight = weights[name!];
  if (op !== 'Gemm' || attributes.transA === 1 || weight?.shape.length !== 2) return undefined;
  const hasPlainBias = bias === undefined || graph.inputs[bias]?.shape.length === 1;
  return hasPlainBias && sizeOf(weight.shape) >= SMALLEST_WEIGHT ? weight : undefined;
}
