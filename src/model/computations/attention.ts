/** @file What the families' computations share: masks, multi-head attention, activations, positions, dropout. */

import * as tf from '@tensorflow/tfjs-core';
import { embedding, gelu, silu } from '../../engine/graph/ops';
import type { Activation, Architecture } from '../architecture';
import type { Sight } from '../sight';
import type {
  Attended,
  Attention,
  Backbone,
  BlockVectors,
  ChooseRows,
  ForwardOptions,
  KeptHeads,
  ModelInputs,
  ParameterTensors,
  Past,
} from './computation';

/**
 * Subtracted from the scores of what must not be seen: exp(score − 2³⁰) is 0, and a row that sees nothing is uniform, not NaN. A power of
 * two has no rounding in bfloat16: (mask − 1) · 2³⁰ is 0 for what is seen, even where a compiler makes it mask · 2³⁰ − 2³⁰.
 */
const UNSEEN = 2 ** 30;

/** c · tanh(x / c): nearly x while that is small beside c, and never beyond ± c; x itself without a cap. */
export function capped<T extends tf.Tensor>(x: T, cap: number | undefined): T {
  return cap === undefined ? x : tf.mul<T>(tf.tanh(tf.mul(x, 1 / cap)), cap);
}

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
export function backboneOf(
  hiddenStates: tf.Tensor[],
  attended: readonly Attended[],
  areChosen: boolean,
  kept?: KeptHeads[],
): Backbone {
  const states = hiddenStates as tf.Tensor3D[];
  const attentions = attended.map(({ probabilities }) => probabilities);
  const scores = attended.map((one) => one.scores);
  const vectors = attended.map((one) => one.vectors);
  if (!areChosen) return { hiddenStates: states, attentions, scores, vectors, kept };
  const chosen = hiddenStates.at(-1) as tf.Tensor2D;
  return { hiddenStates: states.slice(0, -1), chosen, attentions, scores, vectors, kept };
}

/** A block's vectors that are there already. [B, L, heads · d] each */
export function vectorsOf([queries, keys, values]: readonly [tf.Tensor, tf.Tensor, tf.Tensor]): BlockVectors {
  const made = (x: tf.Tensor) => (): tf.Tensor3D => x as tf.Tensor3D;
  return { queries: made(queries), keys: made(keys), values: made(values) };
}

export function activate(x: tf.Tensor, activation: Activation): tf.Tensor {
  if (activation === 'relu') return tf.relu(x);
  if (activation === 'silu') return silu(x);
  return gelu(x, activation === 'gelu' ? 'erf' : 'tanh');
}

/** Throws a RangeError where the input is longer than the model was made for. */
export function requirePositions({ maxPositions }: Architecture, length: number): void {
  if (length <= maxPositions) return;
  throw new RangeError(`The input has ${length} tokens, the model has positions for ${maxPositions}.`);
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
  const width = table.shape[1]!;
  if (positionIds) {
    return embedding(first === 0 ? table : tf.slice(table, [first, 0], [a.maxPositions, width]), positionIds);
  }
  requirePositions(a, length);
  return tf.reshape(tf.slice(table, [first, 0], [length, width]), [1, length, width]);
}

/** Which keys there are to be seen. */
export type Sighted = Pick<ModelInputs, 'attentionMask' | 'segments'>;

/** 1 for the real keys of a query's own text: [B, 1, 1, L], or [B, 1, L, L] where several share a row. */
function realKeys({ attentionMask, segments }: Sighted): tf.Tensor {
  const [batch, length] = attentionMask.shape;
  const real = tf.reshape(attentionMask, [batch, 1, 1, length]);
  if (!segments) return real;
  const isOwn = tf.equal(tf.reshape(segments, [batch, 1, length, 1]), tf.reshape(segments, [batch, 1, 1, length]));
  return tf.mul(real, tf.cast(isOwn, 'float32'));
}

/** Additive mask by which every query sees all real keys of its text: [B, 1, 1, L], or [B, 1, L, L] where several share a row. */
export const paddingBias = (inputs: Sighted): tf.Tensor => bias(realKeys(inputs));

/**
 * Additive mask by which a query sees the real keys up to its own position, [B, 1, L, L].
 * @param window how many keys it sees at most, its own included; all if left out
 */
export function causalBias(inputs: Sighted, window = Infinity): tf.Tensor {
  const [, length] = inputs.attentionMask.shape;
  const positions = Float32Array.from({ length }, (_, i) => i);
  const queries = tf.tensor(positions, [length, 1]);
  const keys = tf.tensor(positions, [1, length]);
  const earlier = tf.greaterEqual(queries, keys); // [L, L]
  const seen = window < length ? tf.logicalAnd(earlier, tf.less(tf.sub(queries, keys), window)) : earlier;
  const causal = tf.cast(seen, 'float32');
  // One product before one addition: two additive masks could add up to −∞ and make a row NaN.
  return bias(tf.mul(realKeys(inputs), causal));
}

/**
 * The same for one token of each text after those that are kept: [B, 1, 1, C + 1].
 * @param positionIds int32 [B, 1]
 */
export function biasAfter({ mask }: Past, positionIds: tf.Tensor2D, window = Infinity): tf.Tensor {
  const [batch, length] = mask.shape;
  const keys = tf.tensor(
    Float32Array.from({ length }, (_, i) => i),
    [1, length],
  );
  const distance = tf.sub(tf.cast(positionIds, 'float32'), keys); // [B, C]
  const near = window > length ? mask : tf.mul(mask, tf.cast(tf.less(distance, window), 'float32'));
  return bias(tf.reshape(tf.concat([near, tf.ones([batch, 1])], 1), [batch, 1, 1, length + 1]));
}

/** Additive mask by which a query sees the real keys at most `reach` before or after it, [B, 1, L, L]. */
export function localBias(inputs: Sighted, reach: number): tf.Tensor {
  const [, length] = inputs.attentionMask.shape;
  const positions = Float32Array.from({ length }, (_, i) => i);
  const distances = tf.abs(tf.sub(tf.tensor(positions, [length, 1]), tf.tensor(positions, [1, length]))); // [L, L]
  const near = tf.cast(tf.lessEqual(distances, reach), 'float32');
  return bias(tf.mul(realKeys(inputs), near));
}

/** 1 where a real token sees a real key of its own text, of those that `sight` lets it see; 0 elsewhere. [B, 1, L, L] */
export function seenPairs(inputs: Sighted, { before, after }: Sight): tf.Tensor {
  const [batch, length] = inputs.attentionMask.shape;
  const positions = Float32Array.from({ length }, (_, i) => i);
  const distances = tf.sub(tf.tensor(positions, [1, length]), tf.tensor(positions, [length, 1])); // [L, L], key − query
  const real = tf.mul(realKeys(inputs), tf.reshape(inputs.attentionMask, [batch, 1, length, 1]));
  const bounded = [
    ...(before < length - 1 ? [tf.greaterEqual(distances, -before)] : []),
    ...(after < length - 1 ? [tf.lessEqual(distances, after)] : []),
  ];
  return bounded.reduce((seen, bound) => tf.mul(seen, tf.cast(bound, 'float32')), real);
}

/** 1 (seen) → 0, 0 (not seen) → −2³⁰. */
export const bias = (visible: tf.Tensor): tf.Tensor => tf.mul(tf.sub(visible, 1), UNSEEN);

/** [B, L, H · d] → [B, H, L, d] */
export function splitHeads(x: tf.Tensor, heads: number): tf.Tensor4D {
  const [batch, length, width] = x.shape as [number, number, number];
  return tf.transpose<tf.Tensor4D>(tf.reshape(x, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
}

/** [B, H, L, d] → [B, L, H · d] */
function mergeHeads(x: tf.Tensor4D): tf.Tensor3D {
  const [batch, heads, length, width] = x.shape;
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, length, heads * width]);
}

export interface AttentionHeads {
  /** [B, H, L, d], scaled by 1 / √d. */
  query: tf.Tensor4D;
  /** [B, K, L, d]: head h of the queries goes with head ⌊h · K / H⌋. */
  key: tf.Tensor4D;
  value: tf.Tensor4D;
  /** Added to the scores, of keys that are not seen too; broadcasts to [B, H, L, M]. */
  relative?: tf.Tensor | undefined;
  /** [B, K, C, d]: what was kept of earlier tokens. */
  past?: KeptHeads | undefined;
}

/**
 * Multi-head attention (Vaswani et al., 2017): softmax(q · kᵀ / √d + relative + bias) · v for each head. Query heads that share keys and
 * values are the rows of one product, so that those are not repeated. Kept heads have products of their own: joined with the new ones, all
 * of them would be copied for each token.
 * @param bias additive mask that broadcasts to [B, H, L, M]: M is L, or C + L after kept heads
 * @returns context [B, L, H · d], and the scores and probabilities [B, H, L, M] before dropout
 */
export function attendHeads(
  a: Architecture,
  { query, key, value, relative, past }: AttentionHeads,
  bias: tf.Tensor,
  options: ForwardOptions,
): { context: tf.Tensor3D; attention: Attention } {
  const [batch, heads, length, width] = query.shape;
  const [, shared, own] = key.shape;
  const before = past ? past.key.shape[2] : 0;
  const keys = before + own;
  const rows = (heads / shared) * length;
  const queries = tf.reshape(query, [batch, shared, rows, width]);
  const scoresOf = (some: tf.Tensor4D): tf.Tensor => tf.matMul(queries, some, false, true); // [B, K, H / K · L, their number]
  const product = past ? tf.concat([scoresOf(past.key), scoresOf(key)], 3) : scoresOf(key);
  const products = capped(tf.reshape<tf.Rank.R4>(product, [batch, heads, length, keys]), a.scoreCap);
  const scores = relative ? tf.add<tf.Tensor4D>(products, relative) : products;
  const probabilities = tf.softmax<tf.Tensor4D>(tf.add(scores, bias));
  const kept = dropped(probabilities, a.attentionDropout, options);
  const shares = tf.reshape(kept, [batch, shared, rows, keys]);
  const context = past ? ofBoth(shares, past.value, value) : tf.matMul(shares, value); // [B, K, H / K · L, d]
  return {
    context: mergeHeads(tf.reshape(context, [batch, heads, length, width])),
    attention: { scores, probabilities },
  };
}

/** The values of kept heads and of new ones, by their shares [B, K, R, C + L]. */
function ofBoth(shares: tf.Tensor, past: tf.Tensor4D, value: tf.Tensor4D): tf.Tensor {
  const [ofPast, ofOwn] = tf.split(shares, [past.shape[2], value.shape[2]], 3) as [tf.Tensor, tf.Tensor];
  return tf.add(tf.matMul(ofPast, past), tf.matMul(ofOwn, value));
}

/**
 * Attention of as many key and value heads as query heads.
 * @param query, key, value [B, L, D]; `relative` as of `AttentionHeads`
 * @param past keys and values of earlier tokens
 * @returns as of `attendHeads`, and these tokens' keys and values
 */
export function attend(
  a: Architecture,
  {
    query,
    key,
    value,
    relative,
  }: { query: tf.Tensor; key: tf.Tensor; value: tf.Tensor; relative?: tf.Tensor | undefined },
  bias: tf.Tensor,
  options: ForwardOptions,
  past?: KeptHeads,
): { context: tf.Tensor3D; attention: Attention; kept: KeptHeads } {
  // The queries are scaled and not the scores: the same product on fewer numbers.
  const scaled = splitHeads(tf.mul(query, 1 / Math.sqrt(a.hiddenSize / a.heads)), a.heads);
  const kept = { key: splitHeads(key, a.heads), value: splitHeads(value, a.heads) };
  return { ...attendHeads(a, { query: scaled, ...kept, relative, past }, bias, options), kept };
}

/**
 * 1 at each row's last token that is not padding, 0 elsewhere; by id as transformers does it, where there is a pad token,
 * so that an end-of-text token that serves as padding is passed over. [B, 1, L]
 */
function lastToken(a: Architecture, inputs: ModelInputs): tf.Tensor {
  const [batch, length] = inputs.inputIds.shape;
  const real = a.padId === undefined ? inputs.attentionMask : tf.cast(tf.notEqual(inputs.inputIds, a.padId), 'float32');
  const positions = tf.tensor(
    Float32Array.from({ length }, (_, i) => i),
    [1, length],
  );
  const last = tf.max(tf.mul(real, positions), 1, true); // [B, 1]
  return tf.reshape(tf.cast(tf.equal(positions, last), 'float32'), [batch, 1, length]);
}

/** The row of each text's last token, which a decoder classifies by. */
export function lastRows(a: Architecture, inputs: ModelInputs): ChooseRows {
  return (x) => {
    const [batch, , width] = x.shape;
    return tf.reshape(tf.matMul(lastToken(a, inputs), x), [batch, width]); // [B, 1, L] · [B, L, D]
  };
}
