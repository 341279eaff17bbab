/** @file Seeded random numbers and orders. */

import { randomWords } from '../engine/random';

/** A stream of numbers in [0, 1) for integer keys such as seed, epoch and example; equal keys, equal streams. */
export function randomStream(...keys: number[]): () => number {
  const next = randomWords(...keys);
  return () => next() / 2 ** 32;
}

/** `items` in random order, as a new array (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = items.slice();
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
