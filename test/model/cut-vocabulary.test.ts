/** @file Models without the tokens that are not used. */

import type * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openExecutor } from '../../src/engine/engines';
import type { Executor } from '../../src/engine/executor';
import { backbone, headLogits } from '../../src/model/computations/transformer';
import { cutVocabulary } from '../../src/model/cut-vocabulary';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { parameterShapes } from '../../src/model/layouts/config';
import type { Model } from '../../src/model/parameters';
import { expectClose, goldenFolder, hostParameters, type Program } from '../golden/compare';
import { recordedOn } from '../golden/recorded';

let executor: Executor;
beforeAll(async () => {
  executor = await openExecutor('cpu', { threads: 1 });
});

async function logitsOf({ architecture: a, parameters }: Model, ids: readonly number[]): Promise<Float32Array> {
  const program: Program = (inputs) => {
    const tokens = { inputIds: inputs.ids as tf.Tensor2D, attentionMask: inputs.mask as tf.Tensor2D };
    const { hiddenStates } = backbone(a, inputs, tokens);
    return { logits: headLogits(a, inputs, hiddenStates[a.layers]!, tokens) };
  };
  const { logits } = await recordedOn(executor)(program, {
    ...hostParameters(a, parameters),
    ids: { shape: [1, ids.length], dtype: 'int32', data: Int32Array.from(ids) },
    mask: { shape: [1, ids.length], dtype: 'float32', data: new Float32Array(ids.length).fill(1) },
  });
  return logits!.data as Float32Array;
}

describe('a model without the tokens that are not used', () => {
  it.each([
    'bert-masked-lm',
    'roberta-masked-lm',
    'roberta-sequence-classification',
    'electra-masked-lm',
    'mpnet-masked-lm',
    'gpt2',
    'llama',
    'gemma2',
  ])('%s: says the same of those that are left', async (folder) => {
    const whole = await loadCheckpoint(goldenFolder(folder));
    const { vocabularySize, padId, labels } = whole.architecture;
    // Without one before the padding token, from whose id RoBERTa counts positions.
    const kept = Int32Array.from({ length: vocabularySize }, (_, id) => id).filter(
      (id) => id === padId || (id % 3 === 1 && id > 0),
    );
    const cut = cutVocabulary(whole, kept);
    expect(cut.architecture.vocabularySize).toBe(kept.length);
    for (const [name, shape] of Object.entries(parameterShapes(cut.architecture))) {
      expect(cut.parameters[name]!.length, name).toBe(shape.reduce((product, extent) => product * extent, 1));
    }
    if (padId !== undefined) expect(kept[cut.architecture.padId!]).toBe(padId);
    const ids = [3, 9, 5, 12, 7];
    const before = await logitsOf(
      whole,
      ids.map((id) => kept[id]!),
    );
    const wanted = labels ? before : before.filter((_, i) => kept.includes(i % vocabularySize));
    expectClose('logits', await logitsOf(cut, ids), wanted, 1e-5);
  });

  it('names no token any more that is gone', async () => {
    const whole = await loadCheckpoint(goldenFolder('gpt2'));
    const named = { ...whole, architecture: { ...whole.architecture, eosId: 4, bosId: 2, padId: 4 } };
    const { architecture } = cutVocabulary(named, Int32Array.of(1, 3, 4));
    expect([architecture.eosId, architecture.bosId, architecture.padId]).toEqual([2, undefined, 2]);
  });
});
