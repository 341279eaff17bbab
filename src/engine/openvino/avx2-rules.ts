/** @file What OpenVINO's kernels for AVX2 compute slowly and those for AVX-512 do not, written as what they compute fast. docs/decisions/0098 has the figures. */

import type { Graph, Node } from '../graph/graph';
import type { LoweringRule, LoweringRules } from '../graph/lowering';
import { copiedRightSide, readsRightSides } from './copied-right-sides';
import { openVinoRules } from './rules';

const SCALE = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

/** Its tanh looks up coefficients for each number, which takes four times as long as the rest of the function with an exponential. */
const isByTanh = ({ op, attributes }: Pick<Node, 'op' | 'attributes'>): boolean =>
  op === 'Gelu' && attributes.approximate === 'tanh';

/** ½ x (1 + tanh u) = x · σ(2u), with u = √(2/π) (x + 0.044715 x³). */
const geluBySigmoid: LoweringRule = ({ graph, node, inputs: [x] }) => {
  if (!isByTanh(node)) return undefined;
  const scaled = graph.elementwise('Mul', graph.elementwise('Mul', x!, x!), graph.scalar(SCALE * CUBIC));
  const exponent = graph.elementwise('Mul', x!, graph.elementwise('Add', scaled, graph.scalar(SCALE)));
  return graph.elementwise('Mul', x!, graph.node('Sigmoid', [exponent], x!));
};

export const avx2Rules: LoweringRules = {
  ...openVinoRules,
  Gelu: [geluBySigmoid],
  Gemm: [copiedRightSide, ...openVinoRules.Gemm!],
};

/** Whether these rules make another graph than `openVinoRules`. */
export const concernsAvx2 = (graph: Graph): boolean => graph.nodes.some(isByTanh) || readsRightSides(graph);

/** @param kernel by the plugin's word for it (product-kernel.ts) */
export const isForAvx2 = (kernel: string): boolean => kernel.startsWith('brgemm_avx2');
