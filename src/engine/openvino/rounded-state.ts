/**
 * @file Element-wise graphs that read and write tensors kept as bfloat16 (an optimizer's moments): each is widened where it is read and rounded to
 * the nearest where it is written, and everything between is float32 as it was recorded.
 */

import type { Constant, Graph, Node, Value } from '../graph/graph';
import { ONNX_TYPES } from '../graph/kernels/elementwise';
import { processorFeatures } from './cache';

/** @param narrow inputs and outputs whose tensors are kept as bfloat16 */
export function withRoundedState(graph: Graph, narrow: ReadonlySet<string>): Graph {
  const inputs = Object.keys(graph.inputs).filter((name) => narrow.has(name));
  const outputs = Object.keys(graph.outputs).filter((name) => narrow.has(name));
  if (inputs.length + outputs.length === 0) return graph;
  const renamed = new Map([
    ...inputs.map((name) => [name, `${name} wide`] as const),
    ...outputs.map((name) => [name, exactName(name)] as const),
  ]);
  const nameOf = (name: string): string => renamed.get(name) ?? name;
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map(nameOf),
    outputs: node.outputs.map((output) => ({ ...output, name: nameOf(output.name) })),
  }));
  const widened = inputs.map((name) => castNode(name, { ...specOf(graph.inputs[name]!), name: nameOf(name) }));
  const castsRound = castsToNearest();
  const rounded = outputs.flatMap((name) => {
    const spec = specOf(graph.outputs[name]!);
    if (castsRound) return [castNode(nameOf(name), { ...spec, name, type: 'bfloat16' })];
    const nearest = { ...spec, name: `${name} nearest` };
    return [...nearestNodes(nameOf(name), nearest), castNode(nearest.name, { ...spec, name, type: 'bfloat16' })];
  });
  const constants = castsRound || outputs.length === 0 ? graph.constants : [...graph.constants, splitter];
  return { ...graph, constants, nodes: [...widened, ...nodes, ...rounded] };
}

/** Whether the plugin's conversion rounds: with AVX-512 it does; with AVX2 it cuts the lower bits off. Elsewhere it is not known. */
function castsToNearest(): boolean {
  const features = processorFeatures().split(' ');
  return ['avx512bw', 'avx512dq', 'avx512vl'].every((feature) => features.includes(feature));
}

/** The float32 value of which the output of that name is the rounded one. */
export const exactName = (output: string): string => `${output} exact`;

/** 2¹⁶ + 1: float32 has 24 significant bits, bfloat16 8. */
const splitter: Constant = {
  value: { name: 'splitter', shape: [], type: 'float32' },
  data: Float32Array.of(2 ** 16 + 1),
};

/**
 * The nearest number that bfloat16 can hold, by arithmetic alone: c − (c − x) with c = (2¹⁶ + 1) · x (Dekker 1971, Veltkamp's splitting). A moment whose
 * lower bits are cut off would always end a little nearer to 0 than it should.
 */
function nearestNodes(x: string, nearest: Value): Node[] {
  const [scaled, rest] = ['scaled', 'rest'].map((part) => ({ ...nearest, name: `${nearest.name} ${part}` }));
  return [
    plainNode('Mul', [x, splitter.value.name], scaled!),
    plainNode('Sub', [scaled!.name, x], rest!),
    plainNode('Sub', [scaled!.name, rest!.name], nearest),
  ];
}

const plainNode = (
  op: string,
  inputs: readonly string[],
  output: Value,
  attributes: Node['attributes'] = {},
): Node => ({
  op,
  domain: '',
  inputs,
  outputs: [output],
  attributes,
  floats: [],
});

const specOf = ({ shape, dtype }: Graph['inputs'][string]): Omit<Value, 'name'> => ({ shape, type: dtype });

export const castNode = (input: string, output: Value): Node =>
  plainNode('Cast', [input], output, { to: ONNX_TYPES[output.type] });
