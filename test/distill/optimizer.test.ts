import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it, vi } from 'vitest';
import {
  adamw,
  type AdamWOptions,
  type AdamWState,
  decaysByDefault,
  updateFactors,
  type UpdateFactors,
} from '../../src/distill/training/optimizer';
import { mapValues } from '../../src/distill/named';
import type { MomentFormat } from '../../src/protocol/engines';
import { decodeBfloat16, encodeBfloat16 } from '../../src/protocol/float16';
import { expectClose, expectFinite, normal, onCpu, valueOf, valuesOf } from './numbers';

onCpu();

const options: AdamWOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, decays: decaysByDefault };

type Arrays = Record<string, number[]>;
const NAMES = ['dense.weight', 'dense.bias'] as const;
const SHAPES = { 'dense.weight': [3, 4], 'dense.bias': [4] } as const;

const tensors = (arrays: Arrays): Record<string, tf.Tensor> =>
  Object.fromEntries(NAMES.map((name) => [name, tf.tensor(arrays[name]!, [...SHAPES[name]])]));

const filled = (value: number): Arrays => ({
  'dense.weight': Array(12).fill(value),
  'dense.bias': Array(4).fill(value),
});

const random = (seed: number): Arrays => {
  const values = valuesOf(normal([4, 4], seed));
  return { 'dense.weight': values.slice(0, 12), 'dense.bias': values.slice(12) };
};

const startingState = (): AdamWState => ({
  parameters: tensors(random(1)),
  firstMoments: tensors(filled(0)),
  secondMoments: tensors(filled(0)),
});

function update(
  state: AdamWState,
  gradients: Arrays,
  t: number,
  clipNorm: number,
  changes: Partial<AdamWOptions> = {},
) {
  const chosen = { ...options, ...changes };
  const values = {
    learningRate: 0.01 / t,
    update: t,
    gradientNorm: gradientNorm(gradients),
    clipNorm,
  };
  const factors = mapValues(updateFactors(values, chosen), (value) => tf.scalar(value)) as UpdateFactors<tf.Scalar>;
  return adamw({ ...state, gradients: tensors(gradients) }, factors, chosen);
}

const gradientNorm = (gradients: Arrays): number => Math.hypot(...NAMES.flatMap((name) => gradients[name]!));

/** The algorithm as PyTorch's documentation of AdamW and clip_grad_norm_ writes it, in float64. */
function referenceSteps(steps: number, clipNorm: number): Arrays {
  const [p, m, v] = [random(1), filled(0), filled(0)];
  for (let t = 1; t <= steps; t++) {
    const gradients = random(100 + t);
    const clip = Math.min(1, clipNorm / (gradientNorm(gradients) + 1e-6));
    const rate = 0.01 / t;
    for (const name of NAMES) {
      p[name]!.forEach((_, i) => {
        const g = gradients[name]![i]! * clip;
        if (name === 'dense.weight') p[name]![i]! -= rate * 0.1 * p[name]![i]!;
        m[name]![i] = 0.9 * m[name]![i]! + 0.1 * g;
        v[name]![i] = 0.999 * v[name]![i]! + 0.001 * g * g;
        const corrected = Math.sqrt(v[name]![i] / (1 - 0.999 ** t)) + 1e-8;
        p[name]![i]! -= (rate * (m[name]![i] / (1 - 0.9 ** t))) / corrected;
      });
    }
  }
  return p;
}

describe('adamw', () => {
  it.each([
    ['clips', 1],
    ['does not clip', 1e9],
  ])('follows the written algorithm over 20 updates where the norm %s', (_, clipNorm) => {
    let state = startingState();
    for (let t = 1; t <= 20; t++) state = update(state, random(100 + t), t, clipNorm);
    const expected = referenceSteps(20, clipNorm);
    for (const name of NAMES) expectClose(state.parameters[name]!, expected[name]!, 1e-6);
  });

  /** How far moments that are rounded to bfloat16 after each update are from the exact ones at most, relative to those. */
  function roundedMoments(moments: MomentFormat) {
    // Each from another second moment on, so that all places between two neighbours are seen.
    const start: Arrays = {
      'dense.weight': Array.from({ length: 12 }, (_, i) => 1 + i / 13),
      'dense.bias': [0.3, 3e-5, 7e-9, 50],
    };
    const gradients = mapValues(start, (values) => values.map((v) => Math.sqrt(v) / 2)) as Arrays;
    const rounded = (group: Record<string, tf.Tensor>): Record<string, tf.Tensor> =>
      mapValues(group, (one) => {
        const values = Float32Array.from(valuesOf(one));
        return tf.tensor(decodeBfloat16(encodeBfloat16(values)), one.shape);
      });
    const updates = 500;
    let state: AdamWState = {
      parameters: tensors(filled(0)),
      firstMoments: tensors(filled(0)),
      secondMoments: rounded(tensors(start)),
    };
    for (let t = 1; t <= updates; t++) {
      const next = update(state, gradients, t, 0, { moments });
      state = { ...next, firstMoments: rounded(next.firstMoments), secondMoments: rounded(next.secondMoments) };
    }
    // m goes to g, v from v₀ to g² = v₀ / 4.
    const kept = 0.25 + 0.75 * 0.999 ** updates;
    const apart = (is: Record<string, tf.Tensor>, exact: (name: 'dense.weight' | 'dense.bias', i: number) => number) =>
      NAMES.flatMap((name) => valuesOf(is[name]!).map((value, i) => Math.abs(value / exact(name, i) - 1)));
    return {
      first: apart(state.firstMoments, (name, i) => gradients[name]![i]!),
      second: apart(state.secondMoments, (name, i) => kept * start[name]![i]!),
    };
  }

  it('has second moments that follow smaller gradients where they are kept as bfloat16, which rounding alone does not', () => {
    const { first, second } = roundedMoments('bfloat16');
    expect(Math.max(...first)).toBeLessThan(0.015);
    expect(Math.max(...second)).toBeLessThan(0.05);
    // All of them stay what they were.
    expect(Math.min(...roundedMoments('float32').second)).toBeGreaterThan(0.4);
  });

  it('does not clip with a norm of 0', () => {
    const [free, wide] = [0, 1e9].map((norm) => update(startingState(), random(7), 1, norm));
    for (const name of NAMES) expectClose(free!.firstMoments[name]!, wide!.firstMoments[name]!, 1e-8);
  });

  it('moves by no more than the rate, and not at all where the gradient is 0', () => {
    const still = update(startingState(), filled(0), 1, 1, { weightDecay: 0 });
    for (const name of NAMES)
      expect(valuesOf(still.parameters[name]!)).toEqual(valuesOf(startingState().parameters[name]!));
  });

  it('stays finite for gradients of 1e18', () => {
    const { parameters, secondMoments } = update(startingState(), filled(1e18), 1, 1);
    expectFinite(...Object.values(parameters), ...Object.values(secondMoments));
    const moved = tf.max(tf.abs(tf.sub(parameters['dense.bias']!, startingState().parameters['dense.bias']!)));
    expect(valueOf(moved)).toBeLessThan(0.0101);
  });

  it('reads each parameter and moment in one operation, so that outputs may lie over inputs', () => {
    const state = startingState();
    const readers = new Map<tf.Tensor, number>();
    const runKernel = vi.spyOn(tf.engine(), 'runKernel');
    update(state, random(7), 1, 1);
    for (const [, inputs] of runKernel.mock.calls) {
      for (const x of Object.values<tf.Tensor>(inputs)) readers.set(x, (readers.get(x) ?? 0) + 1);
    }
    runKernel.mockRestore();
    const held = [state.parameters, state.firstMoments, state.secondMoments].flatMap((group) => Object.values(group));
    expect(held.map((x) => readers.get(x))).toEqual(held.map(() => 1));
  });
});

describe('decaysByDefault', () => {
  it.each([
    ['bert.embeddings.word_embeddings.weight', [99, 32], true],
    ['transformer.h.0.attn.c_attn.weight', [32, 96], true],
    ['transformer.h.0.attn.c_attn.bias', [96], false],
    ['bert.encoder.layer.0.output.LayerNorm.weight', [32], false],
    ['projection.weight', [32, 16], true],
  ] as const)('%s: %s → %s', (name, shape, decays) => {
    expect(decaysByDefault(name, shape)).toBe(decays);
  });
});
