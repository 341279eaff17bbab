/**
 * @file Loaded before the tests of a file: two rows of numbers that are the same are found equal at once. Vitest compares them one by one, each as
 * anything that might be in a list, which took a fifth of what the unit tests compute. What differs is left to it, and to its words.
 */

import { expect } from 'vitest';

/** From this length on a list is looked through: what has less may have more than its values, as what a pattern has found. */
const LONG = 16;

const loaded = Symbol.for('distillery.equality');
const here = globalThis as { [loaded]?: true };
if (!here[loaded]) {
  here[loaded] = true;
  expect.addEqualityTesters([sameBytes, sameValues]);
}

function sameBytes(a: unknown, b: unknown): true | undefined {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return undefined;
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0 || undefined;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

function sameValues(a: unknown, b: unknown): true | undefined {
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length || a.length < LONG) return undefined;
  for (let i = 0; i < a.length; i++) {
    const value: unknown = a[i];
    // Undefined may be a hole.
    if (value === undefined || (typeof value === 'object' && value !== null)) return undefined;
    if (!Object.is(value, b[i])) return undefined;
  }
  return true;
}
