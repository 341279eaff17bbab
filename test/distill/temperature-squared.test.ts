import { beforeAll, describe, expect, it } from 'vitest';
import type { Divergence } from '../../src/protocol/divergences';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import type { LossComponents } from '../../src/protocol/records';
import { tinyPair, tinyTrainer } from './tiny-pair';

let executor: Executor;
beforeAll(async () => {
  executor = await createCpuExecutor();
});

const ALPHA = 0.25;

async function firstLoss(divergence: Divergence, temperature: number): Promise<LossComponents> {
  const trainer = tinyTrainer(executor, tinyPair('causal-lm', { divergence, temperature, alpha: ALPHA }));
  const { loss } = await trainer.step();
  await trainer.release();
  return loss;
}

describe('T² in the total', () => {
  it.each(['forward-kl', 'reverse-kl', 'jsd', 'tvd'] as const)('scales %s, which T softens', async (divergence) => {
    const { total, soft, hard } = await firstLoss(divergence, 3);
    expect(total).toBeCloseTo(ALPHA * 9 * soft! + (1 - ALPHA) * hard!, 4);
  });

  it.each(['mse-logits', 'cosine-logits'] as const)('is not in %s, which T does not enter', async (divergence) => {
    const [cold, hot] = [await firstLoss(divergence, 1), await firstLoss(divergence, 3)];
    expect(hot).toEqual(cold);
    expect(hot.total).toBeCloseTo(ALPHA * hot.soft! + (1 - ALPHA) * hot.hard!, 5);
  });
});
