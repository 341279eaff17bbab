/** @file Moments that are kept as bfloat16: read and written by the one kernel of an update, and rounded to the nearest. */

import { describe, expect, it } from 'vitest';
import type { TensorSpec } from '../../src/engine/array';
import type { Executor } from '../../src/engine/executor';
import { findLibrary } from '../../src/engine/libraries';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { createOpenVinoExecutor } from '../../src/engine/openvino/openvino';
import { scalar } from '../../src/distill/batch-inputs';
import { updateProgram } from '../../src/distill/training/update-programs';
import { mapValues } from '../../src/distill/named';
import { tinyPair, tinyTrainer } from '../distill/tiny-pair';
import { decodeBfloat16, encodeBfloat16 } from '../../src/protocol/float16';

const missing = findLibrary('openvino') === undefined;
const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, decays: () => true };
const factors = { gradientScale: 0.07, stepSize: 3e-4, scaledEpsilon: 3e-10, keptByDecay: 0.9999 };

describe.skipIf(missing)('state that is kept as bfloat16', () => {
  it.each([2 ** 15, 1000])('is widened, updated and rounded, %i elements', async (length) => {
    const spec = { shape: [length], dtype: 'float32' } satisfies TensorSpec;
    const program = updateProgram({ piece: spec }, options);
    const values = (seed: number): Float32Array =>
      decodeBfloat16(encodeBfloat16(Float32Array.from({ length }, (_, i) => 0.5 + 0.5 * Math.sin(seed + i * 0.7))));
    const host = {
      'parameter.piece': values(1),
      'first.piece': values(2),
      'second.piece': values(3),
      'gradient.piece': values(4),
    };
    const scalars = mapValues(factors, scalar);
    const expected = await (
      await (await createCpuExecutor()).load(program)
    ).run({
      ...mapValues(host, (data) => ({ ...spec, data })),
      ...scalars,
    });

    const executor = createOpenVinoExecutor({ cache: null, properties: { PERF_COUNT: 'YES' } });
    const placed = mapValues(host, (data: Float32Array, name) =>
      /^(first|second)/.test(name)
        ? executor.placeRounded!({ shape: [length], data: encodeBfloat16(data) })
        : executor.place({ ...spec, data: data.slice() }),
    );
    const loaded = await executor.load(program);
    const { 'gradient.piece': gradient, ...state } = placed;
    const into = Object.fromEntries(Object.entries(state).map(([name, tensor]) => [`next.${name}`, tensor]));
    expect(await loaded.run({ ...state, 'gradient.piece': gradient!, ...scalars }, into)).toEqual({});
    for (const [name, tensor] of Object.entries(into)) {
      const now = (await tensor.read()) as Float32Array;
      const wanted = expected[name]!.data as Float32Array;
      // To the nearest: half of the distance of two neighbours.
      const most = name.includes('parameter') ? 1e-6 : 2 ** -8;
      const apart = now.map((value, i) => Math.abs(value - wanted[i]!) / Math.max(0.5, Math.abs(wanted[i]!)));
      expect(Math.max(...apart), name).toBeLessThan(most);
      if (name.includes('parameter')) continue;
      expect(decodeBfloat16(encodeBfloat16(now)), name).toEqual(now);
    }
  });

  const trainerOf = (executor: Executor) => tinyTrainer(executor, tinyPair('causal-lm'), { moments: 'bfloat16' });

  it('gives the same bits again where a training goes on from its state', async () => {
    const trainer = trainerOf(createOpenVinoExecutor());
    await trainer.step();
    const state = await trainer.state();
    for (const moment of [state.firstMoments, state.secondMoments]) {
      for (const [name, values] of Object.entries(moment)) {
        expect(decodeBfloat16(encodeBfloat16(values)), name).toEqual(values);
      }
    }
    // A checkpoint is written from what is held, and gone on from.
    const { secondMoments, ...current } = await trainer.currentState();
    expect(Object.values(secondMoments).every((bits) => bits instanceof Uint16Array)).toBe(true);
    const kept = { ...current, secondMoments: mapValues(secondMoments, (bits) => bits.slice()) };
    const first = mapValues(current.firstMoments, (bits) => bits.slice());
    const parameters = mapValues(current.parameters, (values) => values.slice());
    await trainer.step();
    const after = await trainer.state();
    expect(after.secondMoments).not.toEqual(state.secondMoments);
    for (const from of [state, { ...kept, parameters, firstMoments: first }]) {
      trainer.restore(from);
      await trainer.step();
      expect(await trainer.state()).toEqual(after);
    }
    await trainer.release();
  });

  it('is refused by an engine that keeps none', async () => {
    const cpu = await createCpuExecutor();
    expect(() => trainerOf(cpu)).toThrow('The engine cpu keeps no moments in bfloat16.');
  });
});
