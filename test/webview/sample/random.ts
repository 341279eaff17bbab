/** @file Seeded random numbers. */

/** Mulberry32, a public-domain generator of 32 bits: plenty for pictures. */
export function random(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(next() + 1e-12)) * Math.cos(2 * Math.PI * next());
}

let drawn: Float32Array | undefined;

/** Many at once, from a random place among some that are drawn once: each page that opens needs hundreds of thousands. */
export function normals(next: () => number, count: number): Float32Array {
  if (!drawn) {
    const own = random(3);
    drawn = Float32Array.from({ length: 8191 }, () => normal(own));
  }
  const at = Math.floor(next() * (drawn.length - count));
  return drawn.subarray(at, at + count);
}
