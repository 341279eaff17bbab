/** @file Which positions the soft loss counts: those, and no others, whatever a step is divided into, packed or resumed. */

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { collate } from '../../src/dataset/batches';
import { notCounted, type Example } from '../../src/dataset/examples';
import { batchInputs } from '../../src/distill/batch-inputs';
import { withEntropies } from '../../src/distill/entropies';
import { keptOf, type Positions } from '../../src/distill/pairing';
import { CachedTargets, fillCache } from '../../src/distill/teacher/cache';
import { layoutCache } from '../../src/distill/teacher/cache-layout';
import { FrozenTeacher, type TargetSource } from '../../src/distill/teacher/teacher';
import {
  chosenCounts,
  chosenOf,
  choosePositions,
  drawnOrder,
  programShape,
} from '../../src/distill/training/chosen-positions';
import type { EpochOptions } from '../../src/distill/training/epochs';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { positionOrders } from '../../src/protocol/divergences';
import type { LossComponents } from '../../src/protocol/records';
import { TeacherCacheFiles } from '../../src/run-directory/teacher-cache-files';
import { sharingSessions } from '../engine/sessions-of-file';
import { MAX_LENGTH, tinyPair, tinyTrainer } from './tiny-pair';

sharingSessions();

let executor: Executor;
beforeAll(async () => {
  executor = await createCpuExecutor({ threads: 1 });
});

const TASK = 'causal-lm';
const none = { dropout: 0, attentionDropout: 0, embeddingDropout: 0 };

function pairWith(
  positions: Positions | undefined,
  alpha: number | { from: number; to: number; schedule: 'linear' } = 1,
) {
  const pair = tinyPair(TASK, { positions, alpha });
  return { ...pair, pairing: { ...pair.pairing, student: { ...pair.pairing.student, ...none } } };
}

type Pair = ReturnType<typeof pairWith>;

async function train(pair: Pair, steps = 4, batches: Partial<EpochOptions> = {}, from = 0, targets?: TargetSource) {
  const trainer = tinyTrainer(executor, pair, {}, targets, batches);
  for (let step = 0; step < from; step++) await trainer.step();
  const state = await trainer.state();
  await trainer.release();
  const next = tinyTrainer(executor, pair, {}, targets, batches);
  next.restore(state);
  const losses: LossComponents[] = [];
  for (let step = from; step < steps; step++) losses.push((await next.step()).loss);
  const { parameters } = await next.state();
  await next.release();
  return { losses, parameters };
}

/** Prompts of one token, rows of 6, 2 and 4 tokens and a filler. */
const rows = [
  [1, 2, 3, 4, 5, 6],
  [1, 2],
  [1, 2, 3, 4],
].map((ids) => {
  const inputIds = Int32Array.from(ids);
  const labels = inputIds.map((id, at) => (at < 2 && ids.length > 2 ? notCounted : id));
  return { inputIds, typeIds: new Int32Array(ids.length), labels } as Example;
});
const inputs = batchInputs(
  collate(
    { length: 3, at: (i) => rows[i]! },
    { length: 7, indices: [0, 1, 2] },
    { task: TASK, batchSize: 4, padId: 0 },
  ),
  TASK,
);

/** [row, position] of what counts. */
function countedIn({ tensors, shape }: typeof inputs): number[][] {
  const places: number[][] = [];
  tensors.counted!.data.forEach((counts, prediction) => {
    const at = tensors.predictionRows!.data[prediction]!;
    if (counts === 1) places.push([Math.floor(at / shape.length), at % shape.length]);
  });
  return places;
}

const objectiveOf = (fraction: number, alpha = 1) =>
  pairWith({ fraction, by: 'student-entropy' }, alpha).pairing.objective;

describe('the chosen positions', () => {
  it.each([
    [0, 0.5, 0],
    [1, 0.01, 1],
    [5, 0.5, 3],
    [10, 0.3, 3],
    [10, 0.34, 3],
    [100, 0.07, 7],
    [3, 1, 3],
  ])('are of %i, at a fraction of %f, %i', (counted, fraction, expected) => {
    expect(chosenOf(counted, fraction)).toBe(expected);
  });

  // What counts: row 0 at 1 to 4, row 1 at 0, row 2 at 1 and 2; six predictions a row. All else has the highest entropy.
  const entropies = new Float32Array(24).fill(9);
  entropies.set([0.5, 0.7, 0.7, 0.2], 1);
  entropies.set([0.1], 6);
  entropies.set([0.4, 0.4], 13);

  it.each([
    [
      0.5,
      [
        [0, 2],
        [0, 3],
        [1, 0],
        [2, 1],
      ],
    ],
    [
      0.25,
      [
        [0, 2],
        [1, 0],
        [2, 1],
      ],
    ],
    [
      0.75,
      [
        [0, 1],
        [0, 2],
        [0, 3],
        [1, 0],
        [2, 1],
        [2, 2],
      ],
    ],
  ])(
    'are of each row the least sure, the first of equal ones, never prompt, padding or filler: %f',
    (fraction, expected) => {
      for (const alpha of [1, 0.5]) {
        const objective = objectiveOf(fraction, alpha);
        const chosen = choosePositions(inputs, TASK, objective, entropies);
        expect(countedIn(chosen)).toEqual(expected);
        expect(chosen.count).toBe(expected.length);
        expect(chosenCounts(inputs, TASK, objective)).toEqual({
          count: expected.length,
          labelledCount: alpha === 1 ? 0 : inputs.labelledCount,
        });
        expect(Array.from(chosen.tensors.labelled!.data).reduce((a, b) => a + b)).toBe(alpha === 1 ? 0 : 7);
      }
    },
  );

  it('have those first of which nobody knows how sure they are, so that it is noticed', () => {
    const unknown = Float32Array.from(entropies);
    unknown[4] = NaN;
    expect(countedIn(choosePositions(inputs, TASK, objectiveOf(0.25), unknown))[0]).toEqual([0, 4]);
  });

  it('are all that is predicted where nothing else is learnt from', () => {
    const { shape } = choosePositions(inputs, TASK, objectiveOf(0.2), entropies);
    expect(shape).toEqual({ ...inputs.shape, predictions: 8, of: 24 });
    expect(choosePositions(inputs, TASK, objectiveOf(0.2, 0.9), entropies).shape).toEqual(inputs.shape);
    expect(programShape(objectiveOf(0.2), inputs.shape)).toEqual(shape);
    expect(programShape(objectiveOf(1), inputs.shape)).toEqual(inputs.shape);
  });

  it('are of the masked ones where some are masked, and never what a batch is filled up with', () => {
    const labels = new Int32Array(16).fill(notCounted);
    for (const [at, label] of [
      [1, 5],
      [4, 6],
      [6, 7],
      [9, 8],
    ] as const)
      labels[at] = label; // three of row 0, one of row 1
    const plain = {
      rows: 2,
      length: 8,
      tokens: 16,
      labels,
      inputIds: labels,
      typeIds: labels,
      indices: Int32Array.of(0, 1),
    };
    const batch = batchInputs({ ...plain, attentionMask: new Float32Array(16).fill(1) }, 'masked-lm');
    const order = new Float32Array(batch.shape.predictions).fill(9);
    order.set([0.3, 0.1, 0.2, 0.4]);
    const chosen = choosePositions(batch, 'masked-lm', objectiveOf(0.5), order);
    expect(countedIn(chosen)).toEqual([
      [0, 1],
      [0, 6],
      [1, 1],
    ]);
  });

  it('are drawn by seed, step and row', () => {
    const drawn = drawnOrder(inputs, TASK, 1, 5);
    expect(drawnOrder(inputs, TASK, 1, 5)).toEqual(drawn);
    for (const [seed, step] of [
      [2, 5],
      [1, 6],
    ] as const)
      expect(drawnOrder(inputs, TASK, seed, step)).not.toEqual(drawn);
    const alone = batchInputs(
      collate({ length: 3, at: (i) => rows[i]! }, { length: 7, indices: [2] }, { task: TASK, batchSize: 1, padId: 0 }),
      TASK,
    );
    expect(drawnOrder(alone, TASK, 1, 5).slice(1, 3)).toEqual(drawn.slice(13, 15));
  });
});

describe.each(positionOrders)('a training on positions by %s', (by) => {
  const positions = { fraction: 0.4, by };

  it('has the same bits for a seed, resumed or not, and other losses than on all', async () => {
    const pair = pairWith(positions);
    const whole = await train(pair);
    const rest = await train(pair, 4, {}, 2);
    expect(rest).toEqual({ losses: whole.losses.slice(2), parameters: whole.parameters });
    const all = await train(pairWith(undefined), 1);
    expect(Math.abs(all.losses[0]!.soft! / whole.losses[0]!.soft! - 1)).toBeGreaterThan(1e-5);
  });

  it('is the same where the others are predicted too, for they count in nothing', async () => {
    const alone = await train(pairWith(positions));
    const among = await train(pairWith(positions, { from: 1, to: 1, schedule: 'linear' }));
    expect(alone.losses.every(({ hard }) => hard === undefined)).toBe(true);
    expect(among.losses.every(({ hard }) => hard! > 0)).toBe(true);
    for (const [i, { total, soft }] of alone.losses.entries()) {
      expect(among.losses[i]!.total).toBeCloseTo(total, 4);
      expect(among.losses[i]!.soft).toBeCloseTo(soft!, 5);
    }
  });

  it('is the same however a step is divided, and where rows share one', async () => {
    const whole = await train(pairWith(positions, 0.6));
    const halves = await train(pairWith(positions, 0.6), 4, { batchSize: 2, gradientAccumulation: 2 });
    const packed = await train(pairWith(positions), 4, { pack: true, groupByLength: false });
    const apart = await train(pairWith(positions), 4, { groupByLength: false });
    for (let step = 0; step < 4; step++) {
      for (const name of ['total', 'soft', 'hard'] as const) {
        expect(halves.losses[step]![name]).toBeCloseTo(whole.losses[step]![name]!, 4);
      }
      expect(packed.losses[step]!.total).toBeCloseTo(apart.losses[step]!.total, 4);
    }
  });
});

it('takes the teacher’s entropies from what is kept of its answers, and computes them where nothing is', async () => {
  const pair = pairWith({ fraction: 0.4, by: 'teacher-entropy' });
  const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-entropies-'));
  const imitated = keptOf(pair.pairing);
  const layout = layoutCache(pair.examples, { imitated, task: TASK, maxLength: MAX_LENGTH, values: 'float16' });
  expect(layout.parts.map(({ name, bytes }) => [name, bytes])).toEqual([
    ['entropy', 4],
    ['prediction', 2],
  ]);
  const files = await TeacherCacheFiles.open(
    path.join(folder, 'key'),
    {
      teacher: 'tiny',
      task: TASK,
      examples: pair.examples.length,
      bytes: layout.size,
      values: 'float16',
      blocks: layout.blocks.length,
      created: new Date(0).toISOString(),
    },
    layout.blocks,
  );
  const frozen = new FrozenTeacher(executor, pair.pairing.teacher, pair.teacher);
  const cache = { layout, store: files, task: TASK, imitated } as const;
  const teacher = withEntropies(frozen.targets(), frozen, imitated.entropyOver!);
  await fillCache({ ...cache, examples: pair.examples, padId: 0, teacher, mayGoOn: () => Promise.resolve(true) });
  await teacher.release();
  const kept = new CachedTargets(cache);
  const fromKept = await train(pair, 3, {}, 0, kept);
  await files.close();
  rmSync(folder, { recursive: true });
  const asked = await train(pair, 3);
  for (const [step, { total }] of asked.losses.entries()) {
    expect(fromKept.losses[step]!.total).toBeGreaterThan(0);
    expect(Math.abs(fromKept.losses[step]!.total / total - 1)).toBeLessThan(2e-3);
  }
});
