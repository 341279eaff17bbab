/** @file AdamW (Loshchilov and Hutter, 2019) as PyTorch's, as a pure function, with the gradients clipped by their global norm. */

import * as tf from '@tensorflow/tfjs-core';
import type { MomentFormat } from '../../protocol/engines';

type Tensors = Record<string, tf.Tensor>;

/** All four by parameter name, equal shapes under one name. */
export interface AdamWState {
  parameters: Tensors;
  firstMoments: Tensors;
  secondMoments: Tensors;
}

/** What changes from update to update, in numbers. */
export interface UpdateValues {
  learningRate: number;
  /** t: updates done, this one included. */
  update: number;
  /** L2 norm of all gradients together. */
  gradientNorm: number;
  /** Largest such norm; 0: no clipping. */
  clipNorm: number;
}

/** What is made of them, and each element is computed with: inputs of a recorded update, which would freeze them otherwise. */
const FACTORS = ['gradientScale', 'stepSize', 'scaledEpsilon', 'keptByDecay', 'dither'] as const;

export type UpdateFactors<T> = Readonly<Record<(typeof FACTORS)[number], T>>;

/** Those that an update reads. */
export const updateFactorNames = ({ moments }: Pick<AdamWOptions, 'moments'>): readonly (typeof FACTORS)[number][] =>
  FACTORS.filter((name) => name !== 'dither' || moments === 'bfloat16');

export interface AdamWOptions {
  /** Above 0. */
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** How moments are kept between updates; float32 where absent. */
  moments?: MomentFormat | undefined;
  /** Which parameters decay. */
  decays: (name: string, shape: readonly number[]) => boolean;
}

/** Added to the norm before the clipping threshold is divided by it, as torch.nn.utils.clip_grad_norm_ does. */
const CLIP_EPSILON = 1e-6;

/**
 * The numbers of an update, gathered on the host, so that each tensor is passed over as few times as possible. PyTorch's
 * lr / c₁ · m / (√v / √c₂ + ε) is the same as (lr · √c₂ / c₁) · m / (√v + ε · √c₂).
 */
export function updateFactors(
  values: UpdateValues,
  { beta1, beta2, epsilon, weightDecay }: AdamWOptions,
): UpdateFactors<number> {
  const { learningRate, update, gradientNorm, clipNorm } = values;
  const clip = clipNorm > 0 ? Math.min(1, clipNorm / (gradientNorm + CLIP_EPSILON)) : 1;
  const rootCorrection = Math.sqrt(1 - beta2 ** update);
  return {
    gradientScale: (clip * (1 - beta1)) / beta1,
    stepSize: (learningRate * rootCorrection) / (1 - beta1 ** update),
    scaledEpsilon: epsilon * rootCorrection,
    keptByDecay: 1 - learningRate * weightDecay,
    dither: ditherOf(update),
  };
}

/** Of bfloat16: the distance of two neighbours is 2⁻⁸ to 2⁻⁷ of them. */
const WIDEST_GAP = 2 ** -7;

/** 1 / φ: of all numbers the one whose multiples are spread most evenly over (0, 1), however many of them are taken. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * What moments are multiplied by before they are rounded to bfloat16. A second moment changes by less than 0.1 % in an update, and
 * two neighbours are 0.4 to 0.8 % apart: rounded to the nearest it would stay what it is, or follow large gradients alone. With this, x is
 * rounded up the more often the nearer it is to the next number, so that what is kept has the mean of what would be without rounding.
 *
 * Numbers of a triangle, from one gap below x to one above: whether that gap is the widest or half of it, a moment goes where it would, at
 * 0.89 to 1 times the speed (uniform ones: 1 to 2 times). They follow from the number of the update alone.
 */
function ditherOf(update: number): number {
  const even = (update * GOLDEN) % 1;
  const triangular = even < 0.5 ? Math.sqrt(2 * even) - 1 : 1 - Math.sqrt(2 - 2 * even);
  return 1 + WIDEST_GAP * triangular;
}

/**
 * One update. Every parameter and moment is read by exactly one operation, the one from which its own new value derives,
 * so an executor may write each output over its input's memory.
 *
 * β₁m + (1 − β₁)g is computed as β₁(m + s) with s = g · (1 − β₁) / β₁, and v alike: no tensor is first multiplied by a constant, which
 * OpenVINO would make a pass of its own (decision 63).
 * @param gradients before clipping, under the parameters' names
 */
export function adamw(
  state: AdamWState & { gradients: Tensors },
  factors: UpdateFactors<tf.Scalar>,
  options: AdamWOptions,
): AdamWState {
  const { beta1, beta2, weightDecay } = options;
  const { gradientScale, stepSize, scaledEpsilon, keptByDecay, dither } = factors;
  const kept = (moment: tf.Tensor): tf.Tensor => (options.moments === 'bfloat16' ? tf.mul(moment, dither) : moment);
  const squareScale = ((1 - beta2) * beta1 ** 2) / ((1 - beta1) ** 2 * beta2);
  const next: AdamWState = { parameters: {}, firstMoments: {}, secondMoments: {} };
  for (const name of Object.keys(state.parameters)) {
    const [p, g] = [state.parameters[name]!, state.gradients[name]!];
    const share = tf.mul(g, gradientScale);
    const m = tf.mul(tf.add(state.firstMoments[name]!, share), beta1);
    const v = tf.mul(tf.add(state.secondMoments[name]!, tf.mul(tf.square(share), squareScale)), beta2);
    const change = tf.mul(tf.div(m, tf.add(tf.sqrt(v), scaledEpsilon)), stepSize);
    const decayed = weightDecay !== 0 && options.decays(name, p.shape) ? tf.mul(p, keptByDecay) : p;
    next.parameters[name] = tf.sub(decayed, change);
    next.firstMoments[name] = kept(m);
    next.secondMoments[name] = kept(v);
  }
  return next;
}

/** Matrices and embeddings decay; biases and norm weights, which are vectors, do not. */
export function decaysByDefault(name: string, shape: readonly number[]): boolean {
  return shape.length > 1 && !name.endsWith('bias');
}
