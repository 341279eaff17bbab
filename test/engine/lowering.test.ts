import { beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import { openExecutor } from '../../src/engine/engines';
import type { Executor } from '../../src/engine/executor';
import { lower } from '../../src/engine/graph/lowering';
import { record } from '../../src/engine/graph/trace-backend';
import { webGpuRules } from '../../src/engine/webgpu/rules';
import { loweredPrograms } from './lowered-programs';

let executor: Executor;
beforeAll(async () => {
  executor = await openExecutor('cpu');
});

const valuesOf = (outputs: Record<string, HostTensor>): Record<string, number[]> =>
  Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data)]));

describe('a graph written anew for WebGPU', () => {
  it.each(loweredPrograms)('computes the same without $operator', async ({ operator, inputs, evaluate }) => {
    const program = record(operator, inputs, evaluate);
    const lowered = lower(program.graph, webGpuRules);
    expect(program.graph.nodes.map(({ op }) => op)).toContain(operator);
    expect(lowered.inputs).toEqual(program.graph.inputs);
    expect(lowered.outputs).toEqual(program.graph.outputs);
    const [before, after] = [await executor.load(program), await executor.load({ ...program, graph: lowered })];
    expect(valuesOf(await after.run(inputs))).toEqual(valuesOf(await before.run(inputs)));
  });

  it('has a test for every rule', () => {
    const others = ['Expand', 'IsNaN']; // Expand is written as it was; what becomes of NaN is each GPU's own affair
    expect([...loweredPrograms.map(({ operator }) => operator), ...others].sort()).toEqual(
      Object.keys(webGpuRules).sort(),
    );
  });
});
