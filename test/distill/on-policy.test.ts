/** @file Steps on what the student writes itself: which they are, what is written and counted, and that all of it depends on the seed alone. */

import { beforeAll, describe, expect, it } from 'vitest';
import { collate, type Batch } from '../../src/dataset/batches';
import { notCounted } from '../../src/dataset/examples';
import { predictionRows } from '../../src/distill/losses/shift';
import { parameterSpecs } from '../../src/distill/specs';
import { placeParameters } from '../../src/distill/teacher/teacher';
import { isOnPolicy, OwnTextsWriter, ownTextLengths } from '../../src/distill/training/on-policy';
import type { OnPolicy } from '../../src/distill/pairing';
import type { Trainer, TrainingOptions } from '../../src/distill/training/trainer';
import type { EpochOptions } from '../../src/distill/training/epochs';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import type { MetricsRecord } from '../../src/protocol/records';
import { sharingSessions } from '../engine/sessions-of-file';
import { END_OF_TEXT, MAX_LENGTH, tinyPair, tinyTrainer } from './tiny-pair';

sharingSessions();

let executor: Executor;
beforeAll(async () => {
  executor = await createCpuExecutor({ threads: 1 });
});

/** Without dropout, whose masks depend on how a step is split. */
const none = { dropout: 0, attentionDropout: 0, embeddingDropout: 0 };

function pairWith(onPolicy: Partial<OnPolicy> | undefined) {
  const complete = onPolicy && { fraction: 0.5, maxNewTokens: 9, temperature: 1, ...onPolicy };
  const pair = tinyPair('causal-lm', { onPolicy: complete });
  return { ...pair, pairing: { ...pair.pairing, student: { ...pair.pairing.student, ...none } } };
}

const trainerOf = (
  onPolicy: Partial<OnPolicy> | undefined,
  options: Partial<TrainingOptions> = {},
  batches: Partial<EpochOptions> = {},
): Trainer => tinyTrainer(executor, pairWith(onPolicy), options, undefined, batches);

/** What a step was, times left out. */
type Step = Pick<MetricsRecord, 'step' | 'tokens' | 'loss'> & { written?: [number, number, number] | undefined };

const stepOf = ({ step, tokens, loss, onPolicy: of }: MetricsRecord): Step => ({
  step,
  tokens,
  loss,
  written: of && [of.texts, of.meanLength, of.ended],
});

async function train(trainer: Trainer, steps = 8) {
  const records: Step[] = [];
  for (let step = 0; step < steps; step++) records.push(stepOf(await trainer.step()));
  const state = await trainer.state();
  await trainer.release();
  return { records, state };
}

describe('a training with steps on the student’s own texts', () => {
  it('has the same bits for a seed, and others for another', async () => {
    const [first, again, other] = [
      await train(trainerOf({})),
      await train(trainerOf({})),
      await train(trainerOf({}, { seed: 2 })),
    ];
    expect(again).toEqual(first);
    expect(other.records).not.toEqual(first.records);
    const which = first.records.map(({ written }) => written !== undefined);
    expect(which).toContain(true);
    expect(which).toContain(false);
  });

  it('goes on from a checkpoint as if nothing had been', async () => {
    const whole = await train(trainerOf({}));
    const before = trainerOf({});
    for (let step = 0; step < 3; step++) await before.step();
    const state = await before.state();
    await before.release();
    const after = trainerOf({});
    after.restore(state);
    const rest = await train(after, 5);
    expect(rest.records).toEqual(whole.records.slice(3));
    expect(rest.state).toEqual(whole.state);
  });

  it('has the soft loss of them alone, times α and T²', async () => {
    const { records } = await train(trainerOf({ fraction: 1 }), 2);
    const { alpha, temperature } = pairWith({}).pairing.objective as unknown as { alpha: number; temperature: number };
    for (const { loss, written } of records) {
      expect(written).toBeDefined();
      expect(Object.keys(loss).sort()).toEqual(['soft', 'total']);
      expect(loss.total).toBeCloseTo(alpha * temperature ** 2 * loss.soft!, 4);
    }
  });

  it('is the training without them where their fraction is 0', async () => {
    expect(await train(trainerOf({ fraction: 0 }))).toEqual(await train(trainerOf(undefined)));
  });

  it('has losses that the rows’ own steps have without, as long as the weights are the same', async () => {
    const first = (step: Step): Step['loss'] => step.loss;
    const seed = [...Array(50).keys()].find(
      (one) => !isOnPolicy({ fraction: 0.5, maxNewTokens: 9, temperature: 1 }, one, 0),
    )!;
    const [withOthers, without] = [
      await train(trainerOf({}, { seed }), 1),
      await train(trainerOf(undefined, { seed }), 1),
    ];
    expect(first(withOthers.records[0]!)).toEqual(first(without.records[0]!));
    expect(withOthers.state).toEqual(without.state);
  });

  it('is the same however a step is divided into batches', async () => {
    const whole = await train(trainerOf({ fraction: 1 }, {}, { batchSize: 4 }), 3);
    const halves = await train(trainerOf({ fraction: 1 }, {}, { batchSize: 2, gradientAccumulation: 2 }), 3);
    for (const [i, { tokens, loss, written }] of halves.records.entries()) {
      expect({ tokens, written }).toEqual({ tokens: whole.records[i]!.tokens, written: whole.records[i]!.written });
      expect(loss.total).toBeCloseTo(whole.records[i]!.loss.total, 4);
    }
  });
});

describe('what the student writes', () => {
  const pair = pairWith({});
  const onPolicy: OnPolicy = { fraction: 1, maxNewTokens: 12, temperature: 1 };
  const batch = collate(
    pair.examples,
    { length: MAX_LENGTH, indices: [0, 1, 2, 4, 5] },
    { task: 'causal-lm', batchSize: 6, padId: 0 },
  );

  async function written(changes: Partial<OnPolicy> = {}, of: Batch = batch, step = 0) {
    const settings = { ...onPolicy, ...changes };
    const { student } = pair.pairing;
    const writer = new OwnTextsWriter({
      executor,
      student,
      onPolicy: settings,
      seed: 3,
      endOfText: END_OF_TEXT,
      padId: 0,
      maxLength: MAX_LENGTH,
      lengths: ownTextLengths(pair.examples, MAX_LENGTH, settings),
    });
    const { batches, record } = await writer.write(
      [of],
      step,
      placeParameters(executor, parameterSpecs(student), pair.student),
    );
    await writer.release();
    return { own: batches[0]!, record };
  }

  it('goes on from the prompt, or half of a row without one, and ends with the end of the text or the room that there is', async () => {
    const { own, record } = await written();
    expect(Array.from(own.indices)).toEqual(Array.from(batch.indices));
    let [tokens, ended] = [0, 0];
    for (let row = 0; row < 5; row++) {
      const { inputIds, labels } = pair.examples[batch.indices[row]!]!;
      const prompt = (labels as Int32Array).findIndex((label) => label !== notCounted);
      const given = prompt > 0 ? prompt : inputIds.length >> 1;
      const at = row * own.length;
      const real = own.attentionMask.subarray(at, at + own.length).reduce((sum, one) => sum + one, 0);
      expect(own.inputIds.subarray(at, at + given)).toEqual(inputIds.subarray(0, given));
      const ids = own.inputIds.subarray(at + given, at + real);
      const ends = ids.at(-1) === END_OF_TEXT;
      expect(ids.subarray(0, -1)).not.toContain(END_OF_TEXT);
      expect(ids.length).toBeLessThanOrEqual(Math.min(12, MAX_LENGTH - given));
      if (!ends) expect(ids.length).toBe(Math.min(12, MAX_LENGTH - given));
      tokens += ids.length;
      ended += ends ? 1 : 0;
      // What is counted is what was written, its end included, and nothing after.
      const counted = (own.labels as Int32Array)
        .subarray(at, at + own.length)
        .map((label) => (label === notCounted ? 0 : 1));
      expect(Array.from(counted)).toEqual(Array.from(counted, (_, i) => (i >= given && i < real ? 1 : 0)));
    }
    expect(ended).toBeGreaterThan(0);
    expect(record).toMatchObject({ texts: 5, meanLength: tokens / 5, ended: ended / 5 });
    expect(predictionRows(own, 'causal-lm').count).toBe(tokens);
  });

  it('depends on step and row, and not on the rows beside it', async () => {
    const all = await written();
    const alone = collate(
      pair.examples,
      { length: MAX_LENGTH, indices: [4] },
      { task: 'causal-lm', batchSize: 1, padId: 0 },
    );
    const { own } = await written({}, alone);
    const textOf = ({ inputIds, attentionMask, length }: Batch, row: number): number[] =>
      Array.from(inputIds.subarray(row * length, (row + 1) * length)).filter(
        (_, i) => attentionMask[row * length + i] === 1,
      );
    expect(textOf(own, 0)).toEqual(textOf(all.own, 3));
    expect(textOf((await written({}, alone, 1)).own, 0)).not.toEqual(textOf(own, 0));
  });

  it('is what is most probable where the temperature is low', async () => {
    const [cold, colder] = [await written({ temperature: 0.001 }), await written({ temperature: 0.001 }, batch, 7)];
    expect(colder.own.inputIds).toEqual(cold.own.inputIds);
  });
});
