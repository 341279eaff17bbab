import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { generate, sample } from '../../src/model/generate';
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

  it('renormalizes over what is left', () => {
    const share = grid.filter((u) => sample(z, { temperature: 1, topK: 2 }, u) === 1).length / grid.length;
    expect(share).toBeCloseTo(0.5 / 0.75, 2);
  });
});
