/** @file Several teachers as one: soft labels, losses and gradients as PyTorch's autograd has them in float64 (`ensembles_by_torch.py`). */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import {
  classLoss,
  vocabularyLoss,
  type Counting,
  type Distillation,
  type HeadLoss,
} from '../../src/distill/losses/head-loss';
import { meanLogits } from '../../src/distill/teacher/ensemble';
import type { Divergence } from '../../src/protocol/divergences';
import { softmax } from '../../src/protocol/distribution';
import { expectClose, onCpu, valueOf } from '../distill/numbers';
import golden from './data/ensembles.json';

onCpu();

const { weights, alpha, counted } = golden;

const counting = (): Counting => ({
  counted: tf.tensor1d(counted),
  inverseCount: tf.scalar(1 / counted.reduce((sum, one) => sum + one, 0)),
});

interface Losses {
  divergence: string;
  temperature: number;
  soft: number;
  hard: number;
  total: number;
}

const distillationOf = ({ divergence, temperature }: Losses): Distillation => ({
  divergence: divergence as Divergence,
  beta: 0.5,
  temperature: tf.scalar(temperature),
  alpha: tf.scalar(alpha),
  temperatureScale: tf.scalar(temperature ** 2),
});

/** Back-propagates, and holds the components against what PyTorch has. */
function gradientsOf(variables: tf.Tensor[], expected: Losses, lossOf: () => HeadLoss): tf.Tensor[] {
  let loss: HeadLoss | undefined;
  const { value, grads } = tf.valueAndGrads(() => (loss = lossOf()).total)(variables);
  expect(valueOf(loss!.soft!)).toBeCloseTo(expected.soft, 5);
  expect(valueOf(loss!.hard)).toBeCloseTo(expected.hard, 5);
  expectClose(value, [expected.total], 2e-6 * Math.max(1, expected.total));
  return grads;
}

describe('an ensemble of classifiers, as in PyTorch', () => {
  const { members, student, labels, cases } = golden.classifiers;
  const [rows, classes] = [student.length, student[0]!.length] as const;
  const logits = members.map((one) => ({ shape: [rows, classes], data: Float32Array.from(one.flat()) }));

  it.each(cases)('$divergence at T = $temperature', (expected) => {
    const { temperature } = expected;
    const mean = meanLogits(logits, weights, temperature);
    for (const [row, softLabel] of expected.softLabels.entries()) {
      expectClose(softmax(mean.data.subarray(row * classes, (row + 1) * classes), temperature), softLabel, 1e-6);
    }
    const studentLogits = tf.tensor2d(student);
    const [gradient] = gradientsOf([studentLogits], expected, () =>
      classLoss({
        ...counting(),
        studentLogits,
        problemType: 'single-label',
        labels: tf.tensor1d(labels, 'int32'),
        distillation: { ...distillationOf(expected), teacherLogits: tf.tensor2d(mean.data, mean.shape) },
      }),
    );
    expectClose(gradient!, expected.gradient.flat(), 2e-6 * temperature);
  });
});

describe('an ensemble of language models whose widths and padded heads differ, as in PyTorch', () => {
  const { members, student, labels, cases } = golden.languageModels;

  it.each(cases)('$divergence at T = $temperature', (expected) => {
    const [hidden, weight] = [tf.tensor2d(student.hidden), tf.tensor2d(student.weight)];
    const [hiddenGradient, weightGradient] = gradientsOf([hidden, weight], expected, () =>
      vocabularyLoss({
        ...counting(),
        student: { hidden, weight, bias: null },
        labels: tf.tensor1d(labels, 'int32'),
        distillation: {
          ...distillationOf(expected),
          teacher: {
            weights,
            members: members.map((one) => ({
              hidden: tf.tensor2d(one.hidden),
              weight: tf.tensor2d(one.weight),
              bias: tf.tensor1d(one.bias),
            })),
          },
        },
        chunkRows: 3,
        stretchRows: 2,
      }),
    );
    expectClose(hiddenGradient!, expected.hiddenGradient.flat(), 5e-6 * expected.temperature);
    expectClose(weightGradient!, expected.weightGradient.flat(), 5e-6 * expected.temperature);
  });
});
