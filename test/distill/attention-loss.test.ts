import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import '../../src/engine/graph/gradients';
import { attentionLoss, type AttentionLossInputs } from '../../src/distill/losses/attention-loss';
import { imitationCounts } from '../../src/distill/losses/imitation-losses';
import { comparedBlocks, type Pairing } from '../../src/distill/pairing';
import type { BatchInputs } from '../../src/distill/batch-inputs';
import type { Imitation } from '../../src/protocol/imitation';
import { pairBlocks } from '../../src/model/block-pairs';
import { seenPairs } from '../../src/model/computations/attention';
import { backbone } from '../../src/model/computations/transformer';
import type { Architecture } from '../../src/model/architecture';
import { type Family, familyNames } from '../../src/model/layouts/families';
import { countPairs, sightOf, type Sight } from '../../src/model/sight';
import { expectFinite, normal, onCpu, valueOf, valuesOf } from './numbers';
import { tensorsOf, tinyModel } from './tiny-models';

onCpu();

const [BATCH, HEADS, LENGTH] = [2, 2, 4];
/** Three real tokens, then four. */
const mask = tf.tensor2d([
  [1, 1, 1, 0],
  [1, 1, 1, 1],
]);
const [everything, causal]: Sight[] = [
  { before: Infinity, after: Infinity },
  { before: Infinity, after: 0 },
] as const;

const scores = (seed: number): tf.Tensor4D =>
  tf.reshape(normal([BATCH * HEADS, LENGTH ** 2], seed), [BATCH, HEADS, LENGTH, LENGTH]);

/** [row, head, query, key] of what counts. */
function* counted(
  { before, after }: Sight,
  real: readonly number[] = [3, 4],
): Generator<[number, number, number, number]> {
  for (const [row, tokens] of real.entries()) {
    for (let head = 0; head < HEADS; head++) {
      for (let query = 0; query < tokens; query++) {
        for (let key = Math.max(0, query - before); key <= Math.min(tokens - 1, query + after); key++) {
          yield [row, head, query, key];
        }
      }
    }
  }
}

const at = (x: tf.Tensor4D): ((place: readonly number[]) => number) => {
  const values = valuesOf(x);
  return ([row, head, query, key]) => values[((row! * HEADS + head!) * LENGTH + query!) * LENGTH + key!]!;
};

/** As defined, one number after the other. */
const definitions = {
  mse: (student: tf.Tensor4D, teacher: tf.Tensor4D, sight: Sight): number => {
    const places = [...counted(sight)];
    const [s, t] = [at(student), at(teacher)];
    return places.reduce((sum, place) => sum + (s(place) - t(place)) ** 2, 0) / places.length;
  },
  ce: (student: tf.Tensor4D, teacher: tf.Tensor4D, sight: Sight): number => {
    const [s, t] = [at(student), at(teacher)];
    const queries = new Map<string, number[][]>();
    for (const place of counted(sight)) {
      const query = place.slice(0, 3).join();
      queries.set(query, [...(queries.get(query) ?? []), place]);
    }
    const logSum = (of: typeof s, places: number[][]): number =>
      Math.log(places.reduce((sum, place) => sum + Math.exp(of(place)), 0));
    const losses = [...queries.values()].map((places) => {
      const [ofStudent, ofTeacher] = [logSum(s, places), logSum(t, places)];
      return -places.reduce((sum, place) => sum + Math.exp(t(place) - ofTeacher) * (s(place) - ofStudent), 0);
    });
    return losses.reduce((a, b) => a + b) / losses.length;
  },
};

const inverse = { mse: (sight: Sight) => countPairs(3, sight) + countPairs(4, sight), ce: () => 7 };

function inputs(kind: 'mse' | 'ce', sight: Sight, changes: Partial<AttentionLossInputs> = {}): AttentionLossInputs {
  return {
    student: scores(61),
    teacher: scores(62),
    seen: seenPairs({ attentionMask: mask }, sight),
    inverseCount: tf.scalar(1 / inverse[kind](sight)),
    ...changes,
  };
}

describe.each(['mse', 'ce'] as const)('attention %s', (kind) => {
  it.each([
    ['an encoder', everything],
    ['a decoder', causal],
    ['a window', { before: 1, after: 0 }],
    ['a neighbourhood', { before: 1, after: 1 }],
  ])('is the mean over what real tokens of %s see, and over heads', (_, sight) => {
    const expected = definitions[kind](scores(61), scores(62), sight);
    expect(valueOf(attentionLoss(kind, inputs(kind, sight)))).toBeCloseTo(expected, 5);
  });

  it.each([
    ['padding', everything, [0, 0, 0, 3]],
    ['a later token', causal, [1, 0, 1, 2]],
    ['what padding looks at', everything, [0, 1, 3, 1]],
  ] as const)('depends on %s in neither model', (_, sight, place) => {
    const disturbed = (x: tf.Tensor4D): tf.Tensor4D => {
      const buffer = tf.buffer(x.shape, 'float32', Float32Array.from(valuesOf(x)));
      buffer.set(50, ...place);
      return buffer.toTensor() as tf.Tensor4D;
    };
    const plain = valueOf(attentionLoss(kind, inputs(kind, sight)));
    const [student, teacher] = [disturbed(scores(61)), disturbed(scores(62))];
    expect(valueOf(attentionLoss(kind, inputs(kind, sight, { student, teacher })))).toBe(plain);
    const gradient = tf.grad((s: tf.Tensor) =>
      attentionLoss(kind, inputs(kind, sight, { student: s as tf.Tensor4D, teacher })),
    );
    expect(at(gradient(student) as tf.Tensor4D)(place)).toBeCloseTo(0, 12);
    // It would be seen in a row without padding, or by who sees both sides.
    const all = { seen: tf.ones([BATCH, 1, LENGTH, LENGTH]), student };
    expect(Math.abs(valueOf(attentionLoss(kind, inputs(kind, sight, all))) - plain)).toBeGreaterThan(1e-3);
  });

  it('is 0 and has a finite gradient where no token is real', () => {
    const none = { seen: tf.zeros([BATCH, 1, LENGTH, LENGTH]), inverseCount: tf.scalar(0) };
    const loss = (s: tf.Tensor): tf.Scalar =>
      attentionLoss(kind, inputs(kind, causal, { ...none, student: s as tf.Tensor4D }));
    expect(valueOf(loss(scores(61)))).toBeCloseTo(0, 12);
    expectFinite(tf.grad(loss)(scores(61)));
  });

  it('refuses other heads', () => {
    const student = tf.ones<tf.Rank.R4>([BATCH, 3, LENGTH, LENGTH]);
    expect(() => attentionLoss(kind, inputs(kind, causal, { student }))).toThrow('Attention of 3 and 2 heads');
  });
});

describe('what the mean is over', () => {
  const model = (family: Family, layers: number, more: Partial<Architecture> = {}): Architecture => ({
    ...tinyModel(family, { hiddenSize: 8, layers, heads: 2 }),
    ...more,
  });
  const pairing = (attention: Imitation['attention'], teacher: Architecture, student: Architecture): Pairing => ({
    student,
    teacher,
    objective: {
      divergence: 'forward-kl',
      beta: 0.5,
      scaleByTemperatureSquared: true,
      temperature: 1,
      alpha: 1,
      attention,
    },
  });
  const batch = (values: number[][], segments?: number[][]): BatchInputs =>
    ({
      shape: { rows: values.length, length: values[0]!.length, predictions: 0 },
      tensors: {
        attentionMask: { data: Float32Array.from(values.flat()) },
        ...(segments && { segments: { data: Int32Array.from(segments.flat()) } }),
      },
    }) as unknown as BatchInputs;
  const slides = { slidingWindow: 2, slidingLayers: [true, false] };

  it('is what both models see, in all batches of a step together', () => {
    const of = pairing({ loss: 'mse', layers: 'uniform', weight: 1 }, model('llama', 2, slides), model('gpt2', 2));
    const step = [
      batch([[1, 1, 1, 0]]),
      batch([
        [1, 1, 1, 1],
        [1, 0, 0, 0],
      ]),
    ];
    // Windows of two keys, and then all earlier ones: 5 + 7 + 1, 6 + 10 + 1.
    expect(imitationCounts(of, step)).toEqual({
      'inverseCount.attention.0': 1 / 13,
      'inverseCount.attention.1': 1 / 17,
    });
  });

  it('is of each text by itself where several share a row, and of tokens for "ce"', () => {
    const packed = [batch([[1, 1, 1, 1, 1, 0]], [[1, 1, 2, 2, 2, 0]])];
    const [mse, ce] = (['mse', 'ce'] as const).map((loss) =>
      imitationCounts(pairing({ loss, layers: 'last', weight: 1 }, model('bert', 3), model('bert', 2)), packed),
    );
    expect([mse, ce]).toEqual([{ 'inverseCount.attention.0': 1 / 13 }, { 'inverseCount.attention.0': 1 / 5 }]);
  });

  it('is of the blocks that a rule names', () => {
    const [teacher, student] = [{ layers: 12 }, { layers: 4 }];
    expect(pairBlocks('uniform', teacher, student)).toEqual([
      [2, 0],
      [5, 1],
      [8, 2],
      [11, 3],
    ]);
    expect(pairBlocks('uniform', { layers: 5 }, { layers: 2 })).toEqual([
      [2, 0],
      [4, 1],
    ]);
    expect(pairBlocks('uniform', { layers: 2 }, { layers: 3 })).toEqual([
      [0, 0],
      [1, 1],
      [1, 2],
    ]);
    expect(pairBlocks('last', teacher, student)).toEqual([[11, 3]]);
    expect(comparedBlocks({ student: model('gpt2', 1) }, 'attention')).toEqual([]);
  });
});

describe.each(familyNames)('what %s sees', (family) => {
  const made = tinyModel(family, { hiddenSize: 8, heads: 2 });
  // Families that can slide do, in their first block.
  const canSlide = made.rotary !== undefined;
  const a: Architecture = canSlide ? { ...made, slidingWindow: 3, slidingLayers: [true, false] } : made;

  it('is what has probabilities, and as many pairs as are counted', () => {
    const lengths = [6, 3];
    const attentionMask = tf.tensor2d(lengths.map((real) => Array.from({ length: 6 }, (_, i) => (i < real ? 1 : 0))));
    const inputIds = tf.tensor2d([Array(6).fill(5), Array(6).fill(7)] as number[][], [2, 6], 'int32');
    const { attentions } = backbone(a, tensorsOf(a), { inputIds, attentionMask });
    for (const [block, probabilities] of attentions.entries()) {
      const sight = sightOf(a, block);
      const queries = tf.reshape(attentionMask, [2, 1, 6, 1]);
      const shown = tf.cast(
        tf.greater(tf.mul(tf.slice(probabilities, [0, 0, 0, 0], [2, 1, 6, 6]), queries), 0),
        'float32',
      );
      const seen = seenPairs({ attentionMask }, sight);
      expect(valuesOf(seen)).toEqual(valuesOf(shown));
      expect(valueOf(tf.sum(seen))).toBe(lengths.reduce((sum, length) => sum + countPairs(length, sight), 0));
    }
  });
});
