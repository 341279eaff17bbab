/** @file What the families' computations share: masks, multi-head attention, activations, positions, dropout. */

import * as tf from '@tensorflow/tfjs-core';
import { embedding, gelu } from '../engine/graph/ops';
import type { Activation, Architecture } from './architecture';
import type { Backbone, ForwardOptions, ParameterTensors } from './computation';

/**
 * Subtracted from the scores of what must not be seen: exp(score − 2³⁰) is 0, and a row that sees nothing is uniform, not NaN. A power of
 * two has no rounding in bfloat16: (mask − 1) · 2³⁰ is 0 for what is seen, even where a compiler makes it mask · 2³⁰ − 2³⁰.
 */
const UNSEEN = 2 ** 30;

/** The parameter of this name. */
export function parameter(parameters: ParameterTensors, name: string): tf.Tensor {
  const found = parameters[name];
  if (!found) throw new Error(`The model has no parameter ${name}.`);
  return found;
}

/** x with elements dropped at `rate`, or x itself in evaluation and at rate 0. */
export function dropped<T extends tf.Tensor>(x: T, rate: number, options: ForwardOptions): T {
  return options.dropout && rate > 0 ? (options.dropout(x, rate) as T) : x;
}

/** @param areChosen whether the last state holds chosen rows alone */
export function backboneOf(hiddenStates: tf.Tensor[], attentions: tf.Tensor4D[], areChosen: boolean): Backbone {
  const states = hiddenStates as tf.Tensor3D[];
  if (!areChosen) return { hiddenStates: states, attentions };
  return { hiddenStates: states.slice(0, -1), chosen: hiddenStates.at(-1) as tf.Tensor2D, attentions };
}

export function activate(x: tf.Tensor, activation: Activation): tf.Tensor {
  if (activation === 'relu') return tf.relu(x);
  return gelu(x, activation === 'gelu' ? 'erf' : 'tanh');
}

/**
 * Rows of the table of learned positions.
 * @param table [P, D]
 * @param positionIds int32 [B, L], or undefined for 0, 1, ... L − 1
 * @param first row of position 0
 * @returns [B, L, D], or [1, L, D] to be broadcast
 */
export function positionRows(
  a: Architecture,
  table: tf.Tensor,
  length: number,
  positionIds: tf.Tensor2D | undefined,
  first = 0,
): tf.Tensor {
  if (length > a.maxPositions) {
    throw new RangeError(`The input has ${length} tokens, the model has positions for ${a.maxPositions}.`);
  }
  const width = table.shape[1]!;
  if (positionIds) {
    return embedding(first === 0 ? table : tf.slice(table, [first, 0], [a.maxPositions, width]), positionIds);
  }
  return tf.reshape(tf.slice(table, [first, 0], [length, width]), [1, length, width]);
}

/** Additive mask by which every query sees all real keys. attentionMask [B, L], 1 real → [B, 1, 1, L]. */
export function paddingBias(attentionMask: tf.Tensor2D): tf.Tensor {
  const [batch, length] = attentionMask.shape;
  return bias(tf.reshape(attentionMask, [batch, 1, 1, length]));
}

/** Additive mask by which a query sees the real keys up to its own position. attentionMask [B, L] → [B, 1, L, L]. */
export function causalBias(attentionMask: tf.Tensor2D): tf.Tensor {
  const [batch, length] = attentionMask.shape;
  const positions = Float32Array.from({ length }, (_, i) => i);
  const queries = tf.tensor(positions, [length, 1]);
  const keys = tf.tensor(positions, [1, length]);
  const causal = tf.cast(tf.greaterEqual(queries, keys), 'float32'); // [L, L]
  // One product before one addition: two additive masks could add up to −∞ and make a row NaN.
  return bias(tf.mul(tf.reshape(attentionMask, [batch, 1, 1, length]), causal));
}

/** 1 (seen) → 0, 0 (not seen) → −2³⁰. */
const bias = (visible: tf.Tensor): tf.Tensor => tf.mul(tf.sub(visible, 1), UNSEEN);

/** [B, L, D] → [B, H, L, D / H] */
function splitHeads(x: tf.Tensor, heads: number): tf.Tensor4D {
  const [batch, length, width] = x.shape as [number, number, number];
  return tf.transpose<tf.Tensor4D>(tf.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** [B, H, L, D / H] → [B, L, D] */
function mergeHeads(x: tf.Tensor4D): tf.Tensor3D {
  const [batch, heads, length, width] = x.shape;
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, length, heads * width]);
}

/**
 * Multi-head attention (Vaswani et al., 2017): softmax(q · kᵀ / √(D / H) + bias) · v for each head.
 * @param query, key, value [B, L, D]
 * @param bias additive mask that broadcasts to [B, H, L, L]
 * @returns context [B, L, D], and the probabilities [B, H, L, L] before dropout
 */
export function attend(
  a: Architecture,
  { query, key, value }: { query: tf.Tensor; key: tf.Tensor; value: tf.Tensor },
  bias: tf.Tensor,
  options: ForwardOptions,
): { context: tf.Tensor3D; probabilities: tf.Tensor4D } {
  // The queries are scaled and not the scores: the same product on fewer numbers.
  const scaled = splitHeads(tf.mul(query, 1 / Math.sqrt(a.hiddenSize / a.heads)), a.heads);
  const scores = tf.matMul(scaled, splitHeads(key, a.heads), false, true); // [B, H, L, L]
  const probabilities = tf.softmax<tf.Tensor4D>(tf.add(scores, bias));
  const kept = dropped(probabilities, a.attentionDropout, options);
  return { context: mergeHeads(tf.matMul(kept, splitHeads(value, a.heads))), probabilities };
}
