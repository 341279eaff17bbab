/** @file AdamW (Loshchilov and Hutter, 2019) as PyTorch's, as a pure function, with the gradients clipped by their global norm. */

import * as tf from '@tensorflow/tfjs-core';

type Tensors = Record<string, tf.Tensor>;

/** All four by parameter name, equal shapes under one name. */
export interface AdamWState {
  parameters: Tensors;
  firstMoments: Tensors;
  secondMoments: Tensors;
}

/** What changes from update to update: tensors, so that a recorded graph does not freeze them. */
export interface AdamWScalars {
  learningRate: tf.Scalar;
  /** 1 − β₁ᵗ, t counting updates from 1. */
  biasCorrection1: tf.Scalar;
  /** 1 − β₂ᵗ */
  biasCorrection2: tf.Scalar;
  /** L2 norm of all gradients together. */
  gradientNorm: tf.Scalar;
  /** Largest such norm; 0: no clipping. */
  clipNorm: tf.Scalar;
}

export interface AdamWOptions {
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** Which parameters decay. */
  decays: (name: string, shape: readonly number[]) => boolean;
}

/** Added to the norm before the clipping threshold is divided by it, as torch.nn.utils.clip_grad_norm_ does. */
const CLIP_EPSILON = 1e-6;

/**
 * One update. Every parameter and moment is read by exactly one operation, the one from which its own new value derives,
 * so an executor may write each output over its input's memory.
 * @param gradients before clipping, under the parameters' names
 */
export function adamw(
  state: AdamWState & { gradients: Tensors },
  scalars: AdamWScalars,
  options: AdamWOptions,
): AdamWState {
  const { beta1, beta2, epsilon, weightDecay } = options;
  const { learningRate, biasCorrection1, biasCorrection2 } = scalars;
  const names = Object.keys(state.parameters);
  const clip = clipFactor(scalars.gradientNorm, scalars.clipNorm);

  // Everything scalar is gathered here, so that each tensor is passed over as few times as possible. PyTorch's
  // lr / c₁ · m / (√v / √c₂ + ε) is the same as (lr · √c₂ / c₁) · m / (√v + ε · √c₂).
  const firstWeight = tf.mul(clip, 1 - beta1);
  const secondWeight = (1 - beta2) / (1 - beta1) ** 2;
  const rootCorrection = tf.sqrt(biasCorrection2);
  const stepSize = tf.div(tf.mul(learningRate, rootCorrection), biasCorrection1);
  const scaledEpsilon = tf.mul(rootCorrection, epsilon);
  const keptByDecay = tf.sub(1, tf.mul(learningRate, weightDecay));

  const next: AdamWState = { parameters: {}, firstMoments: {}, secondMoments: {} };
  for (const name of names) {
    const [p, g] = [state.parameters[name]!, state.gradients[name]!];
    const share = tf.mul(g, firstWeight); // (1 − β₁) · clipped gradient
    const m = tf.add(tf.mul(state.firstMoments[name]!, beta1), share);
    const v = tf.add(tf.mul(state.secondMoments[name]!, beta2), tf.mul(tf.square(share), secondWeight));
    const change = tf.mul(tf.div(m, tf.add(tf.sqrt(v), scaledEpsilon)), stepSize);
    const decayed = weightDecay !== 0 && options.decays(name, p.shape) ? tf.mul(p, keptByDecay) : p;
    next.parameters[name] = tf.sub(decayed, change);
    next.firstMoments[name] = m;
    next.secondMoments[name] = v;
  }
  return next;
}

/** min(1, clipNorm / (norm + 1e-6)), or 1 where clipNorm is 0. */
function clipFactor(norm: tf.Scalar, clipNorm: tf.Scalar): tf.Scalar {
  const factor = tf.minimum<tf.Scalar>(tf.div(clipNorm, tf.add(norm, CLIP_EPSILON)), 1);
  return tf.where(tf.greater(clipNorm, 0), factor, tf.scalar(1));
}

/** Matrices and embeddings decay; biases and norm weights, which are vectors, do not. */
export function decaysByDefault(name: string, shape: readonly number[]): boolean {
  return shape.length > 1 && !name.endsWith('bias');
}
