import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import type { Executor } from '../../src/engine/executor';
import { findLibrary } from '../../src/engine/libraries';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { createOpenVinoExecutor } from '../../src/engine/openvino/openvino';
import { unavailable } from '../../src/engine/openvino/loading';
import { bfloat16Pays, timePrecisions } from '../../src/engine/openvino/precision-times';
import { record } from '../../src/engine/graph/trace-backend';
import { hasBfloat16 } from './processor';

const missing = findLibrary('openvino') === undefined;

const matrix = (rows: number, columns: number, seed = 1): HostTensor => ({
  shape: [rows, columns],
  dtype: 'float32',
  data: Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(seed + i * 0.7)),
});

const product = (x: HostTensor, w: HostTensor) =>
  record('product', { x, w }, (t) => ({ y: tf.matMul(t.x as tf.Tensor2D, t.w as tf.Tensor2D) }));

describe('where OpenVINO cannot be loaded', () => {
  it.each([
    ["/lib/libc.so.6: version `GLIBC_2.28' not found", /glibc 2\.28/],
    ['Error relocating libopenvino_c.so: __memcpy_chk: symbol not found', /glibc; this one/],
    ['libtbb.so.12: cannot open shared object file: No such file or directory', /incomplete/],
    ['The specified module could not be found.', /Visual C\+\+/],
    ['something else', /cannot be loaded/],
  ])('"%s" becomes a sentence for a person, with a remedy', (reason, sentence) => {
    const error = unavailable('/libraries/openvino/1', reason);
    expect(error.message).toMatch(sentence);
    expect(error.message).toContain(reason);
    expect(error.remedy).toMatch(/^(Use|Install|Remove) /);
  });
});

describe.skipIf(missing)('OpenVINO', () => {
  const open = (options = {}): Executor => createOpenVinoExecutor({ cache: null, ...options });

  it('leaves the event loop free while it computes', async () => {
    const [x, w] = [matrix(768, 768), matrix(768, 768)];
    const loaded = await open().load(product(x, w));
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    for (let run = 0; run < 20; run++) await loaded.run({ x, w });
    running = false;
    await loaded.release();
    // Whatever waits gets its turn in each run, not only between them.
    expect(turns).toBeGreaterThan(2 * 20);
  });

  it('reads tensors where they lie at each run, and writes into the ones given', async () => {
    const executor = open();
    const [x, w] = [matrix(2, 2), matrix(2, 2)];
    const loaded = await executor.load(product(x, w));
    const [placed, into] = [executor.place({ ...w, data: w.data.slice() }), executor.place(matrix(2, 2))];
    const first = await loaded.run({ x, w: placed }, { y: into });
    expect(first).toEqual({});
    const [once] = await into.read();
    placed.write(w.data.map((value) => value * 2));
    await loaded.run({ x, w: placed }, { y: into });
    expect((await into.read())[0]).toBeCloseTo(2 * once!, 5);
    await loaded.release();
  });

  it('shares memory with views of a tensor', async () => {
    const executor = open();
    const whole = executor.place({ shape: [6], dtype: 'float32', data: Float32Array.of(1, 2, 3, 4, 5, 6) });
    const part = executor.view!(whole, 2, [2]);
    const double = record('double', { p: part }, ({ p }) => ({ q: tf.mul(p!, 2) }));
    const loaded = await executor.load(double);
    await loaded.run({ p: part }, { q: part });
    expect(Array.from(await whole.read())).toEqual([1, 2, 6, 8, 5, 6]);
    await loaded.release();
  });

  it('runs of one program that overlap do not disturb each other', async () => {
    const loaded = await open().load(product(matrix(2, 2), matrix(2, 2)));
    const identity: HostTensor = { shape: [2, 2], dtype: 'float32', data: Float32Array.of(1, 0, 0, 1) };
    const inputs = Array.from({ length: 20 }, (_, i) => matrix(2, 2, i));
    const outputs = await Promise.all(inputs.map((x) => loaded.run({ x, w: identity })));
    outputs.forEach(({ y }, i) => {
      expect(Array.from(y!.data)).toEqual(Array.from(inputs[i]!.data));
    });
    await loaded.release();
  });

  it('goes on with other tensors after those that it ran with are gone', async () => {
    const executor = open();
    const loaded = await executor.load(product(matrix(2, 2), matrix(2, 2)));
    for (let round = 0; round < 3; round++) {
      const [x, w] = [executor.place(matrix(2, 2, round)), executor.place(matrix(2, 2, 9))];
      const { y } = await loaded.run({ x, w });
      expect(y!.data.every(Number.isFinite)).toBe(true);
      x.dispose();
      w.dispose();
    }
    await loaded.release();
  });

  it('refuses tensors of another executor, missing inputs and devices that are not there', async () => {
    const cpu = await createCpuExecutor();
    const loaded = await open().load(product(matrix(2, 2), matrix(2, 2)));
    await expect(loaded.run({ x: cpu.place(matrix(2, 2)), w: matrix(2, 2) })).rejects.toThrow('another executor');
    await expect(loaded.run({ x: matrix(2, 2) })).rejects.toThrow('without its input w');
    await loaded.release();
    expect(() => open({ device: 'TPU' })).toThrow('finds no TPU on this machine');
  });

  it.skipIf(hasBfloat16)('refuses bfloat16 where the processor has none', () => {
    expect(() => open({ precision: 'bfloat16' })).toThrow('This processor cannot compute in bfloat16');
  });

  it.skipIf(!hasBfloat16)('in bfloat16 rounds the products and nothing else', async () => {
    const [x, w] = [matrix(64, 256), matrix(256, 64, 2)];
    const [exact, rounded] = await Promise.all(
      (['float32', 'bfloat16'] as const).map(async (precision) => {
        const loaded = await open({ precision }).load(product(x, w));
        const { y } = await loaded.run({ x, w });
        return y!.data;
      }),
    );
    const largest = Math.max(...exact!.map(Math.abs));
    const apart = Math.max(...exact!.map((value, i) => Math.abs(value - rounded![i]!)));
    expect(apart).toBeGreaterThan(0);
    expect(apart / largest).toBeLessThan(2 ** -6); // 8 bits of significand

    const sum = record('sum', { x }, (t) => ({ y: tf.add(tf.mul(t.x!, 1.2345), 1e-4) }));
    const [update, updateRounded] = await Promise.all(
      (['float32', 'bfloat16'] as const).map(
        async (precision) => (await (await open({ precision }).load(sum)).run({ x })).y!,
      ),
    );
    expect(updateRounded!.data).toEqual(update!.data);
  });

  it('tells what a product takes in each precision, and whether bfloat16 pays', async () => {
    const times = await timePrecisions(1);
    expect(times.float32).toBeGreaterThan(0);
    expect(times.bfloat16).toBeGreaterThan(0);
    expect(bfloat16Pays({ float32: 10, bfloat16: 4 })).toBe(true);
    expect(bfloat16Pays({ float32: 10, bfloat16: 9 })).toBe(false);
    expect(bfloat16Pays({ float32: 10, bfloat16: Infinity })).toBe(false);
  });
});
