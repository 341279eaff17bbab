/** @file The comparison span by span where it comes to something known: models that share their tokens, and measures that are alike. Beside TRL: `golden/spans.test.ts`. */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { vocabularyLoss, type HeadLoss, type VocabularyLossInputs } from '../../src/distill/losses/head-loss';
import { isMeasured, measureDivergences, type Measures } from '../../src/distill/losses/measure-divergences';
import { laterTokens } from '../../src/distill/losses/span-loss';
import { divergenceNames } from '../../src/protocol/divergences';
import type { MatchedTokens } from '../../src/tokenizer/matched-tokens';
import { expectClose, normal, onCpu, valueOf, valuesOf } from './numbers';

onCpu();

const [ROWS, VOCABULARY] = [6, 7];
const measured = divergenceNames.filter(isMeasured);
const temperature = tf.scalar(2);
const ids = (some: number[]): tf.Tensor1D => tf.tensor1d(some, 'int32');
const labels = [3, 0, 6, 2, 2, 5];

const all: MatchedTokens = {
  student: Int32Array.from({ length: VOCABULARY }, (_, id) => id),
  teacher: Int32Array.from({ length: VOCABULARY }, (_, id) => id),
  teacherSize: VOCABULARY,
};

type Spans = NonNullable<VocabularyLossInputs['distillation']>['spans'];

/** Its value, and its gradient with respect to the student's hidden states. */
function lossOf(divergence: (typeof measured)[number], spans: Spans, teacher = normal([ROWS, 3], 5)) {
  const counting = { counted: tf.ones<tf.Rank.R1>([ROWS]), inverseCount: tf.scalar(1 / ROWS) };
  let loss: HeadLoss | undefined;
  const gradient = tf.grad((hidden: tf.Tensor) => {
    loss = vocabularyLoss({
      ...counting,
      labelled: counting,
      student: { hidden: hidden as tf.Tensor2D, weight: normal([VOCABULARY, 4], 2), bias: null },
      labels: ids(labels),
      distillation: {
        ...{ divergence, beta: 0.3, temperature, alpha: tf.scalar(0.6), temperatureScale: tf.scalar(4) },
        teacher: { hidden: teacher, weight: normal([VOCABULARY, 3], 4), bias: null },
        spans,
      },
      chunkRows: 4,
      stretchRows: 2,
    });
    return loss.total;
  })(normal([ROWS, 4], 1));
  return { soft: loss!.soft!, gradient };
}

describe('a comparison span by span', () => {
  it.each(measured)('of the same tokens, each a span, is that token by token: %s', (divergence) => {
    const each = { tokens: all, firsts: ids([0, 1, 2, 3, 4, 5]), later: tf.zeros<tf.Rank.R1>([ROWS]) };
    const [bySpans, byTokens] = [lossOf(divergence, each), lossOf(divergence, undefined)];
    expect(valueOf(bySpans.soft)).toBeCloseTo(valueOf(byTokens.soft), 5);
    expectClose(bySpans.gradient, byTokens.gradient, 1e-5);
  });

  it('multiplies in the tokens that follow in a span, at the temperature', () => {
    const [hidden, weight] = [normal([ROWS, 3], 5), normal([VOCABULARY, 3], 4)];
    const places = { firsts: ids([0, 0, 0, 3, 4, 4]), labels: ids(labels) };
    const later = valuesOf(laterTokens({ hidden, weight, bias: null }, places, temperature, 4));
    const logs = valuesOf(tf.logSoftmax(tf.div(tf.matMul(hidden, weight, false, true), temperature)));
    const at = (row: number): number => logs[row * VOCABULARY + labels[row]!]!;
    expectClose(later, [at(1) + at(2), 0, 0, 0, at(5), 0], 1e-5);
  });

  it('leaves nothing behind', () => {
    const each = { tokens: all, firsts: ids([0, 0, 2, 2, 2, 5]), later: tf.zeros<tf.Rank.R1>([ROWS]) };
    const count = (): number =>
      tf.tidy(() => {
        const before = tf.memory().numTensors;
        tf.dispose(Object.values(tf.tidy(() => lossOf('jsd', each))).filter(({ isDisposed }) => !isDisposed));
        return tf.memory().numTensors - before;
      });
    count();
    // What the loss keeps for its caller: `soft` and `hard`.
    expect(count()).toBeLessThanOrEqual(2);
  });
});

describe('divergences of measures', () => {
  const rowOf = (values: number[]): tf.Tensor2D => tf.tensor2d([values]);
  const of = (student: number[], teacher: number[]): Measures => ({
    ...{ student: rowOf(student), logStudent: tf.log(rowOf(student)) },
    ...{ teacher: rowOf(teacher), logTeacher: tf.log(rowOf(teacher)) },
  });

  it.each(measured)('are 0 where they are alike, above 0 elsewhere, and fall towards that: %s', (divergence) => {
    const q = [0.02, 0.3, 0.1];
    const alike = measureDivergences[divergence](of(q, q), 0.3);
    expectClose(alike.values, [0, 0, 0], 1e-7);
    expectClose(alike.pulls, [0, 0, 0], 1e-7);
    // More of everything, less of everything, as the tokens that follow may make it.
    for (const factor of [0.4, 0.9, 1.5, 3]) {
      const other = measureDivergences[divergence](
        of(
          q.map((one) => one * factor),
          q,
        ),
        0.3,
      );
      for (const value of valuesOf(other.values)) expect(value).toBeGreaterThan(0);
      for (const pull of valuesOf(other.pulls)) expect(Math.sign(pull)).toBe(Math.sign(factor - 1));
    }
  });

  it.each(measured)('have the derivative that central differences show: %s', (divergence) => {
    const s = [0.05, 0.3, 0.2];
    const q = [0.1, 0.25, 0.4];
    const { pulls } = measureDivergences[divergence](of(s, q), 0.3);
    const at = (factor: number): number[] =>
      valuesOf(
        measureDivergences[divergence](
          of(
            s.map((one) => one * factor),
            q,
          ),
          0.3,
        ).values,
      );
    const [above, below] = [at(1.01), at(1 / 1.01)];
    // By the logarithm of S.
    expectClose(
      pulls,
      above.map((value, i) => (value - below[i]!) / (2 * Math.log(1.01))),
      1e-3,
    );
  });
});
