/** @file The gradient of a look-up on GPUs, so that it is the same to the last bit in every run. */

import type { Value } from './graph';
import type { GraphBuilder } from './graph-builder';
import { cast } from './kernels/elementwise';
import type { LoweringRule, LoweringRules } from './lowering';

/** Of the tables of equal indices that exist at once. */
const TABLE_BYTES = 64 * 2 ** 20;

/**
 * Rows added to the rows of a table that their indices name, the gradient of a look-up. GPUs' own kernels add with atomic
 * operations, in an order that changes from run to run. Here each row first becomes the sum of all rows with its target, in a
 * product with the table of which indices are equal, and of what the row held before; what is then stored at one target is the
 * same number every time, whichever row comes last.
 */
const sumOfRows: LoweringRule = ({ graph, node, inputs: [into, places, rows] }) => {
  const indices = places!.broadcastOf; // [N, 1]
  const [count, width] = rows!.shape as [number, number];
  if (node.attributes.reduction !== 'add' || rows!.shape.length !== 2 || !indices) return undefined;
  const row = graph.node('Reshape', [indices, graph.integers([1, count])], { shape: [1, count], type: 'int32' });
  const chunk = Math.max(1, Math.floor(TABLE_BYTES / 4 / count));
  const sums = Array.from({ length: Math.ceil(count / chunk) }, (_, i) => {
    const [start, end] = [i * chunk, Math.min(count, (i + 1) * chunk)];
    const column = end - start === count ? indices : takeRange(graph, indices, 0, start, end); // [chunk, 1]
    const equal = cast(graph, graph.elementwise('Equal', column, row, 'bool'), 'float32'); // [chunk, N]
    return graph.node('MatMul', [equal, rows!], { shape: [end - start, width], type: 'float32' });
  });
  const summed = sums.length === 1 ? sums[0]! : graph.node('Concat', sums, rows!, { attributes: { axis: 0 } });
  const stored = into!.splat === 0 ? summed : graph.elementwise('Add', heldBefore(graph, into!, indices), summed);
  return graph.node('ScatterElements', [into!, places!, stored], node.outputs[0]!, {
    attributes: { ...node.attributes, reduction: 'none' },
  });
};

/** Rows of a table. [V, D] and indices [N, 1] → [N, D] */
function heldBefore(graph: GraphBuilder, table: Value, indices: Value): Value {
  const count = indices.shape[0]!;
  const ids = graph.node('Reshape', [indices, graph.integers([count])], { shape: [count], type: 'int32' });
  const output = { shape: [count, table.shape[1]!], type: table.type };
  return graph.node('Gather', [table, ids], output, { attributes: { axis: 0 } });
}

/** Elements start, start + step, … before end along an axis. */
export function takeRange(graph: GraphBuilder, x: Value, axis: number, start: number, end: number, step = 1): Value {
  const count = Math.ceil((end - start) / step);
  const places = graph.constant(
    Int32Array.from({ length: count }, (_, i) => start + i * step),
    [count],
    'int32',
  );
  const output = { shape: x.shape.with(axis, count), type: x.type };
  return graph.node('Gather', [x, places], output, { attributes: { axis } });
}

export const repeatableSums: LoweringRules = {
  /** Written as it was, but so that the other rule can tell what is only repeated. */
  Expand: [({ graph, node, inputs: [x] }) => graph.expand(x!, node.outputs[0]!.shape)],
  ScatterElements: [sumOfRows],
};
