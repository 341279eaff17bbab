/**
 * @file A large output that ends in sums into single rows (the gradient of an embedding that is also the head) as two graphs, of
 * which the second adds the rows where the output lies. In one graph the rest of the output is held beside it.
 */

import { sizeOf, type TensorSpec } from '../array';
import type { DeviceTensor, GraphInput, LoadedProgram } from '../executor';
import type { FrozenInputs, Graph, Node, Value } from './graph';
import { withoutUnused } from './graph-passes';

/** Elements of an output from which on it is worth a second graph: 16 MiB of float32. */
const LARGE_ELEMENTS = 2 ** 22;

export interface LateScatter {
  readonly node: Node;
  /** What is added to. */
  readonly base: Value;
  /** What is added. */
  readonly updates: Value;
  /** The name under which the caller knows the result. */
  readonly output: string;
}

interface Separated {
  readonly early: Graph;
  readonly late: Graph;
  readonly scatters: readonly LateScatter[];
}

/** The graphs that are run for a graph, one after the other. */
export function partsOf(graph: Graph): readonly Graph[] {
  const separated = separate(graph);
  return separated ? [separated.early, separated.late] : [graph];
}

/** Loads a graph's parts as one program. */
export async function loadParts(
  graph: Graph,
  frozen: FrozenInputs,
  load: (graph: Graph, frozen: FrozenInputs) => Promise<LoadedProgram>,
): Promise<LoadedProgram> {
  const separated = separate(graph);
  if (!separated) return load(graph, frozen);
  const { scatters } = separated;
  const [early, late] = await Promise.all([load(separated.early, frozen), load(separated.late, frozen)]);
  return {
    graph,
    run: async (inputs, into = {}) => {
      const computed = await early.run(inputs, into);
      const given: Record<string, GraphInput> = { ...inputs };
      const rest: Record<string, DeviceTensor> = {};
      for (const { base, updates, output } of scatters) {
        given[base.name] = into[output] ?? computed[output]!;
        given[updates.name] = computed[updates.name]!;
        if (into[output]) rest[output] = into[output];
      }
      const results = { ...computed, ...(await late.run(given, rest)) };
      return Object.fromEntries(Object.entries(results).filter(([name]) => name in graph.outputs));
    },
    release: async () => {
      await early.release();
      await late.release();
    },
  };
}

function separate(graph: Graph): Separated | undefined {
  const scatters = lateScattersOf(graph);
  if (scatters.length === 0) return undefined;
  const late = lateGraph(graph, scatters);
  // Indices are made of what a run is given, by a few nodes; anything else would be computed twice.
  const isIndex = ({ outputs }: Node): boolean => outputs.every(({ type }) => type !== 'float32');
  if (!late.nodes.every((node) => isIndex(node) || node.op === 'ScatterElements')) return undefined;
  return { early: earlyGraph(graph, scatters), late, scatters };
}

/** What a large output ends in, where nothing else reads it. */
export function lateScattersOf(graph: Graph): LateScatter[] {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map(({ name }) => [name, node] as const)));
  return graph.nodes.flatMap((node) => lateScatter(graph, node, producers) ?? []);
}

function lateScatter(graph: Graph, node: Node, producers: ReadonlyMap<string, Node>): LateScatter | undefined {
  const [result] = node.outputs as [Value];
  if (node.op !== 'ScatterElements' || !(result.name in graph.outputs) || sizeOf(result.shape) < LARGE_ELEMENTS) {
    return undefined;
  }
  const valueOf = (name: string): Value | undefined =>
    producers.get(name)?.outputs.find((output) => output.name === name);
  const [base, updates] = [valueOf(node.inputs[0]!), valueOf(node.inputs[2]!)];
  const readers = (name: string): number => graph.nodes.filter(({ inputs }) => inputs.includes(name)).length;
  if (!base || !updates || readers(base.name) > 1 || readers(result.name) > 0) return undefined;
  return { node, base, updates, output: result.name };
}

export function earlyGraph(graph: Graph, scatters: readonly LateScatter[]): Graph {
  const late = new Set(scatters.map(({ node }) => node));
  const renamed = new Map(scatters.map(({ base, output }) => [base.name, output]));
  const outputs = {
    ...graph.outputs,
    ...Object.fromEntries(scatters.map(({ updates }) => [updates.name, specOf(updates)])),
  };
  const nodes = graph.nodes
    .filter((node) => !late.has(node))
    .map((node) => ({
      ...node,
      outputs: node.outputs.map((value) => ({ ...value, name: renamed.get(value.name) ?? value.name })),
    }));
  return { ...graph, outputs, nodes: withoutUnused(nodes, Object.keys(outputs)) };
}

/** What is computed between its inputs and the scatters: their indices. */
function lateGraph(graph: Graph, scatters: readonly LateScatter[]): Graph {
  const handedOn = new Map(
    scatters.flatMap(({ base, updates }) => [base, updates].map((value) => [value.name, specOf(value)] as const)),
  );
  const before = graph.nodes.filter(({ outputs }) => !outputs.some(({ name }) => handedOn.has(name)));
  const names = scatters.map(({ output }) => output);
  const nodes = withoutUnused(before, names);
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const inputs = Object.entries({ ...graph.inputs, ...Object.fromEntries(handedOn) }).filter(([name]) =>
    read.has(name),
  );
  return {
    name: `${graph.name}-rows`,
    inputs: Object.fromEntries(inputs),
    outputs: Object.fromEntries(names.map((name) => [name, graph.outputs[name]!])),
    nodes,
    constants: graph.constants.filter(({ value }) => read.has(value.name)),
  };
}

/** Values of these scatters are float32: they are gradients. */
const specOf = ({ shape }: Value): TensorSpec => ({ shape, dtype: 'float32' });
