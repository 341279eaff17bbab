/** @file Losses where several labels may apply, and where the label is a number, as PyTorch's autograd has them in float64 (`label_losses_by_torch.py`). */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { classLoss, type Counting, type Distillation, type HeadLoss } from '../../src/distill/losses/head-loss';
import { meanLogits } from '../../src/distill/teacher/ensemble';
import type { ProblemType } from '../../src/model/architecture';
import { isSoftened, type Divergence } from '../../src/protocol/divergences';
import { labelKl, softenedLabels } from '../../src/protocol/independent-labels';
import { expectClose, onCpu, valueOf } from '../distill/numbers';
import golden from './data/label-losses.json';

onCpu();

const { alpha, several, number } = golden;
const [rows, labels] = several.shape as [number, number];

const counting = (which: number[]): Counting => ({
  counted: tf.tensor1d(which),
  inverseCount: tf.scalar(1 / which.reduce((sum, one) => sum + one, 0)),
});

interface Expected {
  soft: number;
  hard: number;
  total: number;
  gradient: number[];
}

/** Back-propagates, and holds everything against what PyTorch has. */
function hold(
  problemType: ProblemType,
  given: Record<'student' | 'teacher' | 'labels', number[]>,
  { divergence, beta, temperature }: { divergence: Divergence; beta: number; temperature: number },
  expected: Expected,
): void {
  const shape: [number, number] = [rows, given.student.length / rows];
  const distillation: Distillation = {
    divergence,
    beta,
    temperature: tf.scalar(temperature),
    alpha: tf.scalar(alpha),
    temperatureScale: tf.scalar(isSoftened(divergence) ? temperature ** 2 : 1),
  };
  let loss: HeadLoss | undefined;
  const studentLogits = tf.tensor2d(given.student, shape);
  const { value, grads } = tf.valueAndGrads(
    () =>
      (loss = classLoss({
        ...counting(golden.counted),
        labelled: counting(golden.labelled),
        studentLogits,
        problemType,
        labels: tf.tensor2d(given.labels, shape),
        distillation: { ...distillation, teacherLogits: tf.tensor2d(given.teacher, shape) },
      })).total,
  )([studentLogits]);
  const close = (actual: number, wanted: number): void => {
    expect(Math.abs(actual - wanted)).toBeLessThan(3e-6 * Math.max(1, Math.abs(wanted)));
  };
  close(valueOf(loss!.soft!), expected.soft);
  close(valueOf(loss!.hard), expected.hard);
  close(valueOf(value), expected.total);
  expectClose(grads[0]!, expected.gradient, 3e-6 * temperature);
}

describe('labels of which several may apply, as in PyTorch', () => {
  it.each(several.cases)('$divergence at T = $temperature', ({ divergence, ...expected }) => {
    hold('multi-label', several, { ...expected, divergence: divergence as Divergence }, expected);
  });

  it('have the same KL and gradient in the plain numbers that pages show', () => {
    const row = (values: number[], i: number): number[] => values.slice(i * labels, (i + 1) * labels);
    const counted = golden.counted.flatMap((one, i) => (one === 1 ? [i] : []));
    for (const { divergence, temperature, soft } of several.cases) {
      if (divergence !== 'forward-kl') continue;
      const all = counted.map((i) => labelKl(row(several.teacher, i), row(several.student, i), temperature));
      expect(all.reduce((a, b) => a + b) / all.length).toBeCloseTo(soft, 6);
    }
    // A difference quotient of the same KL is the gradient whose norm is shown.
    const [teacher, student] = [row(several.teacher, 3), row(several.student, 3)];
    const slopes = student.map((_, c) => {
      const moved = (by: number): number[] => student.map((logit, i) => (i === c ? logit + by : logit));
      return (labelKl(teacher, moved(1e-5), 2) - labelKl(teacher, moved(-1e-5), 2)) / 2e-5;
    });
    expect(softenedLabels(teacher, student, 2).gradientNorm).toBeCloseTo(Math.hypot(...slopes), 6);
  });

  it('are averaged over an ensemble as probabilities', () => {
    const { weights, members, means } = golden.ensemble;
    const given = members.map((data) => ({ shape: [rows, labels], data: Float32Array.from(data) }));
    for (const { temperature, logits } of means) {
      expectClose(meanLogits(given, weights, temperature, 'multi-label').data, logits, 1e-4);
    }
  });
});

describe('labels that are numbers, as in PyTorch', () => {
  it('are learnt by the squared error, and the squared difference from the teacher', () => {
    hold('regression', number, { divergence: 'mse-logits', beta: 0.5, temperature: 4 }, number);
  });

  it('are averaged over an ensemble as they are', () => {
    const members = [1, 4].map((value) => ({ shape: [1, 1], data: Float32Array.of(value) }));
    expect(meanLogits(members, [0.25, 0.75], 2, 'regression').data[0]).toBeCloseTo(3.25);
  });
});
