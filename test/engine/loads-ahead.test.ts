/** @file Programs are loaded before they are asked for, each once, and none is forgotten. */

import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import type { Executor } from '../../src/engine/executor';
import type { Program } from '../../src/engine/graph/program';
import { record } from '../../src/engine/graph/trace-backend';
import { LoadsAhead } from '../../src/engine/loads-ahead';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';

let cpu: Executor;
beforeAll(async () => {
  cpu = await createCpuExecutor({ threads: 1 });
});

const plus = (number: number): Program =>
  record(`plus ${number}`, { x: { shape: [2], dtype: 'float32' } }, ({ x }) => ({ y: tf.add(x!, number) }));

/** The executor, which tells what it has loaded and what of that was let go of. */
function telling(loaded: string[], released: string[] = [], fails?: string): Executor {
  return {
    ...cpu,
    loadsBeside: true,
    load: async (program, frozen) => {
      const { name } = program.graph;
      loaded.push(name);
      if (name === fails) throw new Error('no room');
      const one = await cpu.load(program, frozen);
      return {
        graph: one.graph,
        run: (inputs, into) => one.run(inputs, into),
        release: () => {
          released.push(name);
          return one.release();
        },
      };
    },
  };
}

const x = { shape: [2], dtype: 'float32' as const, data: Float32Array.of(1, 2) };

it('who asks for a program that was loaded ahead is given it, and computes with it', async () => {
  const loaded: string[] = [];
  const ahead = new LoadsAhead(telling(loaded));
  const programs = [plus(1), plus(2), plus(3), plus(4)];
  ahead.begin(programs.map((program) => () => program));
  for (const [i, program] of programs.entries()) {
    const one = await ahead.executor.load(program);
    expect((await one.run({ x })).y!.data).toEqual(Float32Array.of(i + 2, i + 3));
    await one.release();
  }
  await ahead.release();
  expect(loaded.toSorted()).toEqual(['plus 1', 'plus 2', 'plus 3', 'plus 4']);
  // It was another's, who has released it.
  await (await ahead.executor.load(programs[0]!)).release();
  expect(loaded.length).toBe(5);
});

it('one that was needed before its turn is not loaded again', async () => {
  const loaded: string[] = [];
  const ahead = new LoadsAhead(telling(loaded));
  const programs = [plus(1), plus(2), plus(3)];
  ahead.begin(programs.map((program) => () => program));
  const early = await ahead.executor.load(programs[2]!);
  for (const program of programs.slice(0, 2)) await (await ahead.executor.load(program)).release();
  await ahead.release();
  expect(loaded.filter((name) => name === 'plus 3').length).toBe(1);
  await early.release();
});

it('what is begun later goes first', async () => {
  const loaded: string[] = [];
  const ahead = new LoadsAhead(telling(loaded));
  ahead.begin(Array.from({ length: 9 }, (_, i) => () => plus(i)));
  ahead.begin([() => plus(100)]);
  await new Promise(setImmediate);
  expect(loaded[0]).toBe('plus 100');
  await ahead.release();
});

it('lets go of what nobody has asked for, and begins nothing more', async () => {
  const [loaded, released]: [string[], string[]] = [[], []];
  const ahead = new LoadsAhead(telling(loaded, released));
  ahead.begin(Array.from({ length: 20 }, (_, i) => () => plus(i)));
  await new Promise(setImmediate);
  await ahead.release();
  expect(loaded.length).toBeGreaterThan(0);
  expect(loaded.length).toBeLessThan(20);
  expect(released).toEqual(loaded);
});

it('a large one waits for who needs it', async () => {
  const loaded: string[] = [];
  const ahead = new LoadsAhead(telling(loaded));
  const large = record('large', { x: { shape: [2 ** 26], dtype: 'float32' } }, ({ x }) => ({ y: tf.sum(x!) }));
  ahead.begin([() => large, () => plus(1)]);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  await ahead.release();
  expect(loaded).toEqual(['plus 1']);
  await (await ahead.executor.load(large)).release();
  expect(loaded).toEqual(['plus 1', 'large']);
});

it('who needs one that cannot be loaded is told why', async () => {
  const ahead = new LoadsAhead(telling([], [], 'plus 2'));
  const programs = [plus(1), plus(2)];
  ahead.begin(programs.map((program) => () => program));
  await (await ahead.executor.load(programs[0]!)).release();
  await expect(ahead.executor.load(programs[1]!)).rejects.toThrow('no room');
  await ahead.release();
});

it('loads nothing ahead where that would hold up what runs', async () => {
  const loaded: string[] = [];
  const ahead = new LoadsAhead({ ...telling(loaded), loadsBeside: undefined });
  ahead.begin([() => plus(1)]);
  await new Promise(setImmediate);
  await ahead.release();
  expect(loaded).toEqual([]);
});
