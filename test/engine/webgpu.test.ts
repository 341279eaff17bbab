import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import { openExecutor } from '../../src/engine/engines';
import { GraphBuilder } from '../../src/engine/graph/graph-builder';
import { record } from '../../src/engine/graph/trace-backend';
import { expectClose } from '../golden/compare';
import { describeOnEach } from './executors';
import { loweredPrograms } from './lowered-programs';

const floats = (values: number[]): HostTensor => ({
  shape: [values.length],
  dtype: 'float32',
  data: Float32Array.from(values),
});

/** x + d, and e to the power of d. */
const increment = () =>
  record('increment', { x: floats([0, 0]), d: floats([0, 0]) }, ({ x, d }) => ({
    next: tf.add(x!, d!),
    other: tf.exp(d!),
  }));

describeOnEach('WebGPU', (executor) => {
  it('says which GPU it is, and whether only the processor imitates one', () => {
    const { hardware, device } = executor();
    expect(hardware?.name).toBe(device);
    expect(device).not.toBe('');
    const imitated = /swiftshader|lvp/.test(process.env.VK_ICD_FILENAMES ?? '');
    expect(hardware?.software).toBe(imitated);
    if (imitated) expect(device).toMatch(/SwiftShader|llvmpipe/);
    if (process.platform === 'linux') expect(hardware?.largestTensorBytes).toBeGreaterThanOrEqual(2 ** 27);
  });

  describe('operators that have no kernel there', () => {
    it.each(loweredPrograms)('computes $operator in another way', async ({ operator, inputs, evaluate }) => {
      const program = record(operator, inputs, evaluate);
      const [here, onCpu] = [await executor().load(program), await (await openExecutor('cpu')).load(program)];
      const [computed, expected] = [await here.run(inputs), await onCpu.run(inputs)];
      for (const [name, { data }] of Object.entries(expected)) expectClose(name, computed[name]!.data, data, 1e-6);
      await here.release();
    });

    it('are named where there is no other way, and never run on the CPU', async () => {
      const graph = new GraphBuilder('remainder');
      const x = graph.input('x', { shape: [2], dtype: 'int32' });
      const program = { graph: graph.finish({ y: graph.node('Mod', [x, x], x) }), evaluate: () => ({}) };
      await expect(executor().load(program)).rejects.toThrow(
        'Graph remainder has operators without a WebGPU kernel: Mod(int32, int32).',
      );
    });
  });

  describe('a tensor on the GPU', () => {
    it('is read as it was placed or written, before and after a program has used it', async () => {
      const x = executor().place(floats([1, 2]));
      expect(Array.from(await x.read())).toEqual([1, 2]);
      const loaded = await executor().load(increment());
      await loaded.run({ x, d: floats([0, 0]) });
      expect(Array.from(await x.read())).toEqual([1, 2]);
      x.write(Float32Array.of(5, 6));
      expect(Array.from(await x.read())).toEqual([5, 6]);
      const { next } = await loaded.run({ x, d: floats([1, 1]) });
      expect(Array.from(next!.data)).toEqual([6, 7]);
      expect(() => x.write(new Float32Array(3))).toThrow(/3 values for \[2\]/);
    });

    it('can be of whole numbers or of truth values', async () => {
      const ids = { shape: [2, 2], dtype: 'int32', data: Int32Array.of(1, 0, 1, 1) } as const;
      const kept = { shape: [3], dtype: 'bool', data: Uint8Array.of(1, 0, 1) } as const;
      const program = record('types', { ids, kept }, (t) => ({
        rows: tf.add(t.ids!, tf.scalar(1, 'int32')),
        dropped: tf.logicalNot(t.kept!),
      }));
      const [rows, dropped] = [executor().place(ids), executor().place(kept)];
      const loaded = await executor().load(program);
      await loaded.run({ ids: rows, kept: dropped }, { rows, dropped });
      expect(Array.from(await rows.read())).toEqual([2, 1, 2, 2]);
      expect(Array.from(await dropped.read())).toEqual([0, 1, 0]);
    });

    it('is written by programs in the order in which they are asked, without waiting', async () => {
      const x = executor().place(floats([1, 2]));
      const loaded = await executor().load(increment());
      const runs = [1, 10, 100].map((d) => loaded.run({ x, d: floats([d, 0]) }, { next: x }));
      const read = x.read();
      const outputs = await Promise.all(runs);
      expect(Array.from(await read)).toEqual([112, 2]);
      expect(outputs.map((output) => Object.keys(output))).toEqual([['other'], ['other'], ['other']]);
    });

    it('cannot be used once it is disposed of', async () => {
      const x = executor().place(floats([1, 2]));
      const loaded = await executor().load(increment());
      await loaded.run({ x, d: floats([1, 1]) }, { next: x });
      x.dispose();
      await expect(loaded.run({ x, d: floats([1, 1]) })).rejects.toThrow(/disposed/);
      await expect(x.read()).rejects.toThrow(/disposed/);
      // The next program is not held up by that.
      expect(Array.from((await loaded.run({ x: floats([1, 2]), d: floats([1, 1]) })).next!.data)).toEqual([2, 3]);
    });
  });

  it('takes no more memory however often a tensor is written over itself', async () => {
    const mebibyte = { shape: [2 ** 18], dtype: 'float32', data: new Float32Array(2 ** 18) } as const;
    const program = record('decay', { x: mebibyte }, ({ x }) => ({ next: tf.add(tf.mul(x!, 0.5), 1) }));
    const loaded = await executor().load(program);
    const x = executor().place(mebibyte);
    const run = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) await loaded.run({ x }, { next: x });
    };
    await run(50);
    const before = process.memoryUsage().rss;
    await run(200);
    // A tensor that is left behind in each run would be 200 MiB: an imitated GPU's memory is the process's own.
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 2 ** 20);
    expect((await x.read())[0]).toBeCloseTo(2);
  });
});
