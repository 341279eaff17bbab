/** @file Bytes that the end of a step moves at least, and how many a second a copy of memory does. */

import { median } from './statistics';

/** The norm reads a gradient; the update reads a parameter, two moments and the gradient, and writes the first three. */
export const BYTES_A_PARAMETER = 4 * (1 + 4 + 3);

const COPIED = 64e6;
const WARM_UP = 2;
const ROUNDS = 9;

/** One run of a copy of so many numbers, by one thread, as memory is copied in JavaScript; it reads and writes 4 bytes of each. */
export function copier(numbers: number): () => void {
  const [from, to] = [new Float32Array(numbers).fill(1), new Float32Array(numbers)];
  return () => to.set(from);
}

/** Bytes a second, read and written ones together, of a copy that no cache holds. */
export function copyRate(): number {
  const copy = copier(COPIED);
  const seconds: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const started = performance.now();
    copy();
    if (round >= 0) seconds.push((performance.now() - started) / 1000);
  }
  return (8 * COPIED) / median(seconds);
}
