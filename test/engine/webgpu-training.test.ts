import { expect, it } from 'vitest';
import { divergences } from '../../src/distill/losses/divergences';
import type { Divergence } from '../../src/protocol/divergences';
import type { Trainer } from '../../src/distill/training/trainer';
import { openExecutor } from '../../src/engine/engines';
import type { Executor } from '../../src/engine/executor';
import type { LossComponents } from '../../src/protocol/records';
import { tinyPair, tinyTrainer, type TinyPair } from '../distill/tiny-pair';
import { expectClose } from '../golden/compare';
import { allOr } from '../torture';
import { describeOnEach } from './executors';

/** Two batches a step, several row chunks over the vocabulary, dropout, clipping. */
const trainerOn = (executor: Executor, pair: TinyPair): Trainer =>
  tinyTrainer(executor, pair, {}, undefined, { gradientAccumulation: 2 });

const numbersOf = (loss: LossComponents): number[] => Object.values(loss) as number[];

async function twoSteps(trainer: Trainer) {
  const records = [await trainer.step(), await trainer.step()];
  const state = await trainer.state();
  await trainer.release();
  return { records, state };
}

const withHidden = [
  ['text-classification', 'forward-kl', 'cosine'],
  ['causal-lm', 'jsd', 'mse'],
] as const;
const byEach = (Object.keys(divergences) as Divergence[]).map((name) => ['causal-lm', name, undefined] as const);
const cases = allOr([...byEach, ...withHidden], withHidden);

describeOnEach('a training on WebGPU', (executor) => {
  it.each(cases)('of %s with %s and hidden %s goes as on the CPU', async (task, divergence, hidden) => {
    const layers = [[2, 1]] as const;
    const pair = tinyPair(task, { divergence, ...(hidden && { hidden: { loss: hidden, layers, weight: 0.5 } }) });
    const here = await twoSteps(trainerOn(executor(), pair));
    const there = await twoSteps(trainerOn(await openExecutor('cpu'), pair));
    for (const [step, { loss, gradientNorm }] of there.records.entries()) {
      const computed = here.records[step]!;
      const wanted = numbersOf(loss);
      expectClose(`losses of step ${step}`, numbersOf(computed.loss), wanted, 1e-5);
      expect(computed.gradientNorm / gradientNorm).toBeCloseTo(1, 4);
    }
    // Moments are the gradients themselves; parameters are left out, since Adam makes ±1 of a gradient that is only rounding.
    for (const [name, first] of Object.entries(there.state.firstMoments)) {
      expectClose(`first moment of ${name}`, here.state.firstMoments[name]!, first, 1e-6);
    }
  });

  const decoders = tinyPair('causal-lm');
  let once: ReturnType<typeof twoSteps> | undefined;
  /** Trained once for the tests that hold others against it. */
  const uninterrupted = (): ReturnType<typeof twoSteps> => (once ??= twoSteps(trainerOn(executor(), decoders)));

  it('ends at the same weights to the last bit whenever it is repeated', async () => {
    const { state } = await uninterrupted();
    expect((await twoSteps(trainerOn(executor(), decoders))).state).toEqual(state);
  });

  it('goes on from its state as if it had not stopped', async () => {
    const { state } = await uninterrupted();
    const [first, second] = [trainerOn(executor(), decoders), trainerOn(executor(), decoders)];
    await first.step();
    second.restore(await first.state());
    await second.step();
    expect(await second.state()).toEqual(state);
    await first.release();
    await second.release();
  });
});
