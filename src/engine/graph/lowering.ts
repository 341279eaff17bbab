/** @file Rewrites a recorded graph by rules, one for each operator that an executor lacks or does not do well. */

import type { Graph, Node, Value } from './graph';
import { GraphBuilder } from './graph-builder';

/** A node to be written anew. */
interface Site {
  /** The graph being written. */
  readonly graph: GraphBuilder;
  readonly node: Node;
  /** Its inputs, as they are in the graph being written. */
  readonly inputs: readonly Value[];
  /** The numbers of an input that is a constant. */
  readonly numbers: (input: number) => number[];
}

/** What computes the same as the node, or `undefined` where the rule does not apply to it. */
export type LoweringRule = (site: Site) => Value | Value[] | undefined;

/** By operator; the first rule that applies is taken. */
export type LoweringRules = Readonly<Record<string, readonly LoweringRule[]>>;

/** The same function, written anew: nodes for which there is a rule as the rule says, all others as they are. */
export function lower(graph: Graph, rules: LoweringRules): Graph {
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
    const outputs = lowerNode({ graph: lowered, node, inputs: node.inputs.map(valueOf), numbers }, rules);
    node.outputs.forEach(({ name }, i) => values.set(name, outputs[i]!));
  }
  return lowered.finish(Object.fromEntries(Object.keys(graph.outputs).map((name) => [name, valueOf(name)])));
}

function lowerNode(site: Site, rules: LoweringRules): readonly Value[] {
  for (const rule of rules[site.node.op] ?? []) {
    const result = rule(site);
    if (result) return [result].flat();
  }
  const { op, outputs, ...options } = site.node;
  return site.graph.nodeOf(op, site.inputs, outputs, options);
}
