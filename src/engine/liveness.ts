/** @file How much memory the values between a graph's inputs and outputs take, at the node where it is most. */

import type { Graph, Node, Value } from './graph';
import { bytesOfValue } from './graph-memory';

/** Operators whose output is their input's memory under another shape. */
const VIEWS = new Set(['Reshape', 'Identity']);

/** Operators that may write their output over an input of the same size that nothing reads afterwards. */
const IN_PLACE = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Sqrt',
  'Exp',
  'Log',
  'Neg',
  'Softmax',
  'ScatterElements',
  'Tanh',
  'Erf',
]);

/**
 * The most bytes that values between inputs and outputs take while the nodes run in the order of the graph, each being freed
 * after its last reader. Inputs, outputs and constants are not counted: their memory is the caller's.
 */
export function peakLiveBytes(graph: Graph): number {
  const memory = new Memory(graph);
  for (const [index, node] of graph.nodes.entries()) memory.run(node, index);
  return memory.peak;
}

class Memory {
  peak = 0;
  private live = 0;
  private readonly lastUse = new Map<string, number>();
  /** The value whose memory a view is. */
  private readonly owners = new Map<string, string>();
  private readonly held = new Map<string, number>();

  constructor(graph: Graph) {
    const views = new Map<string, string>();
    const ownerOf = (name: string): string => views.get(name) ?? name;
    for (const [index, node] of graph.nodes.entries()) {
      if (VIEWS.has(node.op)) views.set(node.outputs[0]!.name, ownerOf(node.inputs[0]!));
      for (const input of node.inputs) this.lastUse.set(ownerOf(input), index);
    }
    this.owners = views;
    // Outputs lie in the caller's memory from the beginning, and stay.
    for (const name of Object.keys(graph.outputs)) this.lastUse.set(ownerOf(name), Infinity);
    this.outputs = new Set(Object.keys(graph.outputs));
  }

  private readonly outputs: ReadonlySet<string>;

  run(node: Node, index: number): void {
    const dying = [...new Set(node.inputs.map((name) => this.owners.get(name) ?? name))].filter(
      (name) => this.lastUse.get(name) === index && this.held.has(name),
    );
    if (!VIEWS.has(node.op)) for (const output of node.outputs) this.hold(node, output, dying);
    this.peak = Math.max(this.peak, this.live);
    for (const name of dying) this.release(name);
    // What nobody reads lives for this node only.
    for (const { name } of node.outputs) if (!this.lastUse.has(name)) this.release(name);
  }

  private hold(node: Node, output: Value, dying: string[]): void {
    if (this.outputs.has(output.name)) return;
    const bytes = bytesOfValue(output);
    const reused = IN_PLACE.has(node.op) ? dying.findIndex((name) => this.held.get(name) === bytes) : -1;
    if (reused >= 0) this.release(dying.splice(reused, 1)[0]!);
    this.held.set(output.name, bytes);
    this.live += bytes;
  }

  private release(name: string): void {
    this.live -= this.held.get(name) ?? 0;
    this.held.delete(name);
  }
}
