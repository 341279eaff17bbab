/**
 * @file Element-wise graphs over joined memory (an update, a sum of squares), written so that the CPU plugin makes one kernel of each that runs on all
 * threads. As they are recorded it makes five of an update, on one thread: a kernel may have but one output that is a result of the graph, and
 * what has one dimension is not divided. docs/decisions/0063 says what that took.
 */

import { sizeOf } from '../array';
import { sameShape, type Graph, type Node, type Value } from '../graph/graph';
import { GraphBuilder } from '../graph/graph-builder';
import { exactName } from './rounded-state';

/** Elements of a row: threads share rows. */
const ROW = 1024;

/** Fewer are not worth the reshapes. */
const LEAST_ROWS = 16;

const ELEMENTWISE = /^(Add|Sub|Mul|Div|Sqrt|Cast)$/;

/** Of a tensor in a graph that takes less than half a millisecond: no piece of a model of many pieces has so few. */
const FEW_ELEMENTS = 0.75 * 2 ** 20;

const isElementwise = ({ nodes }: Graph): boolean => nodes.every((node) => ELEMENTWISE.test(node.op) || sumsAll(node));

/** Whether it is computed sooner than another thread has woken up for it. */
export const isBrief = (graph: Graph): boolean =>
  isElementwise(graph) && Object.values(graph.inputs).every(({ shape }) => sizeOf(shape) <= FEW_ELEMENTS);

/**
 * The same function on tensors [N] seen as [N / 1024, 1024]; other graphs, and those with tensors that cannot be divided so, as they are.
 * @param narrow inputs that are kept as bfloat16
 */
export function inOnePass(graph: Graph, narrow: ReadonlySet<string> = new Set()): Graph {
  const length = commonLength(graph);
  if (length === undefined || length % ROW !== 0 || length < LEAST_ROWS * ROW) return graph;
  if (!isElementwise(graph)) return graph;

  const rows = length / ROW;
  const built = new GraphBuilder(graph.name);
  const reshaped = (value: Value, shape: readonly number[]): Value =>
    built.node('Reshape', [value, built.integers(shape)], { shape, type: value.type });
  const values = new Map<string, Value>();
  for (const [name, spec] of Object.entries(graph.inputs)) {
    const input: Value = { ...built.input(name, spec), ...(narrow.has(name) && { type: 'bfloat16' }) };
    values.set(name, spec.shape.length === 0 ? input : reshaped(input, [rows, ROW]));
  }
  for (const { value, data } of graph.constants) {
    values.set(value.name, built.constant(data, value.shape, value.type));
  }
  const producers = new Map(graph.nodes.map((node) => [node.outputs[0]!.name, node]));
  for (const node of graph.nodes) {
    const { op, inputs, outputs, ...options } = node;
    const [output] = outputs;
    const shape = output!.shape.length === 0 ? [] : [rows, ROW];
    const from = inputs.map((name) => values.get(name)!);
    const value = sumsAll(node)
      ? sumOf(built, from[0]!, squaredBy(producers.get(inputs[0]!), values))
      : built.node(op, from, { shape, type: output!.type }, options);
    values.set(output!.name, value);
  }
  // What a node reads comes first, the latest of it before all: only in that order does the plugin's search find that all can be one kernel.
  const others = graph.nodes.filter(({ op, outputs }) => op !== 'Cast' || !(outputs[0]!.name in graph.outputs));
  const read = new Set(others.flatMap(({ inputs }) => inputs));
  const isRead = (name: string): boolean => read.has(values.has(exactName(name)) ? exactName(name) : name);
  const names = Object.keys(graph.outputs).reverse();
  const ordered = [...names.filter(isRead), ...names.filter((name) => !isRead(name))];
  // A result behind a Reshape, which computes nothing, does not count as one of the kernel's.
  const results = ordered.map((name): [string, Value] => {
    const value = values.get(name)!;
    const result = value.shape.length === 0 ? value : reshaped(value, [length]);
    // Whoever recorded it knows nothing of how it is kept.
    return [name, { ...result, type: graph.outputs[name]!.dtype }];
  });
  return built.finish(Object.fromEntries(results));
}

/** N, where every input is a float32 number or [N]. */
function commonLength({ inputs }: Graph): number | undefined {
  const specs = Object.values(inputs);
  const long = specs.find(({ shape }) => shape.length > 0);
  if (long?.shape.length !== 1) return undefined;
  const isCommon = specs.every(
    ({ shape, dtype }) => dtype === 'float32' && (shape.length === 0 || sameShape(shape, long.shape)),
  );
  return isCommon ? long.shape[0] : undefined;
}

const sumsAll = ({ op, outputs }: Node): boolean => op === 'ReduceSum' && outputs[0]!.shape.length === 0;

/** x, of x · x. */
function squaredBy(node: Node | undefined, values: ReadonlyMap<string, Value>): Value | undefined {
  const isSquare = node?.op === 'Mul' && node.inputs[0] === node.inputs[1];
  return isSquare ? values.get(node.inputs[0]!) : undefined;
}

/** Row by row first. Of squares the rows' norms are taken, for which there is one kernel: a product and its sum would be two, with a tensor between them. */
function sumOf(graph: GraphBuilder, summed: Value, squared: Value | undefined): Value {
  const [rows] = summed.shape as [number, number];
  const ofRows = { shape: [rows], type: summed.type };
  const reduce = (op: string, value: Value, axis: number, output: { shape: number[]; type: Value['type'] }): Value =>
    graph.node(op, [value, graph.integers([axis])], output, { attributes: { keepdims: 0 } });
  const norms = squared && reduce('ReduceL2', squared, 1, ofRows);
  const sums = norms ? graph.elementwise('Mul', norms, norms) : reduce('ReduceSum', summed, 1, ofRows);
  return reduce('ReduceSum', sums, 0, { shape: [], type: summed.type });
}
