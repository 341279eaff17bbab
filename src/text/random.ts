/** @file Seeded random numbers: one independent stream for every tuple of keys. */

/**
 * A stream of uniform numbers in [0, 1) with 32 random bits, the same for the same keys on every machine.
 * The generator is mulberry32 (Tommy Ettinger, public domain); the keys are mixed by MurmurHash3's finalizer.
 */
export function randomStream(...keys: number[]): () => number {
  let state = keys.reduce((mixed, key) => mix(mixed ^ mix(key + 0x9e3779b9)), 0x2545f491);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A bijection of 32-bit integers in which every input bit moves every output bit (Appleby, MurmurHash3). */
function mix(key: number): number {
  let h = key | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
