/** @file How much memory a run of a recorded graph takes beside its inputs and outputs, on an executor that frees what is no longer read. */

import type { Graph, Node, Value } from './graph';
import { leavesLast } from './onnx';
import { bytesOfValue } from './graph-memory';

/** Operators whose output is their input's memory under another shape. */
const VIEWS = new Set(['Reshape', 'Identity']);

/** Operators that write their output over an input of the same size that nothing reads afterwards. */
const IN_PLACE = new Set('Add Sub Mul Div Sqrt Exp Log Neg Tanh Erf Sigmoid Softmax ScatterElements'.split(' '));

/** The most bytes that values between inputs and outputs take up together, in the order of the graph's nodes. */
export function workingBytes(graph: Graph): number {
  return bytesInOrder(graph, IN_PLACE);
}

/**
 * The same on onnxruntime, which goes back from the last of the nodes that nothing reads, depth first, and of whose operators hardly one writes over its
 * input.
 */
export function workingBytesDepthFirst(graph: Graph): number {
  return bytesInOrder({ ...graph, nodes: depthFirst(leavesLast(graph.nodes)) }, new Set());
}

/** Each node after those that it reads, the last of them first (onnxruntime's default order). */
function depthFirst(nodes: readonly Node[]): Node[] {
  const index = new Map(nodes.map((node, i) => [node, i]));
  const makers = new Map(nodes.flatMap((node) => node.outputs.map(({ name }) => [name, node] as const)));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const seen = new Set<Node>();
  const order: Node[] = [];
  const ahead = nodes
    .filter(({ outputs }) => !outputs.some(({ name }) => read.has(name)))
    .map((node) => ({ node, isDone: false }));
  for (let next = ahead.pop(); next; next = ahead.pop()) {
    const { node, isDone } = next;
    if (isDone) order.push(node);
    if (isDone || seen.has(node)) continue;
    seen.add(node);
    ahead.push({ node, isDone: true });
    const before = node.inputs.flatMap((name) => makers.get(name) ?? []);
    before.sort((a, b) => index.get(a)! - index.get(b)!);
    ahead.push(...before.map((one) => ({ node: one, isDone: false })));
  }
  return order;
}

function bytesInOrder(graph: Graph, inPlace: ReadonlySet<string>): number {
  const owners = viewOwners(graph);
  const ownerOf = (name: string): string => owners.get(name) ?? name;
  const lastUse = new Map<string, number>();
  graph.nodes.forEach(({ inputs }, index) => {
    for (const input of inputs) lastUse.set(ownerOf(input), index);
  });
  const outputs = new Set(Object.keys(graph.outputs));
  const held = new Map<string, number>();
  let live = 0;
  let peak = 0;
  const release = (name: string): void => {
    live -= held.get(name) ?? 0;
    held.delete(name);
  };
  const hold = ({ op }: Node, value: Value, dying: string[]): void => {
    const bytes = bytesOfValue(value);
    const reused = inPlace.has(op) ? dying.findIndex((name) => held.get(name) === bytes) : -1;
    if (reused >= 0) release(dying.splice(reused, 1)[0]!);
    held.set(value.name, bytes);
    live += bytes;
  };
  for (const [index, node] of graph.nodes.entries()) {
    const dying = [...new Set(node.inputs.map(ownerOf))].filter((name) => lastUse.get(name) === index);
    for (const output of node.outputs) {
      // A view has no memory of its own, an output the caller's.
      if (!VIEWS.has(node.op) && !outputs.has(output.name)) hold(node, output, dying);
    }
    peak = Math.max(peak, live);
    dying.forEach(release);
    for (const { name } of node.outputs) if (!lastUse.has(name)) release(name);
  }
  return peak;
}

/** The value whose memory each view is. */
function viewOwners({ nodes }: Graph): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { op, inputs, outputs } of nodes) {
    if (VIEWS.has(op)) owners.set(outputs[0]!.name, owners.get(inputs[0]!) ?? inputs[0]!);
  }
  return owners;
}
