/** @file Some of a teacher's logits and what all others have together: what comes back, at any temperature, and how little it takes. */

import { describe, expect, it } from 'vitest';
import { decodeTop, encodeScored, encodeTop, topBytes } from '../../src/distill/teacher/top-logits';
import { klDivergence, softmax } from '../../src/protocol/distribution';

const back = (logits: readonly number[], top: number): Float32Array => {
  const into = new Float32Array(logits.length);
  decodeTop(encodeTop(Float32Array.from(logits), top), top, into);
  return into;
};

const sum = (numbers: Float64Array): number => numbers.reduce((a, b) => a + b, 0);

describe('the most probable tokens of a position', () => {
  it('come back with their probabilities, and share the rest among all others, before any temperature', () => {
    // Probabilities .5, .3, .1, .06, .04.
    const logits = [0.1, 0.5, 0.06, 0.3, 0.04].map(Math.log);
    const kept = back(logits, 2);
    const plain = softmax(kept);
    [0.2 / 3, 0.5, 0.2 / 3, 0.3, 0.2 / 3].forEach((p, id) => expect(plain[id]).toBeCloseTo(p, 3));
    // √p of each, divided by their sum: kept and others tempered together, the others spread first.
    const roots = [0.2 / 3, 0.5, 0.2 / 3, 0.3, 0.2 / 3].map(Math.sqrt);
    const all = roots.reduce((a, b) => a + b);
    softmax(kept, 2).forEach((p, id) => expect(p).toBeCloseTo(roots[id]! / all, 3));
  });

  it('are the same whatever is added to all logits, and lose next to nothing where few are left out', () => {
    const logits = Array.from({ length: 300 }, (_, id) => 8 * Math.sin(id * id));
    const shifted = logits.map((one) => one + 50);
    back(shifted, 20).forEach((value, id) => expect(value).toBeCloseTo(back(logits, 20)[id]!, 1));
    const kl = (top: number): number => klDivergence(Float32Array.from(logits), back(logits, top));
    expect(kl(20)).toBeGreaterThan(kl(100));
    expect(kl(299)).toBeLessThan(1e-4);
  });

  it('are finite where one token has all, and where others have nothing', () => {
    for (const logits of [
      [1000, 0, 0, -1000],
      [0, 0, 0, 0],
      [-5000, 5000, -5000, 0],
    ]) {
      const kept = back(logits, 2);
      expect(kept.every(Number.isFinite)).toBe(true);
      for (const temperature of [0.25, 1, 20]) expect(sum(softmax(kept, temperature))).toBeCloseTo(1, 9);
    }
  });

  it('are read from anywhere in a buffer', () => {
    const record = encodeTop(Float32Array.from([3, 1, 2, 0]), 2);
    const [own, inBuffer] = [new Float32Array(4), new Float32Array(4)];
    decodeTop(record, 2, own);
    decodeTop(Buffer.concat([Buffer.of(7), record]).subarray(1), 2, inBuffer);
    expect(inBuffer).toEqual(own);
  });

  it('of which alone the log-probabilities are known leave the others what is missing to 1', () => {
    const scored = [0.5, 0.3].map((p, i) => ({ id: 3 - i, logProbability: Math.log(p) }));
    const decoded = (tokens: typeof scored, top: number): Float32Array => {
      const into = new Float32Array(6);
      decodeTop(encodeScored(tokens, 6, top), top, into);
      return into.map(Math.exp);
    };
    for (const top of [2, 4]) {
      [0.05, 0.05, 0.3, 0.5, 0.05, 0.05].forEach((p, id) => expect(decoded(scored, top)[id]).toBeCloseTo(p, 3));
    }
    decoded([], 2).forEach((p) => expect(p).toBeCloseTo(1 / 6, 3));
    // Rounded on their way to a sum above 1.
    expect(decoded([{ id: 1, logProbability: 0 }, scored[0]!], 2)).toSatisfy((all: Float32Array) =>
      all.every(Number.isFinite),
    );
  });

  it('take 4 bytes each and 4 beside them, 6 each where ids have more than 16 bits', () => {
    expect(topBytes(50_257, 48)).toBe(196);
    expect(topBytes(128_256, 48)).toBe(292);
    const logits = new Float32Array(70_000);
    logits[69_999] = 9;
    const into = new Float32Array(70_000);
    decodeTop(encodeTop(logits, 3), 3, into);
    expect(into.indexOf(Math.max(...into.subarray(69_990)))).toBe(69_999);
  });
});
