/**
 * @file A large output that ends in sums into single rows (the gradient of an embedding that is also the head), and these sums as something that is
 * done where the output lies, by whoever has it in host memory: a thousand rows of fifty thousand.
 */

import type { HostArray, TensorSpec } from '../array';
import type { Graph, Value } from './graph';
import { earlyGraph, lateScattersOf } from './late-scatters';

/** Rows that are to be added to an output, by the names of what says them. */
export interface AddedRows {
  readonly output: string;
  /** int32 [N, 1] */
  readonly rowIndices: string;
  /** float32 [N, D] */
  readonly rows: string;
}

/** The graph without the sums, whose outputs have what they are made of beside the others. */
export function withoutAddedRows(graph: Graph): { graph: Graph; added: readonly AddedRows[] } {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map(({ name }) => [name, node] as const)));
  const found = lateScattersOf(graph).flatMap((scatter) => {
    const { node, updates } = scatter;
    const repeated = makers.get(node.inputs[1]!);
    const indices = repeated?.op === 'Expand' ? makers.get(repeated.inputs[0]!)?.outputs[0] : undefined;
    const isOfRows = node.attributes.axis === 0 && node.attributes.reduction === 'add' && updates.shape.length === 2;
    return isOfRows && indices && isColumn(indices) ? [{ scatter, indices }] : [];
  });
  if (found.length === 0) return { graph, added: [] };
  const columns = Object.fromEntries(
    found.map(({ indices }): [string, TensorSpec] => [indices.name, { shape: indices.shape, dtype: 'int32' }]),
  );
  const scatters = found.map(({ scatter }) => scatter);
  return {
    graph: earlyGraph({ ...graph, outputs: { ...graph.outputs, ...columns } }, scatters),
    added: found.map(({ scatter, indices }) => ({
      output: scatter.output,
      rowIndices: indices.name,
      rows: scatter.updates.name,
    })),
  };
}

const isColumn = ({ type, shape }: Value): boolean => type === 'int32' && shape.length === 2 && shape[1] === 1;

/** In the order in which they are given, as the operator adds them. */
export function addRows(into: Float32Array, indices: HostArray, rows: Float32Array): void {
  const width = indices.length === 0 ? 0 : rows.length / indices.length;
  for (let row = 0; row < indices.length; row++) {
    const [start, from] = [indices[row]! * width, row * width];
    for (let i = 0; i < width; i++) into[start + i]! += rows[from + i]!;
  }
}
