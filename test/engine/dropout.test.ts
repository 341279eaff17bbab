import { describe, expect, it } from 'vitest';
import { keepMasks, recordedDropout } from '../../src/engine/graph/dropout';
import { record } from '../../src/engine/graph/trace-backend';

const { graph } = record('dropout', { x: { shape: [64, 101], dtype: 'float32' } }, ({ x }, addInput) => {
  const dropout = recordedDropout(addInput);
  return { y: dropout(dropout(dropout(x!, 0.1), 0), 0.25) };
});

describe('dropout', () => {
  it('has one mask input for each place with a rate above 0', () => {
    expect(Object.keys(graph.inputs)).toEqual(['x', 'keep.0.0.1', 'keep.1.0.25']);
  });

  it('keeps the share that the rate leaves', () => {
    const masks = keepMasks(graph, 1, 0);
    const kept = (name: string): number =>
      (masks[name]!.data as Uint8Array).reduce((sum, bit) => sum + bit, 0) / (64 * 101);
    expect(Math.abs(kept('keep.0.0.1') - 0.9)).toBeLessThan(0.02);
    expect(Math.abs(kept('keep.1.0.25') - 0.75)).toBeLessThan(0.02);
  });

  it('is the same for the same seed and step, and another for another seed, step or place', () => {
    const masks = (seed: number, step: number): Uint8Array =>
      keepMasks(graph, seed, step)['keep.0.0.1']!.data as Uint8Array;
    expect(masks(1, 5)).toEqual(masks(1, 5));
    const agreement = (a: Uint8Array, b: Uint8Array): number => a.filter((bit, i) => bit === b[i]).length / a.length;
    // Independent masks agree on .9² + .1² = .82 of the places.
    for (const other of [masks(2, 5), masks(1, 6), masks(6, 1)]) {
      expect(Math.abs(agreement(masks(1, 5), other) - 0.82)).toBeLessThan(0.03);
    }
  });
});
