/** @file How much memory a run of a recorded graph takes beside its inputs and outputs, on an executor that frees what is no longer read. */

import type { Graph, Node, Value } from './graph';
import { bytesOfValue } from './graph-memory';

/** Operators whose output is their input's memory under another shape. */
const VIEWS = new Set(['Reshape', 'Identity']);

/** Operators that write their output over an input of the same size that nothing reads afterwards. */
const IN_PLACE = new Set('Add Sub Mul Div Sqrt Exp Log Neg Tanh Erf Sigmoid Softmax ScatterElements'.split(' '));

/** The most bytes that values between inputs and outputs take up together, in the order of the graph's nodes. */
export function workingBytes(graph: Graph): number {
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
    const reused = IN_PLACE.has(op) ? dying.findIndex((name) => held.get(name) === bytes) : -1;
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
