/** @file Rewrites a recorded graph so that every operator in it has a kernel in onnxruntime's WebGPU provider. */

import type { Graph, Value } from './graph';
import { GraphBuilder } from './graph-builder';
import { rules, type Site } from './webgpu-rules';

/** The same function, written anew: nodes for which there is a rule as the rule says, all others as they are. */
export function lowerForWebGpu(graph: Graph): Graph {
  const lowered = new GraphBuilder(graph.name);
  const values = new Map<string, Value>();
  for (const [name, spec] of Object.entries(graph.inputs)) values.set(name, lowered.input(name, spec));
  for (const { value, data } of graph.constants) {
    values.set(value.name, lowered.constant(data, value.shape, value.type));
  }
  const constants = new Map(graph.constants.map(({ value, data }) => [value.name, data]));
  const valueOf = (name: string): Value => values.get(name)!;
  for (const node of graph.nodes) {
    const numbers = (input: number): number[] => Array.from(constants.get(node.inputs[input]!)!, Number);
    const outputs = lowerNode({ graph: lowered, node, inputs: node.inputs.map(valueOf), numbers });
    node.outputs.forEach(({ name }, i) => values.set(name, outputs[i]!));
  }
  return lowered.finish(Object.fromEntries(Object.keys(graph.outputs).map((name) => [name, valueOf(name)])));
}

function lowerNode(site: Site): readonly Value[] {
  for (const rule of rules[site.node.op] ?? []) {
    const result = rule(site);
    if (result) return [result].flat();
  }
  const { op, outputs, ...options } = site.node;
  return site.graph.nodeOf(op, site.inputs, outputs, options);
}
