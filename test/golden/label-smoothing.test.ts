/** @file The hard loss of a control whose labels are smoothed, as PyTorch's autograd has it in float64 (`label_smoothing_by_torch.py`). */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { classLoss, vocabularyLoss, type HeadLoss } from '../../src/distill/losses/head-loss';
import { inverseOf } from '../../src/distill/losses/shift';
import { controlFacts } from '../../src/protocol/controls';
import { expectClose, onCpu, valueOf } from '../distill/numbers';
import golden from './data/label-smoothing.json';

onCpu();

const [rows, classes] = golden.shape as [number, number];
const smoothing = controlFacts['label-smoothing'].labelSmoothing;
const counting = {
  counted: tf.tensor1d(golden.counted),
  inverseCount: tf.scalar(inverseOf(golden.counted.reduce((sum, one) => sum + one))),
};
const classLabels = tf.tensor1d(golden.labels, 'int32');

interface Expected {
  hard: number;
  gradients: number[][];
}

/** Back-propagates, and holds everything against what PyTorch has. */
function hold(variables: tf.Tensor[], loss: (...variables: tf.Tensor[]) => HeadLoss, expected: Expected): void {
  let own: HeadLoss | undefined;
  const { value, grads } = tf.valueAndGrads((...given: tf.Tensor[]) => {
    own = loss(...given);
    return own.total;
  })(variables);
  expect(valueOf(own!.hard)).toBeCloseTo(expected.hard, 5);
  expect(valueOf(value)).toBeCloseTo(expected.hard, 5);
  expect(grads).toHaveLength(expected.gradients.length);
  grads.forEach((gradient, i) => expectClose(gradient, expected.gradients[i]!, 2e-6));
}

describe('a hard loss with smoothed labels', () => {
  it('is that of PyTorch in what is smoothed', () => {
    expect(smoothing).toBe(golden.smoothing);
  });

  it.each([
    ['one class', 'single-label', classLabels, golden.one],
    ['several labels', 'multi-label', tf.tensor2d(golden.applies, [rows, classes]), golden.several],
  ] as const)("has PyTorch's value and gradient for %s", (_, problemType, labels, expected) => {
    const loss = (logits: tf.Tensor): HeadLoss =>
      classLoss({
        ...counting,
        studentLogits: logits as tf.Tensor2D,
        problemType,
        labels,
        labelSmoothing: smoothing,
      });
    hold([tf.tensor2d(golden.logits, [rows, classes])], loss, expected);
  });

  it.each([
    ['plain logits, all rows at once', undefined, rows, golden.head.plain],
    ['plain logits, in stretches of chunks', undefined, 2, golden.head.plain],
    ['capped logits', golden.head.cap, 2, golden.head.capped],
  ])("has PyTorch's value and gradients over a vocabulary, of %s", (_, cap, chunk, expected) => {
    const { width } = golden.head;
    const loss = (hidden: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): HeadLoss =>
      vocabularyLoss({
        ...counting,
        student: {
          hidden: hidden as tf.Tensor2D,
          weight: weight as tf.Tensor2D,
          bias: bias as tf.Tensor1D,
          cap,
        },
        labels: classLabels,
        labelSmoothing: smoothing,
        chunkRows: chunk,
        stretchRows: Math.max(1, chunk - 1),
      });
    const variables = [
      tf.tensor2d(golden.head.hidden, [rows, width]),
      tf.tensor2d(golden.head.weight, [classes, width]),
      tf.tensor1d(golden.head.bias),
    ];
    hold(variables, loss, expected);
  });
});
