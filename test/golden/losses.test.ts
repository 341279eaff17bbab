import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { seenPairs } from '../../src/model/computations/attention';
import type { Divergence } from '../../src/protocol/divergences';
import type { AttentionLossKind, HiddenLossKind } from '../../src/protocol/imitation';
import { classLoss, type HeadLoss } from '../../src/distill/losses/head-loss';
import { attentionLoss } from '../../src/distill/losses/attention-loss';
import { hiddenLoss } from '../../src/distill/losses/hidden-loss';
import { inverseOf } from '../../src/distill/losses/shift';
import { entropy, softmax } from '../../src/protocol/distribution';
import { onCpu, valueOf, valuesOf } from '../distill/numbers';
import golden from './data/losses.json';

onCpu();

const VOCABULARY = 5;
const studentStates = tf.tensor3d(golden.S);
const teacherStates = tf.tensor3d(golden.T);
const rows = (x: tf.Tensor3D): tf.Tensor2D => tf.reshape(x, [6, VOCABULARY]);
const labels = golden.labels_shifted.flat();
const counted = labels.map((label) => (label === -100 ? 0 : 1));
const N = 4;

interface Settings {
  beta?: number;
  temperature?: number;
  scaled?: boolean;
  counted?: number[];
  inverseCount?: number;
  student?: tf.Tensor2D;
}

function combined(divergence: Divergence, settings: Settings): HeadLoss {
  const { beta = 0.5, temperature = 1, scaled = false } = settings;
  return classLoss({
    studentLogits: settings.student ?? rows(studentStates),
    problemType: 'single-label',
    labels: tf.tensor1d(labels, 'int32'),
    counted: tf.tensor1d(settings.counted ?? counted),
    inverseCount: tf.scalar(settings.inverseCount ?? 1 / N),
    distillation: {
      divergence,
      beta,
      temperature: tf.scalar(temperature),
      alpha: tf.scalar(1),
      temperatureScale: tf.scalar(scaled ? temperature ** 2 : 1),
      teacherLogits: rows(teacherStates),
    },
  });
}

/** With α = 1 the total is the soft loss, T² included where it is scaled. */
const soft = (divergence: Divergence, settings: Settings = {}): number => valueOf(combined(divergence, settings).total);

/** Mean entropy of the soft labels over counted positions: what cross-entropy has beyond KL. */
function teacherEntropy(temperature: number): number {
  const logits = valuesOf(rows(teacherStates));
  const entropies = counted.map((_, i) =>
    entropy(softmax(logits.slice(VOCABULARY * i, VOCABULARY * (i + 1)), temperature)),
  );
  return entropies.reduce((sum, h, i) => sum + h * counted[i]!, 0) / N;
}

const crossEntropy = (temperature: number): number => soft('forward-kl', { temperature }) + teacherEntropy(temperature);

function hidden(kind: HiddenLossKind, mask = golden.pad_mask): number {
  const inverseCount = tf.scalar(1 / mask.flat().reduce((a, b) => a + b));
  const [student, teacher] = [studentStates, teacherStates];
  return valueOf(hiddenLoss(kind, { student, teacher, attentionMask: tf.tensor2d(mask), inverseCount }));
}

/** Of two heads in one row of three tokens, the last of which is padding. */
function attention(kind: AttentionLossKind): number {
  const attentionMask = tf.tensor2d(golden.att_mask);
  const real = golden.att_mask.flat().reduce((a, b) => a + b);
  return valueOf(
    attentionLoss(kind, {
      student: tf.tensor4d(golden.att_S),
      teacher: tf.tensor4d(golden.att_T),
      seen: seenPairs({ attentionMask }, { before: Infinity, after: Infinity }),
      inverseCount: tf.scalar(1 / (kind === 'mse' ? real ** 2 : real)),
    }),
  );
}

/** Norm of the gradient with respect to all logits. */
function gradientNorm(temperature: number, scaled: boolean): number {
  const gradient = tf.grad((z: tf.Tensor) => {
    return combined('forward-kl', { temperature, scaled, student: z as tf.Tensor2D }).total;
  })(rows(studentStates));
  return valueOf(tf.norm(gradient));
}

const [ALL, NONE] = [Array<number>(6).fill(1), Array<number>(6).fill(0)];
const EVERY_TOKEN = [ALL.slice(3), ALL.slice(3)];

/** Rows whose definition is ours, or ours times a factor that is stated here. */
const ours: Record<string, () => number> = {
  ...Object.fromEntries(
    [0, 0.1, 0.5, 0.9, 1].flatMap((beta) =>
      ['1.0', '2.0'].map((t) => [`trl_jsd beta=${beta} T=${t}`, () => soft('jsd', { beta, temperature: Number(t) })]),
    ),
  ),
  'trl_jsd beta=0.5 T=1 num_items=10': () => soft('jsd', { inverseCount: 1 / 10 }),
  'trl_jsd beta=0 T=1 labels=None (divides by B only)': () => soft('forward-kl', { counted: ALL, inverseCount: 1 / 2 }),
  'trl all-masked beta=0': () => soft('forward-kl', { counted: NONE, inverseCount: inverseOf(0) }),
  ...Object.fromEntries(
    ['1.0', '2.0'].flatMap((t) => {
      const [temperature, scaled] = [Number(t), true];
      return [
        [`distillkit kl dense T=${t} (x T^2 / n)`, () => soft('forward-kl', { temperature, scaled })],
        [`distillkit jsd dense T=${t}`, () => soft('jsd', { temperature, scaled })],
        [`distillkit tvd dense T=${t}`, () => soft('tvd', { temperature, scaled })],
        [`distilbert loss_ce T=${t}`, () => soft('forward-kl', { temperature, scaled })],
        [`textbrewer kd_ce T=${t} (masked-select rows first)`, () => crossEntropy(temperature)],
        // TextBrewer divides the logits by T first.
        [`textbrewer kd_mse T=${t}`, () => soft('mse-logits') / temperature ** 2],
        // ModelOpt's "mean" is over V too.
        [`modelopt mean T=${t}`, () => soft('forward-kl', { temperature, scaled }) / VOCABULARY],
        [`modelopt batchmean T=${t}`, () => soft('forward-kl', { temperature, scaled })],
        [`modelopt none T=${t} (then mean over rows)`, () => soft('forward-kl', { temperature, scaled })],
      ] as const;
    }),
  ),
  // DistilBERT's script sums over V.
  'distilbert loss_mse': () => soft('mse-logits') * VOCABULARY,
  'textbrewer kd_ce T=1 student==teacher (= teacher entropy)': () =>
    soft('forward-kl', { student: rows(teacherStates) }) + teacherEntropy(1),
  'torchtune ForwardKL (CE form)': () => crossEntropy(1),
  'torchtune ReverseKL': () => soft('reverse-kl'),
  'distillm forward_kl': () => crossEntropy(1),
  'distillm reverse_kl': () => soft('reverse-kl'),
  // Theirs is the cross-entropy with the mixture.
  'distillm skewed_forward_kl': () => soft('skew-kl', { beta: 0.1 }) + teacherEntropy(1),
  'distillm skewed_reverse_kl': () => soft('skew-reverse-kl', { beta: 0.1 }),
  'distillm js_distance': () => soft('jsd', { beta: 0.1 }),
  'distillm tv_distance': () => soft('tvd'),
  'textbrewer hid_mse mask': () => hidden('mse'),
  'textbrewer hid_mse nomask': () => hidden('mse', EVERY_TOKEN),
  'textbrewer cos mask': () => hidden('cosine'),
  'distillkit hs_mse mask': () => hidden('mse'),
  'distillkit hs_cosine mask': () => hidden('cosine'),
  'distilbert loss_cos mask': () => hidden('cosine'),
  'textbrewer att_mse_loss mask': () => attention('mse'),
  'textbrewer att_ce_loss mask': () => attention('ce'),
  ...Object.fromEntries(
    ['1.0', '2.0', '4.0', '8.0'].flatMap((t) => [
      [`gradnorm forward KL T=${t} unscaled`, () => gradientNorm(Number(t), false)],
      [`gradnorm forward KL T=${t} xT^2`, () => gradientNorm(Number(t), true)],
    ]),
  ),
};

/** Why the other rows say nothing about what is here. */
const others: [pattern: RegExp, reason: string][] = [
  [
    /^distillkit (kl|jsd|tvd) sparse/,
    'from a few kept probabilities a position: the teacher cache has its own, tempered first',
  ],
  [/^distillkit (hinge|logistic_ranking)/, 'ranking losses, which we do not offer'],
  [/^textbrewer (pkd|mmd|fsp)/, 'hidden-layer losses which we do not offer'],
  [/^textbrewer att_(mse_sum|ce_mean)/, 'heads summed or averaged first: ours are compared one by one'],
  [/^textbrewer att_.* nomask$/, 'padding counts there in what the mean is over'],
];

const numbers: Record<string, number> = golden.golden;

describe("published functions' values", () => {
  it.each(Object.keys(ours))('%s', (name) => {
    expect(numbers).toHaveProperty([name]);
    expect(Math.abs(ours[name]!() - numbers[name]!)).toBeLessThan(2e-6 * Math.max(1, Math.abs(numbers[name]!)));
  });

  it('are all reproduced, or left out for a stated reason', () => {
    const rest = Object.keys(numbers).filter((name) => !(name in ours));
    const reasons = others.map(([pattern, reason]) => ({
      reason,
      rows: rest.filter((name) => pattern.test(name)).length,
    }));
    console.table([{ reason: 'reproduced', rows: Object.keys(ours).length }, ...reasons]);
    expect(rest.filter((name) => !others.some(([pattern]) => pattern.test(name)))).toEqual([]);
    expect(Object.keys(ours).length).toBe(57);
    expect(reasons.map((entry) => entry.rows)).toEqual([12, 2, 3, 4, 4]);
  });
});
