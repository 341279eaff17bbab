/** @file Seeded random numbers that depend on their keys alone, so that no order of work changes them. */

/**
 * A stream of 32-bit words for `keys` (integers, taken modulo 2³²), such as seed, epoch and example. Equal keys give equal
 * streams; any other keys, one more 0 included, another stream.
 * The keys are mixed as in MurmurHash3 (Austin Appleby), the stream is sfc32 (Chris Doty-Humphrey, PractRand).
 */
export function randomWords(...keys: number[]): () => number {
  let a = mixKeys(0x9e3779b9, keys);
  let b = mixKeys(0x243f6a88, keys);
  let c = mixKeys(0xb7e15162, keys);
  let counter = 1;
  const next = (): number => {
    const result = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

function mixKeys(start: number, keys: readonly number[]): number {
  let hash = start;
  for (const key of keys) {
    let k = Math.imul(key | 0, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    hash ^= k;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash ^= keys.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** A stream of numbers in [0, 1) for integer keys such as seed, epoch and example; equal keys, equal streams. */
export function randomStream(...keys: number[]): () => number {
  const next = randomWords(...keys);
  return () => next() / 2 ** 32;
}

/** `items` in random order, as a new array (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): T[];
export function shuffled(items: Uint32Array, random: () => number): Uint32Array<ArrayBuffer>;
export function shuffled(items: readonly unknown[] | Uint32Array, random: () => number): unknown[] | Uint32Array {
  return shuffleInPlace(items.slice() as unknown[], random);
}

/** As `shuffled`, without a copy: of millions that is room which others need. */
export function shuffleInPlace<T extends unknown[] | Uint32Array>(items: T, random: () => number): T {
  const moved = items as unknown[];
  for (let i = moved.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [moved[i], moved[j]] = [moved[j], moved[i]];
  }
  return items;
}
