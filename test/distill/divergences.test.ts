import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { divergences } from '../../src/distill/losses/divergences';
import { divergenceFacts, isSoftened, type Divergence } from '../../src/protocol/divergences';
import { expectClose, expectFinite, normal, onCpu, valueOf, valuesOf } from './numbers';

onCpu();

/** The definitions as they stand in textbooks, for autodiff: no shared intermediates, no stabilization. */
const definitions: Record<Divergence, (s: tf.Tensor, t: tf.Tensor, temperature: number, beta: number) => tf.Tensor> = {
  'forward-kl': (s, t, temperature) => kl(tf.softmax(tf.div(t, temperature)), tf.softmax(tf.div(s, temperature))),
  'reverse-kl': (s, t, temperature) => kl(tf.softmax(tf.div(s, temperature)), tf.softmax(tf.div(t, temperature))),
  'skew-kl': (s, t, temperature, beta) => {
    const [p, q] = [tf.softmax(tf.div(s, temperature)), tf.softmax(tf.div(t, temperature))];
    return kl(q, tf.add(tf.mul(q, beta), tf.mul(p, 1 - beta)));
  },
  'skew-reverse-kl': (s, t, temperature, beta) => {
    const [p, q] = [tf.softmax(tf.div(s, temperature)), tf.softmax(tf.div(t, temperature))];
    return kl(p, tf.add(tf.mul(p, beta), tf.mul(q, 1 - beta)));
  },
  jsd: (s, t, temperature, beta) => {
    const [p, q] = [tf.softmax(tf.div(s, temperature)), tf.softmax(tf.div(t, temperature))];
    const mixture = tf.add(tf.mul(q, beta), tf.mul(p, 1 - beta));
    return tf.add(tf.mul(kl(q, mixture), beta), tf.mul(kl(p, mixture), 1 - beta));
  },
  jeffreys: (s, t, temperature, beta) => {
    const [p, q] = [tf.softmax(tf.div(s, temperature)), tf.softmax(tf.div(t, temperature))];
    return tf.add(tf.mul(kl(q, p), beta), tf.mul(kl(p, q), 1 - beta));
  },
  tvd: (s, t, temperature) =>
    tf.div(tf.sum(tf.abs(tf.sub(tf.softmax(tf.div(s, temperature)), tf.softmax(tf.div(t, temperature)))), -1), 2),
  'mse-logits': (s, t) => tf.mean(tf.squaredDifference(s, t), -1),
  'cosine-logits': (s, t) => {
    const length = (x: tf.Tensor): tf.Tensor => tf.sqrt(tf.sum(tf.square(x), -1));
    return tf.sub(1, tf.div(tf.sum(tf.mul(s, t), -1), tf.mul(length(s), length(t))));
  },
};

const kl = (p: tf.Tensor, q: tf.Tensor): tf.Tensor => tf.sum(tf.mul(p, tf.sub(tf.log(p), tf.log(q))), -1);

const cases = (Object.keys(divergences) as Divergence[]).flatMap((name) =>
  (divergenceFacts[name].beta === undefined ? [0.5] : [0.1, 0.5, 0.9]).flatMap((beta) =>
    [1, 2.5].map((temperature) => ({ name, beta, temperature })),
  ),
);

it.each(['forward-kl', 'reverse-kl', 'skew-kl', 'skew-reverse-kl', 'jsd', 'jeffreys'] as const)(
  '%s is never below 0, however high T is',
  (name) => {
    const logits = normal([64, 500], 13, 8);
    const almost = tf.add<tf.Tensor2D>(logits, normal([64, 500], 14, 1e-4));
    const values = valuesOf(compare(name, almost, logits, 100, 0.5).perPosition);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  },
);

/** Of a teacher's logits, which are divided as the divergence takes them. */
const compare = (name: Divergence, s: tf.Tensor2D, t: tf.Tensor2D, temperature: number, beta: number) =>
  divergences[name](s, isSoftened(name) ? tf.div(t, temperature) : t, tf.scalar(temperature), beta);

const weight = tf.tensor2d([[0.3], [1], [0], [-0.7]]);
const student = (): tf.Tensor2D => normal([4, 9], 11, 2);
const teacher = (): tf.Tensor2D => normal([4, 9], 12, 2);

describe.each(cases)('$name (β $beta) at T = $temperature', ({ name, beta, temperature }) => {
  const evaluate = (s: tf.Tensor2D, t = teacher()) => compare(name, s, t, temperature, beta);

  it('has the value of its definition', () => {
    expectClose(evaluate(student()).perPosition, definitions[name](student(), teacher(), temperature, beta), 2e-6);
  });

  it('has the gradient that autodiff makes of its definition', () => {
    const expected = tf.grad((s: tf.Tensor) =>
      tf.sum(tf.mul(definitions[name](s, teacher(), temperature, beta), tf.reshape(weight, [4]))),
    )(student());
    expectClose(evaluate(student()).gradient(weight), expected, 2e-6);
  });

  it('has the gradient that central differences show', () => {
    const step = 1e-2;
    const values = valuesOf(student());
    const lossWith = (i: number, delta: number): number => {
      const moved = tf.tensor2d(
        values.map((value, j) => (j === i ? value + delta : value)),
        [4, 9],
      );
      return valueOf(tf.sum(tf.mul(evaluate(moved).perPosition, tf.reshape(weight, [4]))));
    };
    const differences = values.map((_, i) => (lossWith(i, step) - lossWith(i, -step)) / (2 * step));
    expectClose(evaluate(student()).gradient(weight), differences, 2e-3);
  });

  it('is 0 with gradient 0 where student and teacher are equal', () => {
    const { perPosition, gradient } = evaluate(teacher());
    expectClose(perPosition, [0, 0, 0, 0], 1e-6);
    expectClose(gradient(weight), new Float32Array(36), 1e-6);
  });

  it('stays finite for logits of ±1e4', () => {
    const extreme = tf.tensor2d([[1e4, -1e4, 0, 5]]);
    const opposite = tf.tensor2d([[-1e4, 1e4, 3, 0]]);
    const { perPosition, gradient } = evaluate(extreme, opposite);
    expectFinite(perPosition, gradient(tf.tensor2d([[1]])));
    expect(valueOf(perPosition)).toBeGreaterThan(0.1);
  });
});

describe('divergences', () => {
  it.each(Object.keys(divergences) as Divergence[])('%s without a temperature is what it is at 1', (name) => {
    const at = (temperature?: tf.Scalar) => divergences[name](student(), teacher(), temperature, 0.5);
    const [without, atOne] = [at(), at(tf.scalar(1))];
    expect(valuesOf(without.perPosition)).toEqual(valuesOf(atOne.perPosition));
    expect(valuesOf(without.gradient(weight))).toEqual(valuesOf(atOne.gradient(weight)));
  });

  it.each([
    [0, 'forward-kl'],
    [1, 'reverse-kl'],
  ] as const)('jsd with β = %d is %s', (beta, name) => {
    const [a, b] = (['jsd', name] as const).map((d) => compare(d, student(), teacher(), 2, beta));
    expect(valuesOf(a!.perPosition)).toEqual(valuesOf(b!.perPosition));
    expect(valuesOf(a!.gradient(weight))).toEqual(valuesOf(b!.gradient(weight)));
  });

  it('jsd weighs the teacher by β: it tends to 0 at both ends and is not symmetric', () => {
    const at = (beta: number): number => valueOf(tf.mean(compare('jsd', student(), teacher(), 1, beta).perPosition));
    expect(at(1e-3)).toBeLessThan(at(0.1));
    expect(at(1 - 1e-3)).toBeLessThan(at(0.9));
    expect(Math.abs(at(0.1) - at(0.9))).toBeGreaterThan(1e-3);
  });

  it.each(['mse-logits', 'cosine-logits'] as const)('%s does not depend on the temperature', (name) => {
    const at = (t: number): number[] => valuesOf(compare(name, student(), teacher(), t, 0.5).perPosition);
    expect(at(1)).toEqual(at(5));
  });

  it('cosine-logits of logits without direction is 1 with gradient 0', () => {
    const { perPosition, gradient } = divergences['cosine-logits'](
      tf.zeros([1, 3]),
      tf.tensor2d([[1, 2, 3]]),
      tf.scalar(1),
      0.5,
    );
    expect(valuesOf(perPosition)).toEqual([1]);
    expectClose(gradient(tf.tensor2d([[1]])), [0, 0, 0], 0);
  });

  it('T² keeps the size of the forward-kl gradient, which falls with T otherwise', () => {
    const size = (t: number): number =>
      valueOf(tf.norm(compare('forward-kl', student(), teacher(), t, 0.5).gradient(tf.ones([4, 1]))));
    const [one, eight, sixteen] = [size(1), size(8), size(16)];
    expect(eight / one).toBeLessThan(0.1);
    expect((64 * eight) / (256 * sixteen)).toBeCloseTo(1, 1);
  });
});
