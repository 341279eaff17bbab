/**
 * @file Large inputs whose memory is the caller's from the first. For an input of known shape the CPU plugin allocates and clears memory when it
 * compiles, and lets go of it when a tensor is bound: a model's weights would lie in memory twice for that long. For one of unknown shape it
 * allocates none; a Reshape to the shape that it has, which computes nothing, tells the rest of the graph.
 */

import { bytesOf } from '../graph/graph-memory';
import { sameShape, type Graph, type Node } from '../graph/graph';
import { hasProducts } from '../graph/operations';
import type { FreeGraph, ModelValue } from '../graph/free-axes';

/** Smaller inputs are not worth a node. */
const LARGE_BYTES = 2 ** 20;

/** A graph to be compiled, and what its model tells of inputs and outputs. */
export interface ToldGraph {
  graph: Graph;
  told: Pick<FreeGraph, 'inputs' | 'outputs'>;
}

/** Of an element-wise graph, which may write over its inputs, nothing is changed. */
export function withGivenMemory(graph: Graph): ToldGraph {
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  const isGiven = (name: string): boolean => read.has(name) && bytesOf(graph.inputs[name]!) >= LARGE_BYTES;
  const given = new Set(hasProducts(graph) ? Object.keys(graph.inputs).filter(isGiven) : []);
  const values = (of: Graph['inputs']): Record<string, ModelValue> =>
    Object.fromEntries(Object.entries(of).map(([name, { shape, dtype }]) => [name, { shape, type: dtype }]));
  const told = { inputs: values(graph.inputs), outputs: values(graph.outputs) };
  const shapes: Graph['constants'][number][] = [];
  const reshapes = [...given].map((name): Node => {
    const { shape, dtype } = graph.inputs[name]!;
    told.inputs[name] = { type: dtype, shape: shape.map((_, axis) => `${name} ${axis}`) };
    const known = shapes.find(({ data }) => sameShape(Array.from(data, Number), shape));
    const value = known?.value ?? { name: `shape ${shapes.length}`, shape: [shape.length], type: 'int64' as const };
    if (!known) shapes.push({ value, data: BigInt64Array.from(shape, BigInt) });
    return {
      op: 'Reshape',
      domain: '',
      inputs: [name, value.name],
      outputs: [{ name: shapedName(name), shape, type: dtype }],
      attributes: {},
      floats: [],
    };
  });
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => (given.has(name) ? shapedName(name) : name)),
  }));
  return {
    graph: { ...graph, nodes: [...reshapes, ...nodes], constants: [...graph.constants, ...shapes] },
    told,
  };
}

const shapedName = (input: string): string => `${input} shaped`;
