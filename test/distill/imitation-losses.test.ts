import { describe, expect, it } from 'vitest';
import { controlOf } from '../../src/distill/pairing';
import type { EpochOptions } from '../../src/distill/training/epochs';
import { gradientsProgram } from '../../src/distill/training/gradients-program';
import { openExecutor } from '../../src/engine/engines';
import { keepMasks } from '../../src/engine/graph/dropout';
import type { Architecture } from '../../src/model/architecture';
import { imitationNames } from '../../src/protocol/imitation';
import type { LossComponents } from '../../src/protocol/records';
import { imitations } from './imitations';
import { tinyPair, tinyTrainer } from './tiny-pair';

const ratesOf = (rate: number): Partial<Architecture> => ({
  dropout: rate,
  attentionDropout: rate,
  embeddingDropout: rate,
  classifierDropout: rate,
});

describe.each(imitationNames)('a training that imitates (%s)', (name) => {
  describe.each(['causal-lm', 'text-classification'] as const)('of %s', (task) => {
    const objective = { [name]: imitations[name] };

    it('has the same loss however a step is divided', async () => {
      const executor = await openExecutor('cpu', { threads: 1 });
      const lossesOf = async (batches: Partial<EpochOptions>): Promise<LossComponents[]> => {
        const pair = tinyPair(task, objective);
        const student = { ...pair.pairing.student, ...ratesOf(0) };
        const trainer = tinyTrainer(
          executor,
          { ...pair, pairing: { ...pair.pairing, student } },
          {},
          undefined,
          batches,
        );
        const records = [await trainer.step(), await trainer.step(), await trainer.step()];
        await trainer.release();
        return records.map(({ loss }) => loss);
      };
      const [whole, divided] = [
        await lossesOf({ batchSize: 6 }),
        await lossesOf({ batchSize: 2, gradientAccumulation: 3 }),
      ];
      for (const [step, { [name]: own, total }] of whole.entries()) {
        expect(own).toBeGreaterThan(0);
        expect(divided[step]![name]).toBeCloseTo(own!, 5);
        expect(divided[step]!.total).toBeCloseTo(total, 4);
      }
    });

    it('draws the dropout masks that its control draws', () => {
      const { pairing } = tinyPair(task, objective);
      const pair = { ...pairing, student: { ...pairing.student, ...ratesOf(0.1) } };
      const shape = { rows: 4, length: 8, predictions: task === 'causal-lm' ? 10 : 4 };
      const [own, control] = [pair, controlOf(pair, 'no-distillation')].map((one) =>
        keepMasks(gradientsProgram(one, shape).graph, 1, 1),
      );
      expect(Object.keys(own!).length).toBeGreaterThan(4);
      expect(own).toEqual(control);
    });
  });
});
