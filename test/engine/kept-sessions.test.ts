/** @file A graph that an executor has loaded is not compiled again: see kept-sessions.ts. */

import { InferenceSession } from 'onnxruntime-node';
import { afterEach, beforeEach, expect, it, vi, type MockInstance } from 'vitest';
import type { Executor, LoadedProgram } from '../../src/engine/executor';
import type { Program } from '../../src/engine/graph/program';
import { GraphBuilder } from '../../src/engine/graph/graph-builder';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';

let executor: Executor;
/** Sees the sessions that are made; they are onnxruntime's. */
let created: MockInstance<typeof InferenceSession.create>;
beforeEach(async () => {
  executor = await createCpuExecutor({ threads: 1 });
  created = vi.spyOn(InferenceSession, 'create');
});
afterEach(() => {
  created.mockRestore();
});

const x = { shape: [2], dtype: 'float32' } as const;

/** y = (factor + also) · x, by as many more nodes. */
function scaled(factor: number, also = 0): Program {
  const graph = new GraphBuilder('scaled');
  const input = graph.input('x', x);
  let y = graph.elementwise('Mul', input, graph.constant(Float32Array.of(factor), [], 'float32'));
  for (let i = 0; i < also; i++) y = graph.elementwise('Add', y, input);
  return { graph: graph.finish({ y }) } as unknown as Program;
}

async function resultOf(program: LoadedProgram): Promise<number[]> {
  const { y } = await program.run({ x: { ...x, data: Float32Array.of(1, 2) } });
  return Array.from(y!.data);
}

it('but shared by two programs, of which one may be released, more than once', async () => {
  const [one, other] = await Promise.all([executor.load(scaled(3)), executor.load(scaled(3))]);
  expect(created).toHaveBeenCalledTimes(1);
  await one.release();
  await one.release();
  expect(await resultOf(other)).toEqual([3, 6]);
});

it('but kept for the next that loads it', async () => {
  const first = await executor.load(scaled(3));
  await first.release();
  const second = await executor.load(scaled(3));
  expect(created).toHaveBeenCalledTimes(1);
  expect(await resultOf(second)).toEqual([3, 6]);
  // By what it computes, and not by its name.
  expect(await resultOf(await executor.load(scaled(4)))).toEqual([4, 8]);
  expect(created).toHaveBeenCalledTimes(2);
});

it('but given back to the system once sixteen others have been used after it', async () => {
  const released: string[] = [];
  for (let i = 0; i <= 17; i++) {
    const program = await executor.load(scaled(3, i));
    const session = await (created.mock.results.at(-1)!.value as Promise<InferenceSession>);
    const release = session.release.bind(session);
    session.release = () => {
      released.push(`${i}`);
      return release();
    };
    await program.release();
  }
  expect(released).toEqual(['0', '1']);
  expect(await resultOf(await executor.load(scaled(3)))).toEqual([3, 6]);
  expect(created).toHaveBeenCalledTimes(19);
});

it('unless its weights are frozen into it: those are the program’s own', async () => {
  const frozen = (value: number): Promise<LoadedProgram> =>
    executor.load(scaled(3), { x: { ...x, data: Float32Array.of(value, value) } });
  const [one, other] = [await frozen(1), await frozen(2)];
  expect(created).toHaveBeenCalledTimes(2);
  expect(await one.run({})).toMatchObject({ y: { data: Float32Array.of(3, 3) } });
  await one.release();
  expect(await other.run({})).toMatchObject({ y: { data: Float32Array.of(6, 6) } });
});

it('and is tried anew where it could not be made', async () => {
  const graph = new GraphBuilder('refused');
  const input = graph.input('x', x);
  const program = {
    graph: graph.finish({ y: graph.elementwise('NoSuchOperator', input, input) }),
  } as unknown as Program;
  await expect(executor.load(program)).rejects.toThrow('NoSuchOperator');
  await expect(executor.load(program)).rejects.toThrow('NoSuchOperator');
  expect(created).toHaveBeenCalledTimes(2);
});
