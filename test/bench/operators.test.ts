/** @file How the benchmark reads onnxruntime's profile. */

import { describe, expect, it } from 'vitest';
import { isProduct, timeByOperator, type OperatorTime, type ProfileEvent } from '../../bench/operators';

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
    const gradients = [run(0), kernel('Gemm', 1, 3000), kernel('Mul', 2, 9000), run(100), kernel('Gemm', 101, 5000)];
    const update = [run(0), kernel('Mul', 5, 1000), run(50), kernel('Mul', 60, 1000)];
    expect(timeByOperator([gradients, update], 0)).toEqual([
      { operator: 'Mul', nodes: 1.5, milliseconds: [4.5, 1] },
      { operator: 'Gemm', nodes: 1, milliseconds: [4, 0] },
    ]);
  });

  it('leaves out the first runs, and what is no kernel', () => {
    const other: ProfileEvent = { cat: 'Node', name: '7_fence_before', ts: 102, dur: 8000, args: { op_name: 'Gemm' } };
    const events = [run(0), kernel('Gemm', 1, 7000), run(100), kernel('Gemm', 101, 2000), other];
    expect(timeByOperator([events], 1)).toEqual([{ operator: 'Gemm', nodes: 1, milliseconds: [2] }]);
  });

  it('is refused where every run is left out', () => {
    expect(() => timeByOperator([[run(0)]], 1)).toThrow('left out');
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
