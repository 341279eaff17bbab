import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { hiddenLoss, type HiddenLossInputs } from '../../src/distill/losses/hidden-loss';
import type { HiddenLossKind } from '../../src/protocol/imitation';
import { expectClose, expectFinite, normal, onCpu, valueOf, valuesOf } from './numbers';

onCpu();

const states = (width: number, seed: number): tf.Tensor3D => tf.reshape(normal([6, width], seed), [2, 3, width]);
const mask = tf.tensor2d([
  [1, 1, 0],
  [1, 1, 1],
]);

const inputs = (changes: Partial<HiddenLossInputs> = {}): HiddenLossInputs => ({
  student: states(4, 51),
  teacher: states(4, 52),
  attentionMask: mask,
  inverseCount: tf.scalar(1 / 5),
  ...changes,
});

const losses: Record<HiddenLossKind, (s: number[], t: number[]) => number> = {
  mse: (s, t) => s.reduce((sum, x, i) => sum + (x - t[i]!) ** 2, 0) / s.length,
  cosine: (s, t) => {
    const dot = (a: number[], b: number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
    return 1 - dot(s, t) / Math.sqrt(dot(s, s) * dot(t, t));
  },
};

describe.each(['mse', 'cosine'] as const)('hidden %s', (kind) => {
  it('is the mean over real tokens', () => {
    const [s, t] = [inputs().student, inputs().teacher].map((x) => x.arraySync());
    const real = [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [1, 2],
    ] as const;
    const expected = real.reduce((sum, [b, l]) => sum + losses[kind](s![b]![l]!, t![b]![l]!), 0) / 5;
    expect(valueOf(hiddenLoss(kind, inputs()))).toBeCloseTo(expected, 5);
  });

  it('projects where the widths differ, and the projection learns', () => {
    const projection = normal([4, 3], 53); // [Dt, Ds]
    const narrow = inputs({ student: states(3, 54), projection });
    const projected = tf.reshape(tf.matMul(tf.reshape(narrow.student, [6, 3]), projection, false, true), [2, 3, 4]);
    const gradient = tf.grad((p: tf.Tensor) => hiddenLoss(kind, { ...narrow, projection: p as tf.Tensor2D }))(
      projection,
    );
    expectClose(hiddenLoss(kind, narrow), hiddenLoss(kind, inputs({ student: projected as tf.Tensor3D })), 1e-6);
    expect(gradient.shape).toEqual([4, 3]);
    expect(valuesOf(gradient).some((g) => Math.abs(g) > 1e-3)).toBe(true);
  });

  it('has no gradient at padding and none that is not finite, even for states that are all 0', () => {
    const zero = tf.zeros<tf.Rank.R3>([2, 3, 4]);
    const gradient = (student: tf.Tensor3D): tf.Tensor =>
      tf.grad((s: tf.Tensor) => hiddenLoss(kind, inputs({ student: s as tf.Tensor3D })))(student);
    expectClose(tf.slice(gradient(inputs().student), [0, 2, 0], [1, 1, 4]), [0, 0, 0, 0], 0);
    expectFinite(gradient(zero));
  });

  it('is 0 where no token is real, and where the states are equal', () => {
    const none = inputs({ attentionMask: tf.zeros([2, 3]), inverseCount: tf.scalar(0) });
    expect(valueOf(hiddenLoss(kind, none))).toBe(0);
    expect(valueOf(hiddenLoss(kind, inputs({ teacher: inputs().student })))).toBeCloseTo(0, 6);
  });

  it('refuses differing widths without a projection', () => {
    expect(() => hiddenLoss(kind, inputs({ student: states(3, 54) }))).toThrow(/need a projection/);
  });
});
