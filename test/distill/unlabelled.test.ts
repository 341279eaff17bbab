/** @file Training on rows of which some have no label: what counts in which loss, however the step is split into batches. */

import { beforeAll, describe, expect, it } from 'vitest';
import { collate, type Batch } from '../../src/dataset/batches';
import { notCounted, type Example } from '../../src/dataset/examples';
import { controlOf, type Pairing } from '../../src/distill/pairing';
import { FrozenTeacher } from '../../src/distill/teacher/teacher';
import { Trainer, type TrainerState } from '../../src/distill/training/trainer';
import type { Executor } from '../../src/engine/executor';
import type { Architecture } from '../../src/model/architecture';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import type { LossComponents } from '../../src/protocol/records';
import { MAX_LENGTH, tinyOptions, tinyPair } from './tiny-pair';

const task = 'text-classification';
const tiny = tinyPair(task);
/** Without dropout, whose masks depend on how a step is split. */
const none = { dropout: 0, attentionDropout: 0, embeddingDropout: 0, classifierDropout: 0 };
const pair = { ...tiny, pairing: { ...tiny.pairing, student: { ...tiny.pairing.student, ...none } } };
const student = Object.fromEntries(Object.entries(pair.student).filter(([name]) => !name.startsWith('projection.')));

let executor: Executor;
beforeAll(async () => {
  executor = await createCpuExecutor({ threads: 1 });
});

/** The first twelve examples, those at `unlabelled` without their label. */
const examplesWithout = (unlabelled: readonly number[]): Example[] =>
  pair.examples.slice(0, 12).map((one, i) => (unlabelled.includes(i) ? { ...one, labels: notCounted } : one));

function batchesOf(examples: readonly Example[], groups: readonly number[][]): Batch[] {
  return groups.map((indices) =>
    collate(examples, { length: MAX_LENGTH, indices }, { task, batchSize: indices.length, padId: 0 }),
  );
}

/** Two steps on the same batches. */
async function train(
  pairing: Pairing,
  batches: readonly Batch[],
): Promise<{ losses: LossComponents[]; state: TrainerState }> {
  const trainer = new Trainer({
    executor,
    task,
    pairing,
    teacher: pairing.objective && new FrozenTeacher(executor, pairing.teacher as Architecture, pair.teacher),
    source: { steps: 2, stepsPerEpoch: 2, batchesOf: () => [...batches] },
    options: { ...tinyOptions, warmup: 0 },
    initial: student,
  });
  const losses = [(await trainer.step()).loss, (await trainer.step()).loss];
  const state = await trainer.state();
  await trainer.release();
  return { losses, state };
}

function expectSame(a: Awaited<ReturnType<typeof train>>, b: Awaited<ReturnType<typeof train>>): void {
  a.losses.forEach((loss, step) => {
    expect(Object.keys(loss)).toEqual(Object.keys(b.losses[step]!));
    for (const [name, value] of Object.entries(loss)) {
      expect(value, name).toBeCloseTo(b.losses[step]![name as keyof LossComponents]!, 5);
    }
  });
  for (const [name, values] of Object.entries(a.state.parameters)) {
    // Its true gradient is 0, and Adam magnifies the rounding noise that is there instead.
    if (name.endsWith('key.bias')) continue;
    const others = b.state.parameters[name]!;
    const furthest = values.reduce((most, value, i) => Math.max(most, Math.abs(value - others[i]!)), 0);
    expect(furthest, name).toBeLessThan(2e-5);
  }
}

const all = [...Array(12).keys()];

describe('a step of rows of which some have no label', () => {
  // The batches of four have three, no and one labelled row.
  const examples = examplesWithout([3, 4, 5, 6, 7, 8, 10, 11]);
  const fours = [all.slice(0, 4), all.slice(4, 8), all.slice(8)];

  it('is the same however it is split into batches', async () => {
    const whole = await train(pair.pairing, batchesOf(examples, [all]));
    expectSame(await train(pair.pairing, batchesOf(examples, fours)), whole);
  });

  it('has the soft loss of all its rows and the hard loss of the labelled ones, each with its own mean', async () => {
    const [mixed] = (await train(pair.pairing, batchesOf(examples, [all]))).losses;
    const [labelledRows] = (await train(pair.pairing, batchesOf(examples, [[0, 1, 2, 9]]))).losses;
    const [everyRow] = (await train(pair.pairing, batchesOf(pair.examples, [all]))).losses;
    expect(mixed!.soft).toBeCloseTo(everyRow!.soft!, 5);
    expect(mixed!.hard).toBeCloseTo(labelledRows!.hard!, 5);
    expect(mixed!.hard).not.toBeCloseTo(everyRow!.hard!, 3);
    const { alpha, temperature } = pair.pairing.objective as unknown as { alpha: number; temperature: number };
    expect(mixed!.total).toBeCloseTo(alpha * temperature ** 2 * mixed!.soft! + (1 - alpha) * mixed!.hard!, 4);
  });

  it('trains a control as its labelled rows alone would', async () => {
    const control = controlOf(pair.pairing, 'no-distillation');
    expectSame(
      await train(control, batchesOf(examples, [all])),
      await train(control, batchesOf(examples, [[0, 1, 2, 9]])),
    );
  });
});

describe('a step without any label', () => {
  it('has no hard term, and its record none', async () => {
    const [loss] = (await train(pair.pairing, batchesOf(examplesWithout(all), [all]))).losses;
    expect(Object.keys(loss!).sort()).toEqual(['soft', 'total']);
    const { alpha, temperature } = pair.pairing.objective as unknown as { alpha: number; temperature: number };
    expect(loss!.total).toBeCloseTo(alpha * temperature ** 2 * loss!.soft!, 4);
  });
});
