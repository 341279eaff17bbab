/** @file Losses of embeddings as PyTorch's autograd has them in float64 (`embeddings_by_sentence_transformers.py`). */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { classLoss, type Counting, type HeadLoss } from '../../src/distill/losses/head-loss';
import { meanLogits } from '../../src/distill/teacher/ensemble';
import type { Divergence } from '../../src/protocol/divergences';
import { expectClose, onCpu, valueOf } from '../distill/numbers';
import golden from './data/embedding-losses.json';

onCpu();

const { alpha } = golden;
const shape = golden.shape as [number, number];

const counting = (which: number[]): Counting => ({
  counted: tf.tensor1d(which),
  inverseCount: tf.scalar(1 / which.reduce((sum, one) => sum + one, 0)),
});

describe('embeddings of pairs, of which one has a score and one is a filler', () => {
  it.each(golden.cases)('have the losses and the gradient of PyTorch: $divergence', ({ divergence, ...expected }) => {
    let loss: HeadLoss | undefined;
    const studentLogits = tf.tensor2d(golden.student, shape);
    const { value, grads } = tf.valueAndGrads(
      () =>
        (loss = classLoss({
          ...counting(golden.counted),
          labelled: counting(golden.labelled),
          studentLogits,
          problemType: 'embedding',
          labels: tf.tensor2d(golden.scores, [shape[0], 1]),
          distillation: {
            ...{ divergence: divergence as Divergence, beta: 0.5 },
            ...{ alpha: tf.scalar(alpha), temperatureScale: tf.scalar(1) },
            teacherLogits: tf.tensor2d(golden.teacher, shape),
          },
        })).total,
    )([studentLogits]);
    expect(valueOf(loss!.soft!)).toBeCloseTo(expected.soft, 6);
    expect(valueOf(loss!.hard)).toBeCloseTo(expected.hard, 6);
    expect(valueOf(value)).toBeCloseTo(expected.total, 6);
    expectClose(grads[0]!, expected.gradient, 1e-6);
  });

  it('of several teachers are averaged as they are', () => {
    const [a, b] = [golden.student, golden.teacher].map((values) => ({ shape, data: Float32Array.from(values) }));
    const { data } = meanLogits([a!, b!], [0.25, 0.75], 4, 'embedding');
    const expected = golden.student.map((value, i) => 0.25 * value + 0.75 * golden.teacher[i]!);
    data.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
  });
});
