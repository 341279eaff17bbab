import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { logits } from '../../src/model/computations/transformer';
import {
  caseInputs,
  expectCloseAtReal,
  goldenCases,
  goldenFolder,
  hostParameters,
  modelInputs,
  readGolden,
  runCase,
} from '../golden/compare';
import { executeEagerly } from '../golden/eager';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('what Python transformers computes', () => {
  it.each(goldenCases)('$folder has its logits, hidden states, attentions, loss and gradients', async (golden) => {
    await runCase(golden, executeEagerly);
  });

  it.each(['gpt2-bf16', 'gpt2-fp16'])('%s has its logits after widening to float32', async (folder) => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder(folder));
    const expected = await readGolden(folder, 'expected.safetensors');
    const computed = await executeEagerly((inputs) => ({ logits: logits(architecture, inputs, modelInputs(inputs)) }), {
      ...hostParameters(architecture, parameters),
      ...caseInputs(expected),
    });
    const mask = expected.attention_mask!.data;
    expectCloseAtReal('logits', computed.logits!, expected.logits!, mask, 1e-4);
  });

  it('modernbert-sequence-classification has other logits where the first token is read and not the mean', async () => {
    const folder = 'modernbert-sequence-classification';
    const { architecture, parameters } = await loadCheckpoint(goldenFolder(folder));
    const { poolsMean, ...first } = architecture;
    expect(poolsMean).toBe(true);
    const expected = await readGolden(folder, 'expected.safetensors');
    const computed = await executeEagerly((inputs) => ({ logits: logits(first, inputs, modelInputs(inputs)) }), {
      ...hostParameters(first, parameters),
      ...caseInputs(expected),
    });
    expectCloseAtReal('logits', computed.logits!, expected.logits_with_cls_pooling!, [1], 1e-4);
  });

  const decoders = goldenCases.filter(({ task, folder, expected }) => task === 'causal-lm' && folder === expected);

  it.each(decoders)('$folder has its logits for rows padded on the left, given their positions', async ({ folder }) => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder(folder));
    const expected = await readGolden(folder, 'expected.safetensors');
    const computed = await executeEagerly((inputs) => ({ logits: logits(architecture, inputs, modelInputs(inputs)) }), {
      ...hostParameters(architecture, parameters),
      ...caseInputs(expected, 'left.'),
    });
    const mask = expected['left.attention_mask']!.data;
    expect(mask.includes(0)).toBe(true);
    expectCloseAtReal('logits', computed.logits!, expected['left.logits']!, mask, 1e-4);
    expect(computed.logits!.data.every(Number.isFinite)).toBe(true); // padding queries that see nothing too
  });
});
