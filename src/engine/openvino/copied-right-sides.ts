/**
 * @file Products for processors with AVX2 and without AVX-512 (avx2-rules.ts). There oneDNN's kernel (`brgemm_avx2_f32`) reads a right side [K, N] where it lies, rows N
 * numbers apart, and comes to half of what it does with one that it first copies, panel by panel, to where rows lie side by side. It copies what
 * is given transposed, [N, K], and widths that are a power of two above 256 (`use_buffer_b` in oneDNN's brgemm_matmul_utils.cpp). So products are
 * written here as such of these. docs/decisions/0098 says what each form takes.
 */

import { valuesOf, type Graph, type Node, type Value } from '../graph/graph';
import type { GraphBuilder } from '../graph/graph-builder';
import type { LoweringRule } from '../graph/lowering';
import { cutProduct } from './rules';

/** Columns from which on a right side is slow where it lies, and the least power of two that is copied. */
const WIDE = 512;

/** Of a product: with fewer, the copies take what they bring. */
const FEWEST_ROWS = 128;
const FEWEST_SUMMED = 64;

/** Of a product whose left side is transposed, which has a copy of its own. */
const FEWEST_TRANSPOSED_ROWS = 512;

/** How many times as long as wide a right side is that is not worth being copied at all. */
const LONG = 4;

/** Of a matrix that is transposed: rows and columns that fit the first cache together. */
const TILE = 32;

const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n));

/** Widths of which a right side's columns are made up: powers of two, the largest first, and a narrow rest. */
export function widthsOf(columns: number): number[] {
  const widths: number[] = [];
  let rest = columns;
  while (rest >= WIDE) {
    const width = 2 ** Math.floor(Math.log2(rest));
    widths.push(width);
    rest -= width;
  }
  return rest > 0 ? [...widths, rest] : widths;
}

/** How a product is written so that its right side is copied: given transposed, as the left side of the transposed product, or cut. */
type Form = 'transposed' | 'swapped' | 'cut';

/**
 * Undefined where it is as fast as it is.
 * @param rows, columns of the result
 * @param inner over which a product sums
 */
export function formOf(
  { transA, transB }: Node['attributes'],
  [rows, inner, columns]: readonly [rows: number, inner: number, columns: number],
): Form | undefined {
  if (transB === 1 || columns < WIDE || isPowerOfTwo(columns) || inner < FEWEST_SUMMED) return undefined;
  // A gradient of weights: its right side, a gradient of hidden states, is smaller than what is written.
  if (transA === 1) return rows < FEWEST_TRANSPOSED_ROWS ? undefined : 'transposed';
  if (rows < FEWEST_ROWS) return undefined;
  return inner >= LONG * columns ? 'swapped' : 'cut';
}

export const copiedRightSide: LoweringRule = ({ graph, node, inputs: [x, w, start] }) => {
  const [inner, columns] = w!.shape as [number, number];
  const [output] = node.outputs as [Value];
  const [rows] = output.shape as [number];
  const bothTransposed = { attributes: { transA: 1, transB: 1 } };
  switch (formOf(node.attributes, [rows, inner, columns])) {
    case 'transposed':
      return graph.node('Gemm', [x!, transposed(graph, w!), ...(start ? [start] : [])], output, bothTransposed);
    case 'swapped': {
      // (wᵀ · xᵀ)ᵀ: of a left side the kernel copies a panel at a time, and the result is small.
      const product = graph.node('Gemm', [w!, x!], { ...output, shape: [columns, rows] }, bothTransposed);
      const result = transposed(graph, product);
      return start ? graph.elementwise('Add', result, start) : result;
    }
    case 'cut':
      return cutProduct(graph, node, [x!, w!, start], widthsOf(columns));
    case undefined:
      return undefined;
  }
};

/** Whether some product of a graph is written in another form. */
export function readsRightSides(graph: Graph): boolean {
  const values = valuesOf(graph);
  return graph.nodes.some(({ op, inputs, outputs, attributes }) => {
    if (op !== 'Gemm') return false;
    const [inner, columns] = values.get(inputs[1]!)!.shape as [number, number];
    return formOf(attributes, [outputs[0]!.shape[0]!, inner, columns]) !== undefined;
  });
}

/**
 * [R, C] → [C, R], tile by tile, which goes over its rows in pieces that stay in the caches. The plugin, which makes a transposition that a product
 * reads a part of the product, does not know this one.
 */
function transposed(graph: GraphBuilder, x: Value): Value {
  const [rows, columns] = x.shape as [number, number];
  const [high, wide] = [rows, columns].map((size) => (size % TILE === 0 ? TILE : 1)) as [number, number];
  const reshaped = (value: Value, shape: readonly number[]): Value =>
    graph.node('Reshape', [value, graph.integers(shape)], { shape, type: x.type });
  const tiles = reshaped(x, [rows / high, high, columns / wide, wide]);
  const output = { shape: [columns / wide, wide, rows / high, high], type: x.type };
  const turned = graph.node('Transpose', [tiles], output, { attributes: { perm: [2, 3, 0, 1] } });
  return reshaped(turned, [columns, rows]);
}
