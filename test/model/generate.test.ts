import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { generate, generateAll, sample } from '../../src/model/generate';
import { logits } from '../../src/model/computations/transformer';
import { softmax } from '../../src/protocol/distribution';
import { expectClose, goldenFolder, hostParameters, modelInputs, readGolden } from '../golden/compare';
import { executeEagerly } from '../golden/eager';

/** Always the same logits, whatever came before. */
const constant = (values: number[]) => (): Promise<Float32Array> => Promise.resolve(Float32Array.from(values));

describe('generation', () => {
  it.each(['gpt2', 'llama'])(
    'of %s continues the golden prompt as transformers does, with its logits',
    async (folder) => {
      await tf.setBackend('cpu');
      const { architecture, parameters } = await loadCheckpoint(goldenFolder(folder));
      const weights = hostParameters(architecture, parameters);
      const { prompt_ids, generated_ids, step_logits } = await readGolden(folder, 'generation.safetensors');
      const steps: Float32Array[] = [];
      const nextLogits = async (ids: readonly number[]): Promise<Float32Array> => {
        const shape = [1, ids.length];
        const computed = await executeEagerly((inputs) => ({ z: logits(architecture, inputs, modelInputs(inputs)) }), {
          ...weights,
          input_ids: { shape, data: Int32Array.from(ids), dtype: 'int32' },
          attention_mask: { shape, data: new Float32Array(ids.length).fill(1), dtype: 'float32' },
        });
        steps.push((computed.z!.data as Float32Array).slice(-architecture.vocabularySize));
        return steps.at(-1)!;
      };
      const { ids, probabilities } = await generate(nextLogits, Array.from(prompt_ids!.data), { maxNewTokens: 16 });
      expect(ids).toEqual(Array.from(generated_ids!.data));
      expectClose(
        'logits',
        steps.flatMap((step) => Array.from(step)),
        step_logits!.data,
        1e-4,
      );
      expect(probabilities).toEqual(ids.map((id, i) => softmax(steps[i]!)[id]));
    },
  );

  it('ends with the end-of-text token, which is returned', async () => {
    const next = (ids: readonly number[]): Promise<Float32Array> =>
      Promise.resolve(Float32Array.from({ length: 5 }, (_, id) => (id === ids.length ? 1 : 0)));
    const options = { maxNewTokens: 10, endOfText: 3 };
    expect((await generate(next, [0], options)).ids).toEqual([1, 2, 3]);
  });

  it('goes on after a prompt that ends with the end-of-text token', async () => {
    const { ids } = await generate(constant([1, 0]), [1], { maxNewTokens: 2, endOfText: 1 });
    expect(ids).toEqual([0, 0]);
  });

  it('samples the same for a seed and the tokens in proportion to their probabilities', async () => {
    const values = [1, 0, 2];
    const draw = (seed: number): Promise<{ ids: number[] }> =>
      generate(constant(values), [], { maxNewTokens: 4000, sampling: { temperature: 2, seed } });
    const { ids } = await draw(5);
    expect((await draw(5)).ids).toEqual(ids);
    expect((await draw(6)).ids).not.toEqual(ids);
    softmax(values, 2).forEach((probability, id) => {
      const share = ids.filter((drawn) => drawn === id).length / ids.length;
      expect(Math.abs(share - probability)).toBeLessThan(0.03); // 4 standard deviations of 4,000 draws
    });
  });
});

describe('several texts', () => {
  /** The next id follows from all before it, so that no two texts end alike. */
  const next = (ids: readonly number[]): Float32Array => {
    const peak = ids.reduce((hash, id) => (7 * hash + id + 3) % 11, ids.length);
    return Float32Array.from({ length: 11 }, (_, id) => -Math.abs(id - peak));
  };
  const prompts = [[1], [2, 3, 4], [5], [6, 1], [9], [2]].map((ids, i) => ({ ids, maxNewTokens: 6 + 5 * i }));

  it.each([undefined, { temperature: 1.5, topK: 5, seed: 3 }])(
    'are continued as each alone, sampled by %j',
    async (sampling) => {
      const asked: number[] = [];
      const together = await generateAll(
        (texts) => {
          asked.push(texts.length);
          return Promise.resolve(texts.map(next));
        },
        prompts,
        { endOfText: 0, sampling },
      );
      const alone = [];
      for (const { ids, maxNewTokens } of prompts) {
        alone.push(
          await generate((sofar) => Promise.resolve(next(sofar)), ids, { maxNewTokens, endOfText: 0, sampling }),
        );
      }
      expect(together).toEqual(alone);
      expect(new Set(together.map(({ ids }) => ids.length)).size).toBeGreaterThan(2);
      // Those that have ended are left out when they are half.
      expect(asked[0]).toBe(6);
      expect(asked.at(-1)).toBeLessThan(4);
    },
  );

  it('that may have no token have none', async () => {
    const none = await generateAll(() => Promise.reject(new Error('asked')), [{ ids: [1], maxNewTokens: 0 }]);
    expect(none).toEqual([{ ids: [], probabilities: [] }]);
  });
});

describe('sampling', () => {
  const z = Float32Array.from([Math.log(0.1), Math.log(0.5), Math.log(0.15), Math.log(0.25)]); // sums to 1
  const grid = Array.from({ length: 1000 }, (_, i) => i / 1000);
  const reached = (options: { temperature: number; topK?: number; topP?: number }): number[] =>
    [...new Set(grid.map((u) => sample(z, options, u)))].sort((a, b) => a - b);

  it('draws from all tokens, the k most probable, or the fewest that reach p', () => {
    expect(reached({ temperature: 1 })).toEqual([0, 1, 2, 3]);
    expect(reached({ temperature: 1, topK: 2 })).toEqual([1, 3]);
    expect(reached({ temperature: 1, topP: 0.7 })).toEqual([1, 3]);
    expect(reached({ temperature: 1, topP: 0.8 })).toEqual([1, 2, 3]);
    expect(reached({ temperature: 1, topP: 0 })).toEqual([1]);
    expect(reached({ temperature: 0.01 })).toEqual([1]);
  });

  it('draws from all tokens in the order of their ids, of which none is left out', () => {
    const middles = grid.map((u) => u + 0.0005);
    expect(middles.map((u) => sample(z, { temperature: 1 }, u))).toEqual(
      middles.map((u) => (u < 0.1 ? 0 : u < 0.6 ? 1 : u < 0.75 ? 2 : 3)),
    );
    const alone = Float32Array.from([0, -Infinity, -Infinity]);
    expect(sample(alone, { temperature: 1 }, 1 - 2 ** -32)).toBe(0);
  });

  it.each([0.05, 0.5, 0.999])('draws from a large vocabulary as from all of it in order, with topP %j', (topP) => {
    const many = Float32Array.from({ length: 3000 }, (_, id) => 4 * Math.sin(id * 12.9898));
    const order = Array.from(many.keys()).sort((a, b) => many[b]! - many[a]!);
    const p = softmax(many, 1.3);
    const reachedBy = order.findIndex((_, i) => order.slice(0, i + 1).reduce((sum, id) => sum + p[id]!, 0) >= topP);
    const nucleus = reachedBy < 0 ? order : order.slice(0, reachedBy + 1);
    const mass = nucleus.reduce((sum, id) => sum + p[id]!, 0);
    for (const uniform of [0, 0.013, 0.21, 0.5, 0.77, 0.9, 0.97, 0.9983]) {
      let sum = 0;
      const expected = nucleus.find((id) => (sum += p[id]! / mass) > uniform);
      expect(sample(many, { temperature: 1.3, topP }, uniform)).toBe(expected);
    }
  });

  it('renormalizes over what is left', () => {
    const share = grid.filter((u) => sample(z, { temperature: 1, topK: 2 }, u) === 1).length / grid.length;
    expect(share).toBeCloseTo(0.5 / 0.75, 2);
  });
});
