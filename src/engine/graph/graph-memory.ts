/** @file How much memory a recorded graph needs at the least. */

import { sizeOf, type TensorSpec } from '../array';
import { valuesOf, type ElementType, type Graph, type Value } from './graph';

const BYTES: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int32: 4,
  int64: 8,
  bool: 1,
};

export function bytesOf(spec: TensorSpec): number {
  return sizeOf(spec.shape) * BYTES[spec.dtype];
}

export function bytesOfValue({ shape, type }: Pick<Value, 'shape' | 'type'>): number {
  return sizeOf(shape) * BYTES[type];
}

export interface SizedValue {
  readonly name: string;
  readonly bytes: number;
}

function sizes(graph: Graph): Map<string, number> {
  return new Map([...valuesOf(graph)].map(([name, value]) => [name, bytesOfValue(value)]));
}

export function largestValue(graph: Graph): SizedValue {
  const [name, bytes] = [...sizes(graph)].reduce((a, b) => (b[1] > a[1] ? b : a));
  return { name, bytes };
}

/** The most that the values computed in a run take up together, each living from its node to its last reader. */
export function peakBytes(graph: Graph): number {
  const bytes = sizes(graph);
  const lastReader = new Map<string, number>();
  graph.nodes.forEach(({ inputs }, i) => inputs.forEach((input) => lastReader.set(input, i)));
  for (const output of Object.keys(graph.outputs)) lastReader.set(output, graph.nodes.length);

  const computed = new Set<string>();
  let living = 0;
  let peak = 0;
  for (const [i, { inputs, outputs }] of graph.nodes.entries()) {
    for (const { name } of outputs) {
      computed.add(name);
      living += bytes.get(name)!;
    }
    peak = Math.max(peak, living);
    const done = new Set([...inputs, ...outputs.map(({ name }) => name)]);
    for (const name of done) {
      if (computed.has(name) && (lastReader.get(name) ?? i) === i) living -= bytes.get(name)!;
    }
  }
  return peak;
}
