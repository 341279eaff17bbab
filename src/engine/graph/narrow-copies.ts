/** @file Weights that products of several segments read, copied once in fewer bits for all of these. */

import { bytesOf } from './graph-memory';
import type { Graph, Node } from './graph';
import { isProduct } from './operations';

/** Smaller weights are as well rounded where they are read. */
const LARGE_BYTES = 2 ** 24;

/** Of fewer a copy is no gain. */
const FEWEST_READERS = 3;

type Parts = readonly (readonly Node[])[];

/** A graph's parts with one more before the first reader of each such weight, which copies it, and products that read the copy. */
export function withNarrowCopies({ inputs: given }: Graph, parts: Parts): Parts {
  const readers = new Map<string, number>();
  for (const part of parts) {
    const read = new Set(part.filter(isProduct).flatMap(({ inputs }) => inputs));
    for (const name of read) readers.set(name, (readers.get(name) ?? 0) + 1);
  }
  const isCopied = (name: string): boolean =>
    name in given && bytesOf(given[name]!) >= LARGE_BYTES && (readers.get(name) ?? 0) >= FEWEST_READERS;
  const made = new Set<string>();
  return parts.flatMap((part) => {
    const read = new Set(part.filter(isProduct).flatMap(({ inputs }) => inputs));
    const missing = [...read].filter((name) => isCopied(name) && !made.has(name));
    for (const name of missing) made.add(name);
    const nodes = part.map((node) =>
      isProduct(node) ? { ...node, inputs: node.inputs.map((name) => (isCopied(name) ? copyOf(name) : name)) } : node,
    );
    return [...missing.map((name) => [copying(name, given[name]!.shape)]), nodes];
  });
}

const copyOf = (weight: string): string => `${weight} in bfloat16`;

const copying = (weight: string, shape: readonly number[]): Node => ({
  op: 'Identity',
  domain: '',
  inputs: [weight],
  outputs: [{ name: copyOf(weight), shape, type: 'float32' }],
  attributes: {},
  floats: [],
});
