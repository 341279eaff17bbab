import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TensorSpec } from '../../src/engine/array';
import type { Executor, LoadedProgram } from '../../src/engine/executor';
import type { Program } from '../../src/engine/graph/program';
import { record } from '../../src/engine/graph/trace-backend';
import { findLibrary } from '../../src/engine/libraries';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { inOnePass } from '../../src/engine/openvino/one-pass';
import type { KernelTime } from '../../src/engine/openvino/library';
import { createOpenVinoExecutor } from '../../src/engine/openvino/openvino';
import { OpenVinoProgram } from '../../src/engine/openvino/program';
import { scalar } from '../../src/distill/batch-inputs';
import { accumulateProgram, squaresProgram, updateProgram } from '../../src/distill/training/update-programs';

const missing = findLibrary('openvino') === undefined;

const LENGTH = 2 ** 15;
const piece = (length = LENGTH) => ({ piece: { shape: [length], dtype: 'float32' } satisfies TensorSpec });
const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, decays: () => true };

const values = (seed: number, length = LENGTH): Float32Array =>
  Float32Array.from({ length }, (_, i) => 0.5 + 0.5 * Math.sin(seed + i * 0.7));
const tensor = (seed: number) => ({ ...piece().piece, data: values(seed) });

const factors = { gradientScale: 0.07, stepSize: 3e-4, scaledEpsilon: 3e-10, keptByDecay: 0.9999 };
const updateInputs = () => ({
  'parameter.piece': tensor(1),
  'first.piece': tensor(2),
  'second.piece': tensor(3),
  'gradient.piece': tensor(4),
  ...Object.fromEntries(Object.entries(factors).map(([name, value]) => [name, scalar(value)])),
});

const programs: Record<string, { program: Program; inputs: Parameters<OpenVinoProgram['runOnce']>[0] }> = {
  update: { program: updateProgram(piece(), options), inputs: updateInputs() },
  'update without decay': {
    program: updateProgram(piece(), { ...options, decays: () => false }),
    inputs: updateInputs(),
  },
  'sum of squares': { program: squaresProgram(piece()), inputs: { 'gradient.piece': tensor(4) } },
  accumulation: {
    program: accumulateProgram(piece()),
    inputs: { 'sum.piece': tensor(5), 'gradient.piece': tensor(4) },
  },
  sum: {
    program: record('sum', piece(), ({ piece: x }) => ({ sum: tf.sum(x!) })),
    inputs: { piece: tensor(4) },
  },
};

describe('a graph in one pass', () => {
  it.each(Object.keys(programs))('of the %s computes what it computed', async (name) => {
    const { program, inputs } = programs[name]!;
    const graph = inOnePass(program.graph);
    expect(graph).not.toBe(program.graph);
    const cpu = await createCpuExecutor();
    const [before, after] = await Promise.all(
      [program, { ...program, graph }].map(async (each) => (await cpu.load(each)).run(inputs)),
    );
    expect(Object.keys(after!).sort()).toEqual(Object.keys(before!).sort());
    for (const [output, { data, shape }] of Object.entries(before!)) {
      expect(after![output]!.shape).toEqual(shape);
      const apart = data.map((value, i) => Math.abs(value - after![output]!.data[i]!) / Math.max(1, Math.abs(value)));
      expect(Math.max(...apart), output).toBeLessThan(1e-5);
    }
  });

  it.each([
    ['a length that has no rows', updateProgram(piece(LENGTH + 16), options)],
    ['few elements', updateProgram(piece(1024), options)],
    ['tensors of several lengths', squaresProgram({ a: piece().piece, b: piece(2 * LENGTH).piece })],
    ['operators that are not element by element', record('soft', piece(), ({ piece: x }) => ({ y: tf.softmax(x!) }))],
  ])('is left as it is with %s', (_, { graph }) => {
    expect(inOnePass(graph)).toBe(graph);
  });
});

/** Of all runs from now on. */
function kernelsOf(program: LoadedProgram): KernelTime[] {
  if (!(program instanceof OpenVinoProgram)) throw new Error('not a program of OpenVINO');
  const all: KernelTime[] = [];
  program.onRun = (kernels) => all.push(...kernels);
  return all;
}

describe.skipIf(missing)('OpenVINO', () => {
  let executor: Executor;
  beforeAll(() => {
    executor = createOpenVinoExecutor({ cache: null, properties: { PERF_COUNT: 'YES' } });
  });

  it('makes one kernel of an update, which writes over what it reads', async () => {
    const program = await executor.load(updateProgram(piece(), options));
    const host = updateInputs();
    const expected = await (await createCpuExecutor()).load(updateProgram(piece(), options));
    const outputs = await expected.run(host);
    const state = Object.fromEntries(
      ['parameter.piece', 'first.piece', 'second.piece'].map((name) => [
        name,
        executor.place({ ...piece().piece, data: (host as Record<string, typeof outputs.sum>)[name]!.data.slice() }),
      ]),
    );
    const over = Object.fromEntries(Object.entries(state).map(([name, placed]) => [`next.${name}`, placed]));
    const kernels = kernelsOf(program);
    expect(await program.run({ ...host, ...state }, over)).toEqual({});
    expect(kernels).toHaveLength(1);
    for (const [name, placed] of Object.entries(state)) {
      const apart = (await placed.read()).map((value, i) => Math.abs(value - outputs[`next.${name}`]!.data[i]!));
      expect(Math.max(...apart), name).toBeLessThan(1e-6);
    }
    await program.release();
  });

  it('has no tensor of squares: norms of rows, and sums of those', async () => {
    const program = await executor.load(squaresProgram(piece()));
    const kernels = kernelsOf(program);
    await program.run({ 'gradient.piece': tensor(4) });
    expect(kernels.filter(({ operator }) => operator === 'ReduceL2')).toHaveLength(1);
    expect(kernels.length).toBeLessThan(4);
    await program.release();
  });

  it('runs what is asked for on other tensors while it computes, and on the same tensors in turn', async () => {
    const program = await executor.load(accumulateProgram(piece()));
    const sums = [10, 20, 30].map((seed) => executor.place(tensor(seed)));
    const gradient = executor.place(tensor(4));
    const kernels = kernelsOf(program);
    const asked = [0, 1, 2, 0, 1, 0].map((i) =>
      program.run({ 'sum.piece': sums[i]!, 'gradient.piece': gradient }, { 'next.sum.piece': sums[i]! }),
    );
    // Released before any has ended, as after an error elsewhere.
    await Promise.all([...asked, program.release()]);
    expect(kernels).toHaveLength(asked.length);
    for (const [i, times] of [3, 2, 1].entries()) {
      const [before, added] = [values(10 * (i + 1)), values(4)];
      const apart = (await sums[i]!.read()).map((value, k) => Math.abs(value - before[k]! - times * added[k]!));
      expect(Math.max(...apart)).toBeLessThan(1e-5);
    }
  });

  it('refuses a run that lacks an input, and computes the next', async () => {
    const program = await executor.load(squaresProgram(piece()));
    await expect(program.run({})).rejects.toThrow('gradient.piece');
    const { squares } = await program.run({ 'gradient.piece': tensor(4) });
    expect(squares!.data[0]).toBeCloseTo(
      values(4).reduce((sum, x) => sum + x * x, 0),
      0,
    );
    await program.release();
  });
});
