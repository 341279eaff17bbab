/** @file How the benchmark reads profiles. */

import { describe, expect, it } from 'vitest';
import { isProduct, timeByOperator, type OperatorTime } from '../../bench/operators';
import { profiledGraph, type ProfileEvent } from '../../bench/profile-onnxruntime';

const run = (ts: number): ProfileEvent => ({ cat: 'Session', name: 'model_run', ts, dur: 1000 });
const kernel = (operator: string, ts: number, dur: number): ProfileEvent => ({
  cat: 'Node',
  name: `7_kernel_time`,
  ts,
  dur,
  args: { op_name: operator },
});

describe('the profile', () => {
  it('is added up by operator, a step, for each graph, the longest first', () => {
    const [gemm, mul] = [
      { operator: 'Gemm', milliseconds: 4 },
      { operator: 'Mul', milliseconds: 9 },
    ];
    const gradients = { graph: 'gradients', kernels: [gemm, mul, gemm] };
    // Two programs of one name, for two kinds of piece.
    const updates = [1, 2].map(() => ({ graph: 'update', kernels: [mul] }));
    expect(timeByOperator([gradients, ...updates], 2)).toEqual([
      { operator: 'Mul', nodes: 1.5, milliseconds: [4.5, 9] },
      { operator: 'Gemm', nodes: 1, milliseconds: [4, 0] },
    ]);
  });

  it('of onnxruntime leaves out the first runs, and what is no kernel', () => {
    const other: ProfileEvent = { cat: 'Node', name: '7_fence_before', ts: 102, dur: 8000, args: { op_name: 'Gemm' } };
    const events = [run(0), kernel('Gemm', 1, 7000), run(100), kernel('Gemm', 101, 2000), other];
    expect(profiledGraph('g', events, 1)).toEqual({
      graph: 'g',
      kernels: [{ operator: 'Gemm', milliseconds: 2 }],
    });
  });

  it('is refused where every run is left out', () => {
    expect(() => profiledGraph('g', [run(0)], 1)).toThrow('left out');
  });

  it('knows products of matrices by their names, fused ones too', () => {
    const named = (operator: string): OperatorTime => ({ operator, nodes: 1, milliseconds: [1] });
    expect(['Gemm', 'FusedMatMul', 'FusedGemm', 'Mul'].filter((name) => isProduct(named(name)))).toEqual([
      'Gemm',
      'FusedMatMul',
      'FusedGemm',
    ]);
  });
});
