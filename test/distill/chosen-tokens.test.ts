import * as tf from '@tensorflow/tfjs-core';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { chosenForwardKl, chosenLogits, type ChosenLabels } from '../../src/distill/losses/chosen-labels';
import { divergences } from '../../src/distill/losses/divergences';
import { keptOf, type ChosenTokens } from '../../src/distill/pairing';
import { CachedTargets, fillCache } from '../../src/distill/teacher/cache';
import { layoutCache } from '../../src/distill/teacher/cache-layout';
import {
  ChosenTokensSource,
  costOfChosen,
  drawn,
  mostProbable,
  type ChosenRow,
} from '../../src/distill/teacher/chosen-tokens';
import { FrozenTeacher, TeacherTargets, type TargetSource } from '../../src/distill/teacher/teacher';
import { registerSegmentSum } from '../../src/engine/graph/segment-sum';
import { randomStream } from '../../src/engine/random';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { TeacherCacheFiles } from '../../src/run-directory/teacher-cache-files';
import { sharingSessions } from '../engine/sessions-of-file';
import { expectClose, normal, onCpu, valuesOf } from './numbers';
import { MAX_LENGTH, tinyPair, tinyTrainer, type TinyPair } from './tiny-pair';

sharingSessions();

onCpu();
// That of tfjs looks at each value for each segment.
registerSegmentSum('cpu');

const [ROWS, VOCABULARY] = [5, 12];
const student = normal([ROWS, VOCABULARY], 1, 2);
const teacher = normal([ROWS, VOCABULARY], 2, 2);
const weight = tf.tensor2d([0.3, 1, 0, 0.5, 2], [ROWS, 1]);

const rowsOf = (x: tf.Tensor2D): Float32Array[] =>
  Array.from({ length: x.shape[0] }, (_, row) => Float32Array.from(valuesOf(tf.slice2d(x, [row, 0], [1, -1]))));
const probabilities = rowsOf(tf.softmax(teacher));
const entropyOf = (p: Float32Array): number => -p.reduce((sum, one) => sum + one * Math.log(one), 0);

function labels(by: ChosenTokens['by'], rows: readonly ChosenRow[]): ChosenLabels {
  const count = rows[0]!.ids.length;
  const shape: [number, number] = [rows.length, count];
  return {
    by,
    vocabulary: VOCABULARY,
    ids: tf.tensor2d(
      rows.flatMap(({ ids }) => ids),
      shape,
      'int32',
    ),
    logs: tf.tensor2d(
      rows.flatMap(({ logs }) => logs),
      shape,
    ),
    rest: tf.tensor2d(
      rows.map(({ rest }) => rest),
      [rows.length, 1],
    ),
  };
}

describe('the most probable tokens', () => {
  const chosen = (count: number): ChosenLabels =>
    labels(
      'top',
      probabilities.map((row) => mostProbable(row, count)),
    );

  it.each([undefined, 2.5])('are all of them, where but one is left to the others: T = %s', (T) => {
    const temperature = T === undefined ? undefined : tf.scalar(T);
    const whole = divergences['forward-kl'](student, T === undefined ? teacher : tf.div(teacher, T), temperature, 0);
    const known = chosenForwardKl(student, chosen(VOCABULARY - 1), temperature);
    expectClose(known.perPosition, whole.perPosition, 2e-6);
    expectClose(known.gradient(weight), whole.gradient(weight), 1e-6);
  });

  it.each([undefined, 2.5])('are learnt from as distributions whose other tokens are alike: T = %s', (T) => {
    const temperature = T === undefined ? undefined : tf.scalar(T);
    const some = chosen(3);
    // Each of the others as probable as they are in the mean.
    const spread = probabilities.map((row) => {
      const { ids } = mostProbable(row, 3);
      const others = row.filter((_, id) => !ids.includes(id));
      const mean = others.reduce((a, b) => a + b) / others.length;
      return row.map((p, id) => Math.log(ids.includes(id) ? p : mean));
    });
    const logits = tf.tensor2d(
      spread.flatMap((row) => [...row]),
      [ROWS, VOCABULARY],
    );
    expectClose(chosenLogits(some), logits, 1e-5);
    const expected = divergences['forward-kl'](student, T === undefined ? logits : tf.div(logits, T), temperature, 0);
    const known = chosenForwardKl(student, some, temperature);
    expectClose(known.perPosition, expected.perPosition, 2e-6);
    expectClose(known.gradient(weight), expected.gradient(weight), 1e-6);
    const costs = probabilities.map((row) => costOfChosen(mostProbable(row, 3), entropyOf(row)));
    const meant = rowsOf(logits).map((row, i) =>
      row.reduce((sum, log, id) => sum + probabilities[i]![id]! * (Math.log(probabilities[i]![id]!) - log), 0),
    );
    expectClose(costs, meant, 1e-6);
  });

  it('leave to others that are too improbable for a float what any token may have', () => {
    const certain = Float32Array.of(1, 0, 0);
    expect(mostProbable(certain, 1)).toEqual({ ids: [0], logs: [0], rest: -1e4 });
  });
});

describe('drawn tokens', () => {
  it('have in the mean the loss and the gradient of all', () => {
    const random = randomStream(3);
    const draws = 4000;
    const many = <T extends tf.Tensor>(x: T): T => tf.tile(x, [draws, 1]);
    const rows = Array.from({ length: draws }, () =>
      probabilities.map((row) => drawn(row, entropyOf(row), 6, random)),
    ).flat();
    const known = chosenForwardKl(many(student), labels('sample', rows));
    const meanOf = (x: tf.Tensor): tf.Tensor => tf.mean(tf.reshape(x, [draws, ROWS, -1]), 0);
    const [loss, gradient] = [meanOf(known.perPosition), meanOf(known.gradient(many(weight)))];
    const whole = divergences['forward-kl'](student, teacher, undefined, 0);
    // The spread of a mean of 24,000 draws.
    expectClose(loss, whole.perPosition, 0.06);
    expectClose(gradient, whole.gradient(weight), 0.02);
  });

  it('come as often as they are drawn, each told of once', () => {
    const { ids, logs, rest } = drawn(Float32Array.of(0.5, 0, 0.5), 0.5, 8, randomStream(1));
    const said = ids.filter((_, i) => logs[i]! > -1e4);
    expect(said.sort()).toEqual([0, 2]);
    expect(ids.length).toBe(8);
    const shares = logs.map(Math.exp);
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(shares.every((share) => Number.isInteger(Math.round(share * 8e6) / 1e6))).toBe(true);
    expect(rest).toBe(-0.5);
  });
});

describe('a student that learns from chosen tokens', () => {
  let executor: Executor;
  beforeAll(async () => {
    executor = await createCpuExecutor({ threads: 1 });
  });

  async function losses(pair: TinyPair, targets?: TargetSource): Promise<number[]> {
    const trainer = tinyTrainer(executor, pair, {}, targets);
    const totals: number[] = [];
    for (let step = 0; step < 6; step++) totals.push((await trainer.step()).loss.total);
    await trainer.release();
    return totals;
  }

  const withTokens = (by: ChosenTokens['by'], count: number, temperature: number, divergence = 'forward-kl' as const) =>
    tinyPair('causal-lm', { temperature, divergence, tokens: { by, count, vocabulary: 40 } });

  it.each([
    ['forward-kl', 4],
    ['forward-kl', 1],
    ['jsd', 4],
    ['reverse-kl', 4],
  ] as const)('has the losses of all tokens where but one is among the others: %s, T = %d', async (divergence, T) => {
    const all = await losses(tinyPair('causal-lm', { temperature: T, divergence }));
    const some = await losses(withTokens('top', 39, T, divergence as 'forward-kl'));
    expectClose(some, all, 2e-5);
  });

  it.each([
    ['top', 39, 1e-3],
    ['sample', 12, 1e-3],
  ] as const)('has them from a cache as from the teacher: %s', async (by, count, within) => {
    const pair = withTokens(by, count, 1);
    const { pairing, task, examples } = pair;
    const imitated = keptOf(pairing);
    const layout = layoutCache(examples, { imitated, task, maxLength: MAX_LENGTH, values: 'float32' });
    // Two bytes an id, two a value, and four.
    expect(layout.sizes[0]! % (4 + 4 * count)).toBe(0);
    const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-tokens-'));
    const record = {
      ...{ teacher: 'tiny', task, examples: examples.length, bytes: layout.size, values: 'float32' as const },
      ...{ blocks: layout.blocks.length, created: new Date(0).toISOString() },
    };
    const files = await TeacherCacheFiles.open(folder, record, layout.blocks);
    const setup = { layout, store: files, task, imitated };
    const frozen = new FrozenTeacher(executor, pairing.teacher, pair.teacher);
    const asked = new ChosenTokensSource(new TeacherTargets(frozen, imitated), frozen, task, pairing.objective.tokens!);
    await fillCache({ ...setup, examples, padId: 0, teacher: asked, mayGoOn: () => Promise.resolve(true) });
    const kept = await losses(pair, new CachedTargets(setup));
    await files.close();
    rmSync(folder, { recursive: true });
    expectClose(kept, await losses(pair), within);
  });
});
