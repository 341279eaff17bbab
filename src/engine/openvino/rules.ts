/** @file What OpenVINO's CPU kernels compute slowly, written as what they compute fast. */

import type { Node, Value } from '../graph/graph';
import type { GraphBuilder } from '../graph/graph-builder';
import { cast } from '../graph/kernels/elementwise';
import type { LoweringRule, LoweringRules } from '../graph/lowering';
import { indexOfExtreme } from '../graph/index-of-extreme';

/** Columns from which on rows of a right side lie so far apart that they fall on the same sets of the caches. */
const WIDE = 2560;

/** Of a left side. Of fewer, as where a text is continued token by token, cutting the right side takes longer than the product. */
const FEWEST_ROWS = 64;

/** Of a part. Measured: a product with 3,072 columns takes 2.7 times as long as two with 1,536. */
const MOST_COLUMNS = 1536;

/**
 * Into how many parts of equal width a right side [K, columns] is best cut; 1 where it is as fast as it is. Widths that are a power of
 * two are: the kernels know those, and copy the right side first.
 */
export function partsOf(columns: number): number {
  const isPowerOfTwo = Number.isInteger(Math.log2(columns));
  if (columns < WIDE || columns % 256 !== 0 || isPowerOfTwo) return 1;
  let parts = Math.ceil(columns / MOST_COLUMNS);
  while (columns % parts !== 0) parts++;
  return parts;
}

const wideProduct: LoweringRule = ({ graph, node, inputs: [x, w, bias] }) => {
  const isWorthwhile = node.attributes.transB !== 1 && node.outputs[0]!.shape[0]! >= FEWEST_ROWS;
  const parts = isWorthwhile ? partsOf(w!.shape[1]!) : 1;
  if (parts === 1) return undefined;
  return cutProduct(graph, node, [x!, w!, bias], Array<number>(parts).fill(w!.shape[1]! / parts));
};

/**
 * x · [w₁ w₂] + [b₁ b₂] = [x · w₁ + b₁, x · w₂ + b₂]; undefined where another matrix than a bias is added.
 * @param widths of the parts
 */
export function cutProduct(
  graph: GraphBuilder,
  node: Node,
  [x, w, bias]: readonly [Value, Value, Value | undefined],
  widths: readonly number[],
): Value | undefined {
  if (bias && bias.shape.length !== 1) return undefined;
  const cut = (value: Value): Value[] => {
    const axis = value.shape.length - 1;
    const parts = widths.map((width) => ({ shape: value.shape.with(axis, width), type: value.type }));
    return graph.nodeOf('Split', [value, graph.integers(widths)], parts, { attributes: { axis } });
  };
  const biases = bias && cut(bias);
  const [output] = node.outputs;
  const products = cut(w).map((columns, i) => {
    const part = { shape: output!.shape.with(1, widths[i]!), type: output!.type };
    return graph.node('Gemm', [x, columns, ...(biases ? [biases[i]!] : [])], part, node);
  });
  return graph.node('Concat', products, output!, { attributes: { axis: 1 } });
}

/** Rows added to the rows of a table that their indices name: an index for each row, where `ScatterElements` wants one for each of its elements. The same sums in the same order. */
const rowsByIndex: LoweringRule = ({ graph, node, inputs: [into, elements, rows] }) => {
  const indices = elements!.broadcastOf; // [N, 1]
  if (node.attributes.reduction !== 'add' || rows!.shape.length !== 2 || !indices) return undefined;
  return graph.node('ScatterND', [into!, cast(graph, indices, 'int64'), rows!], node.outputs[0]!, {
    attributes: { reduction: 'add' },
  });
};

export const openVinoRules: LoweringRules = {
  ArgMax: [indexOfExtreme('ReduceMax')],
  ArgMin: [indexOfExtreme('ReduceMin')],
  /** Written as it was, but so that the last rule can tell what is only repeated. */
  Expand: [({ graph, node, inputs: [x] }) => graph.expand(x!, node.outputs[0]!.shape)],
  Gemm: [wideProduct],
  ScatterElements: [rowsByIndex],
};
