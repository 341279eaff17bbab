/**
 * @file Element-wise graphs that read and write tensors kept as bfloat16 (an optimizer's moments): each is widened where it is read and rounded to
 * the nearest where it is written, and everything between is float32 as it was recorded.
 */

import type { Graph, Node, Value } from '../graph/graph';
import { ONNX_TYPES } from '../graph/kernels/elementwise';

/** @param narrow inputs and outputs whose tensors are kept as bfloat16 */
export function withRoundedState(graph: Graph, narrow: ReadonlySet<string>): Graph {
  const inputs = Object.keys(graph.inputs).filter((name) => narrow.has(name));
  const outputs = Object.keys(graph.outputs).filter((name) => narrow.has(name));
  if (inputs.length + outputs.length === 0) return graph;
  const renamed = new Map([
    ...inputs.map((name) => [name, `${name} wide`] as const),
    ...outputs.map((name) => [name, `${name} exact`] as const),
  ]);
  const nameOf = (name: string): string => renamed.get(name) ?? name;
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(nameOf),
    outputs: node.outputs.map((output) => ({ ...output, name: nameOf(output.name) })),
  }));
  const widened = inputs.map((name) => castNode(name, { ...specOf(graph.inputs[name]!), name: nameOf(name) }));
  const rounded = outputs.map((name) =>
    castNode(nameOf(name), { ...specOf(graph.outputs[name]!), name, type: 'bfloat16' }),
  );
  return { ...graph, nodes: [...widened, ...nodes, ...rounded] };
}

const specOf = ({ shape, dtype }: Graph['inputs'][string]): Omit<Value, 'name'> => ({ shape, type: dtype });

export const castNode = (input: string, output: Value): Node => ({
  op: 'Cast',
  domain: '',
  inputs: [input],
  outputs: [output],
  attributes: { to: ONNX_TYPES[output.type] },
  floats: [],
});
