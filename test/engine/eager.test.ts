import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import { keepMasks, recordedDropout } from '../../src/engine/graph/dropout';
import { openExecutor, type Engine } from '../../src/engine/engines';
import type { Executor } from '../../src/engine/executor';
import { findLibrary } from '../../src/engine/libraries';
import type { Program } from '../../src/engine/graph/program';
import { record } from '../../src/engine/graph/trace-backend';

/** What a step leaves behind is counted, one tensor in all of them too. */
const STEPS = 200;

const float = (data: number[], shape: number[] = [data.length]): HostTensor => ({
  shape,
  dtype: 'float32',
  data: Float32Array.from(data),
});

const spec = (shape: number[]) => ({ shape, dtype: 'float32' as const });

/** One step of gradient descent on ½ |w|², with a scalar that is returned. */
function descent(): Program {
  const inputs = { w: spec([3]), rate: spec([]) };
  return record('descent', inputs, ({ w, rate }) => {
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => tf.mul(tf.sum(tf.square(x)), 0.5))(w!);
    return { next: tf.sub(w!, tf.mul(grad, rate!)), loss: value };
  });
}

const engines: Engine[] = ['tfjs-cpu', 'tfjs-wasm', ...(findLibrary('tensorflow') ? (['tfjs-node'] as const) : [])];

describe.each(engines)('programs run eagerly by %s', (engine) => {
  let executor: Executor;
  beforeAll(async () => {
    executor = await openExecutor(engine);
  });

  it(`holds no more tensors after ${STEPS} steps than before them`, async () => {
    const loaded = await executor.load(descent());
    const w = executor.place(float([1, -2, 4]));
    const before = tf.memory().numTensors;
    let loss: number[] = [];
    for (let step = 0; step < STEPS; step++) {
      const outputs = await loaded.run({ w, rate: float([0.001], []) }, { next: w });
      loss = Array.from(outputs.loss!.data);
      expect(Object.keys(outputs)).toEqual(['loss']);
    }
    expect(tf.memory().numTensors).toBe(before);
    const shrunk = 0.999 ** STEPS;
    const end = await w.read();
    [1, -2, 4].forEach((value, i) => expect(end[i]! / (value * shrunk)).toBeCloseTo(1, 3));
    expect(loss[0]! / (10.5 * 0.999 ** (2 * STEPS - 2))).toBeCloseTo(1, 3);
    await loaded.release();
    w.dispose();
  });

  it('gives other work its turn between two runs', async () => {
    const loaded = await executor.load(descent());
    const inputs = { w: float([1, 2, 3]), rate: float([0.1], []) };
    let turns = 0;
    let waiting = true;
    const turn = (): void => {
      turns++;
      if (waiting) setImmediate(turn);
    };
    setImmediate(turn);
    for (let step = 0; step < 20; step++) await loaded.run(inputs);
    waiting = false;
    expect(turns).toBeGreaterThanOrEqual(20);
    await loaded.release();
  });

  it('places frozen inputs once and frees them at the end', async () => {
    const program = record('frozen', { x: spec([2]), weight: spec([2]) }, ({ x, weight }) => ({
      y: tf.mul(x!, weight!),
    }));
    const before = tf.memory().numTensors;
    const loaded = await executor.load(program, { weight: float([3, 5]) });
    for (const [a, b] of [
      [1, 2],
      [4, 6],
    ]) {
      const { y } = await loaded.run({ x: float([a!, b!]) });
      expect(Array.from(y!.data)).toEqual([3 * a!, 5 * b!]);
      expect(tf.memory().numTensors).toBe(before + 1);
    }
    await loaded.release();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('finds dropout masks by name', async () => {
    const program = record('dropout', { x: spec([400]) }, ({ x }, addInput) => {
      const dropout = recordedDropout(addInput);
      return { y: dropout(dropout(x!, 0.5), 0.2) };
    });
    const loaded = await executor.load(program);
    const masks = keepMasks(program.graph, 3, 1);
    const { y } = await loaded.run({ x: float(new Array<number>(400).fill(1)), ...masks });
    const [first, second] = Object.values(masks).map(({ data }) => data);
    y!.data.forEach((value, i) => expect(value).toBeCloseTo((first![i]! * second![i]!) / 0.4, 5));
    await loaded.release();
  });

  it('returns an input, and one tensor under two names, as tensors of their own', async () => {
    const program = record('same', { x: spec([2]), state: spec([2]) }, ({ x, state }) => {
      const sum = tf.add(x!, state!);
      return { state: sum, copy: sum, x: x! };
    });
    const loaded = await executor.load(program);
    const [state, copy, given] = [
      executor.place(float([1, 2])),
      executor.place(float([0, 0])),
      executor.place(float([0, 0])),
    ];
    const x = float([10, 20]);
    await loaded.run({ x, state }, { state, copy, x: given });
    x.data.fill(0);
    state.write(Float32Array.of(-1, -1));
    expect([...(await state.read())]).toEqual([-1, -1]);
    expect([...(await copy.read())]).toEqual([11, 22]);
    expect([...(await given.read())]).toEqual([10, 20]);
    for (const tensor of [state, copy, given]) tensor.dispose();
    await loaded.release();
  });

  it('frees what a run that fails had made, and says which program and engine it was', async () => {
    const { graph } = record('square', { x: spec([2]) }, ({ x }) => ({ y: tf.square(x!) }));
    const evaluate: Program['evaluate'] = ({ x }) => {
      tf.square(x!);
      return { y: tf.engine().runKernel<tf.Tensor>('NoSuchOperation', { x: x! }) };
    };
    const loaded = await executor.load({ graph, evaluate });
    const before = tf.memory().numTensors;
    await expect(loaded.run({ x: float([1, 2]) })).rejects.toThrow(
      new RegExp(`engine ${engine}, program square: Kernel 'NoSuchOperation' not registered for backend`),
    );
    await expect(loaded.run({})).rejects.toThrow('graph square was run without its input x');
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('backends side by side', () => {
  let executors: Executor[];
  beforeAll(async () => {
    executors = await Promise.all(engines.map((engine) => openExecutor(engine)));
    await tf.setBackend('cpu');
  });

  it('keep their tensors and leave the backend in use, also where recordings, loads and runs interleave', async () => {
    const runs = executors.map(async (executor, index) => {
      const w = executor.place(float([index + 1, 0, 0]));
      for (let step = 0; step < 10; step++) {
        const loaded = await executor.load(descent());
        await loaded.run({ w, rate: float([0.5], []) }, { next: w });
        await loaded.release();
      }
      const [first] = await w.read();
      w.dispose();
      return first! * 2 ** 10;
    });
    expect(await Promise.all(runs)).toEqual(executors.map((_, index) => index + 1));
    expect(tf.getBackend()).toBe('cpu');
  });

  it('refuses to write into a tensor of an executor of another kind', async () => {
    const cpu = await openExecutor('cpu', { threads: 1 });
    const loaded = await executors[0]!.load(descent());
    const foreign = cpu.place(float([0, 0, 0]));
    const inputs = { w: float([1, 2, 3]), rate: float([0.1], []) };
    await expect(loaded.run(inputs, { next: foreign })).rejects.toThrow('another executor');
  });
});
