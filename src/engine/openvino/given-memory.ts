/**
 * @file Large inputs whose memory is the caller's from the first. For an input of known shape the CPU plugin allocates and clears memory when it
 * compiles, and lets go of it when a tensor is bound: a model's weights would lie in memory twice for that long. For one of unknown shape it
 * allocates none; a Reshape to the shape that it has, which computes nothing, tells the rest of the graph.
 *
 * Weights that are kept as bfloat16 are inputs of that type with a Cast behind them. Where the plugin computes in bfloat16 it sees that the Cast
 * changes nothing and leaves it out, but only of an input of unknown shape: another one it makes part of a kernel that copies the weight.
 */

import { bytesOf } from '../graph/graph-memory';
import { sameShape, type Graph, type Node, type Value } from '../graph/graph';
import { hasProducts } from '../graph/operations';
import type { FreeGraph, ModelValue } from '../graph/free-axes';
import { castNode } from './rounded-state';

/** Smaller inputs are not worth a node. */
const LARGE_BYTES = 2 ** 20;

/** A graph to be compiled, and what its model tells of inputs and outputs. */
export interface ToldGraph {
  graph: Graph;
  told: Pick<FreeGraph, 'inputs' | 'outputs'>;
}

/**
 * Of an element-wise graph, which may write over its inputs, nothing is changed.
 * @param narrow inputs, and outputs of an element-wise graph, whose tensors are kept as bfloat16
 */
export function withGivenMemory(graph: Graph, narrow: ReadonlySet<string>): ToldGraph {
  const values = (of: Graph['inputs']): Record<string, ModelValue> =>
    Object.fromEntries(
      Object.entries(of).map(([name, { shape, dtype }]) => [
        name,
        { shape, type: narrow.has(name) ? ('bfloat16' as const) : dtype },
      ]),
    );
  const told = { inputs: values(graph.inputs), outputs: values(graph.outputs) };
  if (!hasProducts(graph)) return { graph, told };
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  const isLarge = (name: string): boolean => bytesOf(graph.inputs[name]!) >= LARGE_BYTES;
  const given = Object.keys(graph.inputs).filter((name) => read.has(name) && (narrow.has(name) || isLarge(name)));
  const shapes: Graph['constants'][number][] = [];
  const first: Node[] = [];
  const tables = new Set(graph.nodes.flatMap((node) => (isLookup(node) ? node.inputs.slice(0, 1) : [])));
  const others = new Set(graph.nodes.flatMap(({ inputs, ...node }) => (isLookup(node) ? inputs.slice(1) : inputs)));
  for (const name of given) {
    const { shape, dtype } = graph.inputs[name]!;
    const known = shapes.find(({ data }) => sameShape(Array.from(data, Number), shape));
    const value = known?.value ?? { name: `shape ${shapes.length}`, shape: [shape.length], type: 'int64' as const };
    if (!known) shapes.push({ value, data: BigInt64Array.from(shape, BigInt) });
    const isNarrow = narrow.has(name);
    told.inputs[name] = { type: isNarrow ? 'bfloat16' : dtype, shape: shape.map((_, axis) => `${name} ${axis}`) };
    if (isNarrow && tables.has(name)) {
      first.push(reshapeNode([name, value.name], { name: tableName(name), shape, type: 'bfloat16' }));
    }
    if (isNarrow && !others.has(name)) continue;
    const wide = isNarrow ? `${name} wide` : name;
    if (isNarrow) first.push(castNode(name, { name: wide, shape, type: dtype }));
    first.push(reshapeNode([wide, value.name], { name: shapedName(name), shape, type: dtype }));
  }
  const renamed = new Map(given.map((name) => [name, shapedName(name)]));
  const nodes = graph.nodes.flatMap((node) => {
    const inputs = node.inputs.map((name) => renamed.get(name) ?? name);
    const [table, ...places] = node.inputs as [string, ...string[]];
    if (!isLookup(node) || !narrow.has(table)) return [{ ...node, inputs }];
    // Rows are widened after they are looked up, and never the whole table.
    const [output] = node.outputs as [Value];
    const rows: Value = { ...output, name: `${output.name} narrow`, type: 'bfloat16' };
    return [{ ...node, inputs: [tableName(table), ...places], outputs: [rows] }, castNode(rows.name, output)];
  });
  const rounded = withRoundedOutputs(nodes, new Set(Object.keys(graph.outputs).filter((name) => narrow.has(name))));
  return { graph: { ...graph, nodes: [...first, ...rounded], constants: [...graph.constants, ...shapes] }, told };
}

/** Outputs that are kept as bfloat16 are rounded where they are made, and behind that nobody else reads them. */
function withRoundedOutputs(nodes: readonly Node[], outputs: ReadonlySet<string>): Node[] {
  if (outputs.size === 0) return [...nodes];
  const nameOf = (name: string): string => (outputs.has(name) ? `${name} exact` : name);
  return nodes.flatMap((node) => [
    {
      ...node,
      inputs: node.inputs.map(nameOf),
      outputs: node.outputs.map((output) => ({ ...output, name: nameOf(output.name) })),
    },
    ...node.outputs
      .filter(({ name }) => outputs.has(name))
      .map((output) => castNode(nameOf(output.name), { ...output, type: 'bfloat16' })),
  ]);
}

const isLookup = ({ op }: Pick<Node, 'op'>): boolean => op === 'Gather';

const reshapeNode = (inputs: readonly string[], output: Value): Node => ({
  op: 'Reshape',
  domain: '',
  inputs,
  outputs: [output],
  attributes: {},
  floats: [],
});

const tableName = (input: string): string => `${input} table`;
const shapedName = (input: string): string => `${input} shaped`;
