import { beforeAll, expect, it } from 'vitest';
import { gradientsProgram } from '../../src/distill/training/gradients-program';
import type { Scheduled } from '../../src/distill/training/schedules';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { tinyPair, tinyTrainer } from './tiny-pair';

let executor: Executor;
beforeAll(async () => {
  executor = await createCpuExecutor();
});

/** 1 in every step, which nobody is told before. */
const SCHEDULED_ONE: Scheduled = { from: 1, to: 1, schedule: 'linear' };

const pairAt = (temperature: Scheduled) =>
  tinyPair('causal-lm', { divergence: 'forward-kl', temperature, alpha: 0.5, scaleByTemperatureSquared: true });

it('a temperature that is always 1 is not in the graph', () => {
  const [always, scheduled] = [1, SCHEDULED_ONE].map((temperature) => {
    const { graph } = gradientsProgram(pairAt(temperature).pairing, { rows: 2, length: 8, predictions: 8 });
    return { asked: 'temperature' in graph.inputs, divisions: graph.nodes.filter(({ op }) => op === 'Div').length };
  });
  expect([always!.asked, scheduled!.asked]).toEqual([false, true]);
  expect(always!.divisions).toBeLessThan(scheduled!.divisions);
});

it('steps are those of a temperature that is scheduled to be 1', async () => {
  const lossesAt = async (temperature: Scheduled): Promise<number[]> => {
    const trainer = tinyTrainer(executor, pairAt(temperature));
    const losses: number[] = [];
    for (let step = 0; step < 3; step++) losses.push((await trainer.step()).loss.total);
    await trainer.release();
    return losses;
  };
  const [always, scheduled] = [await lossesAt(1), await lossesAt(SCHEDULED_ONE)];
  always.forEach((loss, step) => expect(loss).toBeCloseTo(scheduled[step]!, 6));
});
