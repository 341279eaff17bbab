/** @file What the benchmark says of a machine, and how it writes what several measured. */

import { describe, expect, it } from 'vitest';
import { machineName } from '../../bench/machine';
import { instructionsOf } from '../../bench/processor';
import { markdownReport, shares, type Measurement } from '../../bench/report';

function measured(date: string, instructions: string): Measurement {
  const side = { precision: 'float32', versions: { torch: '2' }, emptyMegabytes: 1, lossDifference: 0 } as const;
  return {
    machine: { date, processor: 'EPYC', instructions, cores: 2, threads: 2, system: 'Linux', load: 0 },
    rates: { float32: 100e9, bfloat16: 0, copy: 16e9 },
    results: [
      {
        benchCase: { name: 'small', title: 'A small pair', stepsPerBlock: 5 },
        sides: [
          { ...side, name: 'PyTorch', blocks: [40, 44, 42], losses: [3, 2, 1], peakMegabytes: 200 },
          { ...side, name: 'OpenVINO', blocks: [20, 21, 22], losses: [3, 2, 1], peakMegabytes: 50 },
        ],
        profiles: [
          {
            name: 'OpenVINO',
            recordMilliseconds: 1,
            loadMilliseconds: 2,
            reloadMilliseconds: 1,
            nodes: 3,
            operations: 1e9,
            parameters: 1e6,
            stepMilliseconds: 25,
            graphs: ['gradients-1', 'update-1'],
            operators: [
              { operator: 'MatMul', nodes: 3, milliseconds: [12.5, 0] },
              { operator: 'Subgraph', nodes: 2, milliseconds: [3, 4] },
            ],
          },
        ],
      },
    ],
  };
}

describe('the report of the benchmark', () => {
  it('parts a step into products, its end and all others', () => {
    const { results } = measured('2026-11-28', 'AVX2');
    expect(shares(results[0]!.profiles[0]!)).toEqual({ products: 12.5, end: 4, others: 3 });
  });

  it('says how near products come to their rate, and the end of a step to a copy of memory', () => {
    const text = markdownReport([measured('2026-11-28', 'AVX2')]);
    // 10 ms of products at 100 GFLOP/s, and 32 MB at 16 GB/s: 12 of 25 ms.
    expect(text).toContain('| small | OpenVINO | 12.5 | 80.0 % | 4.00 | 50.0 % | 3.00 | 5.50 | 12.0 | 48.0 % |');
    expect(text).toContain('2.00 ×');
  });

  it('has a chapter for each machine, the newest first', () => {
    const text = markdownReport([measured('2026-11-26', 'AMX'), measured('2026-11-28', 'AVX2')]);
    expect([...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual([
      'EPYC, AVX2',
      'EPYC, AMX',
      'To repeat it',
    ]);
    expect(text.match(/^- `small`: A small pair$/gm)).toHaveLength(1);
  });

  it('names a processor by what its products are computed with', () => {
    expect(instructionsOf('flags\t\t: fpu avx2 avx512f avx512_bf16\n')).toBe('AVX-512 with bfloat16');
    expect(instructionsOf('flags\t\t: fpu avx2 avx512f avx512_bf16 amx_bf16 amx_tile\n')).toBe('AMX');
    expect(machineName(measured('', 'AVX-512 with bfloat16').machine)).toBe('epyc-avx-512-with-bfloat16');
  });
});
