import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { relationLoss, type RelationLossInputs } from '../../src/distill/losses/relation-loss';
import { relatedVectors } from '../../src/model/block-pairs';
import { type Architecture, headSizeOf, keyValueHeadsOf } from '../../src/model/architecture';
import { seenPairs, splitHeads } from '../../src/model/computations/attention';
import type { FamilyComputation } from '../../src/model/computations/computation';
import { backbone, classifiedRows } from '../../src/model/computations/transformer';
import { type Family, familyNames, layoutOf } from '../../src/model/layouts/families';
import { llamaLayouts } from '../../src/model/layouts/llama';
import type { Sight } from '../../src/model/sight';
import { vectorKinds } from '../../src/protocol/imitation';
import { expectFinite, normal, onCpu, valueOf, valuesOf } from './numbers';
import { tensorsOf, tinyModel } from './tiny-models';

onCpu();

const [BATCH, LENGTH] = [2, 4];
/** Three real tokens, then four. */
const real = [3, 4];
const mask = tf.tensor2d([
  [1, 1, 1, 0],
  [1, 1, 1, 1],
]);
const everything: Sight = { before: Infinity, after: Infinity };
const causal: Sight = { before: Infinity, after: 0 };

/** The student is 6 wide, its teacher 12. */
const vectors = (width: number, seed: number): tf.Tensor3D =>
  tf.reshape(normal([BATCH * LENGTH, width], seed), [BATCH, LENGTH, width]);

function inputs(sight: Sight, changes: Partial<RelationLossInputs> = {}): RelationLossInputs {
  return {
    student: vectors(6, 71),
    teacher: vectors(12, 72),
    heads: 3,
    seen: seenPairs({ attentionMask: mask }, sight),
    inverseCount: tf.scalar(1 / 7),
    ...changes,
  };
}

/** As defined, one number after the other. */
function defined({ student, teacher, heads }: RelationLossInputs, { before, after }: Sight): number {
  const relation = (x: tf.Tensor3D, row: number, head: number, query: number, keys: number[]): number[] => {
    const [size, values] = [x.shape[2] / heads, valuesOf(x)];
    const at = (token: number, i: number): number => values[(row * LENGTH + token) * x.shape[2] + head * size + i]!;
    const dots = keys.map((key) =>
      Array.from({ length: size }, (_, i) => at(query, i) * at(key, i)).reduce((a, b) => a + b),
    );
    const powers = dots.map((dot) => Math.exp(dot / Math.sqrt(size)));
    return powers.map((power) => power / powers.reduce((a, b) => a + b));
  };
  let sum = 0;
  for (const [row, tokens] of real.entries()) {
    for (let query = 0; query < tokens; query++) {
      const keys = Array.from({ length: tokens }, (_, key) => key).filter(
        (key) => key >= query - before && key <= query + after,
      );
      for (let head = 0; head < heads; head++) {
        const [s, t] = [student, teacher].map((x) => relation(x, row, head, query, keys)) as [number[], number[]];
        sum += t.reduce((kl, share, i) => kl + share * Math.log(share / s[i]!), 0);
      }
    }
  }
  return sum / heads / 7;
}

describe('relations', () => {
  it.each([
    ['an encoder', everything],
    ['a decoder', causal],
    ['a window', { before: 1, after: 0 }],
    ['a neighbourhood', { before: 1, after: 1 }],
  ])('of %s are compared by their KL, a mean over relation heads and real tokens', (_, sight) => {
    const given = inputs(sight);
    expect(defined(given, sight)).toBeGreaterThan(0.01);
    expect(valueOf(relationLoss(given))).toBeCloseTo(defined(given, sight), 5);
  });

  it('are those of one head, or of as many as there are elements of the narrower', () => {
    const loss = (heads: number): number => valueOf(relationLoss(inputs(everything, { heads })));
    for (const heads of [1, 2, 6])
      expect(loss(heads)).toBeCloseTo(defined(inputs(everything, { heads }), everything), 5);
    expect(new Set([1, 2, 3, 6].map(loss)).size).toBe(4);
  });

  it('are 0 of what is alike, also where that is the teacher twice as wide with half of the scale', () => {
    expect(valueOf(relationLoss(inputs(causal, { student: vectors(12, 72) })))).toBe(0);
    // Each element twice: dot products are twice as large, and √d is √2 as large.
    const x = vectors(6, 71);
    const doubled = tf.reshape<tf.Rank.R3>(tf.stack([x, x], -1), [BATCH, LENGTH, 12]);
    const scaled = tf.mul<tf.Tensor3D>(doubled, 2 ** -0.25);
    expect(valueOf(relationLoss(inputs(causal, { student: x, teacher: scaled })))).toBeCloseTo(0, 6);
  });

  it.each([
    ['padding', everything, 0, 3],
    ['a later token', causal, 1, 3],
  ] as const)('depend on %s in neither model', (_, sight, row, token) => {
    const disturbed = (x: tf.Tensor3D): tf.Tensor3D => {
      const buffer = tf.buffer(x.shape, 'float32', Float32Array.from(valuesOf(x)));
      for (let i = 0; i < x.shape[2]; i++) buffer.set(3 + i, row, token, i);
      return buffer.toTensor() as tf.Tensor3D;
    };
    // Of the tokens before it: what the token itself sees is its own.
    const earlier = tf.tensor(
      Float32Array.from({ length: BATCH * LENGTH }, (_, i) => Number(i !== row * LENGTH + token)),
      [BATCH, 1, LENGTH, 1],
    );
    const seen = tf.mul(seenPairs({ attentionMask: mask }, sight), earlier);
    const plain = valueOf(relationLoss(inputs(sight, { seen })));
    const [student, teacher] = [disturbed(vectors(6, 71)), disturbed(vectors(12, 72))];
    expect(valueOf(relationLoss(inputs(sight, { seen, student, teacher })))).toBe(plain);
    const gradient = tf.grad((s: tf.Tensor) =>
      relationLoss(inputs(sight, { seen, teacher, student: s as tf.Tensor3D })),
    )(student);
    const own = tf.slice(gradient, [row, token, 0], [1, 1, 6]);
    expect(valuesOf(own).every((value) => value === 0)).toBe(true);
    // It would be seen by who sees all.
    const all = { seen: tf.mul(tf.ones([BATCH, 1, LENGTH, LENGTH]), earlier), student, teacher };
    expect(Math.abs(valueOf(relationLoss(inputs(sight, all))) - plain)).toBeGreaterThan(1e-3);
  });

  it('are 0 with a finite gradient where no token is real', () => {
    const none = { seen: tf.zeros([BATCH, 1, LENGTH, LENGTH]), inverseCount: tf.scalar(0) };
    const loss = (s: tf.Tensor): tf.Scalar => relationLoss(inputs(causal, { ...none, student: s as tf.Tensor3D }));
    expect(valueOf(loss(vectors(6, 71)))).toBe(0);
    expectFinite(tf.grad(loss)(vectors(6, 71)));
  });

  it('have the gradient that differences have', () => {
    const loss = (s: tf.Tensor): tf.Scalar => relationLoss(inputs(causal, { student: s as tf.Tensor3D }));
    const gradient = valuesOf(tf.grad(loss)(vectors(6, 71)));
    const values = valuesOf(vectors(6, 71));
    const moved = (i: number, by: number): number => {
      const next = Float32Array.from(values);
      next[i]! += by;
      return defined(inputs(causal, { student: tf.tensor3d(next, [BATCH, LENGTH, 6]) }), causal);
    };
    for (let i = 0; i < gradient.length; i += 5) {
      expect(gradient[i]).toBeCloseTo((moved(i, 0.01) - moved(i, -0.01)) / 0.02, 4);
    }
  });

  it('refuse heads that do not divide a width', () => {
    expect(() => relationLoss(inputs(causal, { heads: 4 }))).toThrow(
      '4 relation heads do not divide vectors of width 6',
    );
  });
});

describe.each(familyNames)('the vectors of %s', (family) => {
  const made = tinyModel(family, { hiddenSize: 16, heads: 4, initializerRange: 0.5 });
  const a: Architecture = family in llamaLayouts ? { ...made, keyValueHeads: 2 } : made;
  const [attentionMask, inputIds] = [
    tf.ones<tf.Rank.R2>([2, 5]),
    tf.tensor2d([Array(5).fill(5), Array(5).fill(7)] as number[][], [2, 5], 'int32'),
  ];

  it('are as wide as its heads, and make the scores of attention where no position turns them', () => {
    const parameters = tensorsOf(a);
    const given = backbone(a, parameters, { inputIds, attentionMask });
    const norms = normsOf(family);
    // What a head adds for the distance 0.
    const relative = Object.entries(parameters).find(([name]) => name.includes('relative_attention_bias'))?.[1];
    const added = relative ? valuesOf(relative).slice(0, a.heads) : new Array<number>(a.heads).fill(0);
    for (const [block, { queries, keys, values }] of given.vectors.entries()) {
      const made = { queries: queries(), keys: keys(), values: values() };
      for (const { role, kind, width } of relatedVectors(vectorKinds, { teacher: a, student: a })) {
        if (role === 'student') expect(made[kind].shape, kind).toEqual([2, 5, width]);
      }
      // At position 0 the angle is 0. Norms are 1 as they are made, or as wide as all heads.
      const normed = (x: tf.Tensor): tf.Tensor =>
        tf.div(x, tf.sqrt(tf.add(tf.mean(tf.square(x), -1, true), a.layerNormEpsilon)));
      const headsOf = (x: tf.Tensor, heads: number): tf.Tensor => {
        const split = splitHeads(norms === 'together' ? normed(x) : x, heads);
        return norms === 'each' ? normed(split) : split;
      };
      const [query, key] = [headsOf(made.queries, a.heads), headsOf(made.keys, keyValueHeadsOf(a))];
      const shared = tf.reshape(
        tf.tile(tf.expandDims(key, 2), [1, 1, a.heads / keyValueHeadsOf(a), 1, 1]),
        query.shape,
      );
      const dots = tf.div(tf.matMul(query, shared, false, true), Math.sqrt(a.queryScalar ?? headSizeOf(a)));
      const capped = a.scoreCap === undefined ? dots : tf.mul(tf.tanh(tf.div(dots, a.scoreCap)), a.scoreCap);
      const first = (x: tf.Tensor): number[] => valuesOf(tf.slice(x, [0, 0, 0, 0], [2, a.heads, 1, 1]));
      const wanted = first(given.scores[block]!);
      first(capped).forEach((value, i) => expect(value + added[i % a.heads]!).toBeCloseTo(wanted[i]!, 4));
    }
  });

  it.runIf('sequence-classification' in layoutOf(family).classNames)(
    'are of all tokens also where a classifier’s last block asks for few, and change nothing else',
    () => {
      const classifier: Architecture = { ...a, head: 'sequence-classification', labels: ['a', 'b'] };
      const tensors = tensorsOf(classifier);
      const choose = classifiedRows(classifier, { inputIds, attentionMask });
      const [early, late] = [{ choose }, {}].map((options: Parameters<FamilyComputation['backbone']>[3]) =>
        backbone(classifier, tensors, { inputIds, attentionMask }, options),
      );
      for (const kind of vectorKinds) {
        const [some, all] = [early, late].map((one) => valuesOf(one!.vectors[1]![kind]()));
        expect(some).toEqual(all);
      }
    },
  );
});

/** Whether a family norms its queries and keys after their projections. */
function normsOf(family: Family): 'each' | 'together' | undefined {
  return family in llamaLayouts
    ? llamaLayouts[family as keyof typeof llamaLayouts].description.normsQueriesAndKeys
    : undefined;
}
