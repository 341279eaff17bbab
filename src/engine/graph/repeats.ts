/** @file Where a recorded graph repeats itself: a model's blocks one after the other, forwards and backwards, each with weights of its own. */

import { bytesOfValue } from './graph-memory';
import { valuesOf, type Graph, type Node, type Value } from './graph';

/** A stretch of nodes of which each `period` computes what the one before did, of other values. */
export interface Repeat {
  readonly start: number;
  readonly period: number;
  readonly count: number;
}

/** Of fewer nodes than any block has. */
const LEAST_PERIOD = 12;

/** The stretches of a graph, from the first to the last. */
export function repeatsOf(graph: Graph): Repeat[] {
  const values = valuesOf(graph);
  const kinds = new Map<string, number>();
  const signs = graph.nodes.map((node) => {
    const sign = signatureOf(node, graph, values);
    if (!kinds.has(sign)) kinds.set(sign, kinds.size);
    return kinds.get(sign)!;
  });
  const found: Repeat[] = [];
  const search = (from: number, to: number): void => {
    const longest = longestRepeat(signs, from, to);
    if (!longest) return;
    const repeat = wholeRepeats(graph, longest);
    if (!repeat) return;
    search(from, repeat.start);
    found.push(repeat);
    search(repeat.start + repeat.period * repeat.count, to);
  };
  search(0, graph.nodes.length);
  return found;
}

/** What a node is, but for which values it is of. */
function signatureOf(node: Node, graph: Graph, values: ReadonlyMap<string, Value>): string {
  const typed = ({ type, shape }: Value): string => `${type}[${shape.join()}]`;
  const inputs = node.inputs.map((name) => `${name in graph.inputs ? 'given ' : ''}${typed(values.get(name)!)}`);
  return [node.op, JSON.stringify(node.attributes), ...inputs, '=', ...node.outputs.map(typed)].join(' ');
}

interface Stretch {
  start: number;
  end: number;
  period: number;
}

/** The longest stretch, with its smallest period. */
function longestRepeat(signs: readonly number[], from: number, to: number): Stretch | undefined {
  let longest: Stretch | undefined;
  for (let period = LEAST_PERIOD; period <= (to - from) / 2; period++) {
    let run = 0;
    for (let i = from; i + period <= to; i++) {
      if (i + period < to && signs[i] === signs[i + period]) {
        run++;
        continue;
      }
      const length = run + period;
      if (run >= period && (!longest || length > longest.end - longest.start)) {
        longest = { start: i - run, end: i + period, period };
      }
      run = 0;
    }
  }
  return longest;
}

/** Of the places where it may be cut, the first at which least is handed on. */
function wholeRepeats(graph: Graph, { start, end, period }: Stretch): Repeat | undefined {
  const crossing = crossingBytes(graph);
  const most = Math.floor((end - start) / period);
  let best: { repeat: Repeat; bytes: number } | undefined;
  for (let first = start; first < start + period; first++) {
    const count = Math.floor((end - first) / period);
    if (count < most || count < 2) break;
    const bytes = Array.from({ length: count + 1 }, (_, i) => crossing[first + i * period]!).reduce((a, b) => a + b);
    if (!best || bytes < best.bytes) best = { repeat: { start: first, period, count }, bytes };
  }
  return best?.repeat;
}

/** Before each node the bytes of what has been computed and is still read. */
function crossingBytes({ nodes }: Graph): number[] {
  const last = new Map<string, number>();
  nodes.forEach(({ inputs }, index) => inputs.forEach((name) => last.set(name, index)));
  const changes = new Array<number>(nodes.length + 2).fill(0);
  nodes.forEach(({ outputs }, index) => {
    for (const value of outputs) {
      const end = last.get(value.name);
      if (end === undefined) continue;
      changes[index + 1]! += bytesOfValue(value);
      changes[end + 1]! -= bytesOfValue(value);
    }
  });
  let sum = 0;
  return changes.map((change) => (sum += change));
}
