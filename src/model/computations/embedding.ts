/** @file A text's embedding from its tokens' last hidden states: pooled, through a dense layer, of length 1; as sentence-transformers' modules of these names. */

import * as tf from '@tensorflow/tfjs-core';
import { linear } from '../../engine/graph/ops';
import type { Architecture } from '../architecture';
import { SENTENCE_DENSE } from '../layouts/sentence-dense';
import { bias, parameter } from './attention';
import type { ChooseRows, ModelInputs, ParameterTensors } from './computation';
import { firstRows } from './post-norm';

/** Least length that is divided by, as in PyTorch's `normalize`. */
const LEAST_LENGTH = 1e-12;

/**
 * Pools the tokens of each text. A text without tokens, as of a filler row, gets numbers of no meaning, without NaN.
 * @param starts where texts share rows: each one's first token in [B · L]
 * @returns of [B, L, D] one row a text, [T, D]
 */
export function pooledRows(a: Architecture, inputs: ModelInputs, starts?: tf.Tensor1D): ChooseRows {
  const { pooling } = a.embedding!;
  const { segments } = inputs;
  const texts = starts && segments ? { segments, starts } : undefined;
  if (pooling === 'cls') {
    if (!texts) return firstRows;
    return (x) => tf.gather(tf.reshape<tf.Rank.R2>(x, [-1, a.hiddenSize]), texts.starts);
  }
  if (pooling === 'mean') return (x) => (texts ? meanOfSegments(x, texts) : meanOfRows(x, inputs.attentionMask));
  return (x) => (texts ? largestOfSegments(x, texts) : largest(x, inputs.attentionMask));
}

/** Dense layer and length of the model's embeddings. pooled [T, D] → [T, its width] */
export function embeddingOf(a: Architecture, p: ParameterTensors, pooled: tf.Tensor2D): tf.Tensor2D {
  const { dense, isNormalized } = a.embedding!;
  const mapped = dense ? throughDense(p, pooled, dense) : pooled;
  return isNormalized ? normalized(mapped) : mapped;
}

function throughDense(
  p: ParameterTensors,
  pooled: tf.Tensor2D,
  { activation, hasBias }: NonNullable<NonNullable<Architecture['embedding']>['dense']>,
): tf.Tensor2D {
  const own = hasBias ? parameter(p, `${SENTENCE_DENSE}.bias`) : null;
  const mapped = linear(pooled, parameter(p, `${SENTENCE_DENSE}.weight`), own, 'out-in') as tf.Tensor2D;
  return activation === 'tanh' ? tf.tanh(mapped) : mapped;
}

/** x / ‖x‖. The bound is on the square, whose root has a slope there. */
function normalized(x: tf.Tensor2D): tf.Tensor2D {
  return tf.div(x, tf.sqrt(tf.maximum(tf.sum(tf.square(x), 1, true), LEAST_LENGTH ** 2)));
}

/** The mean of each row's real tokens; 0 for a row without any. x [B, L, D] → [B, D] */
export function meanOfRows(x: tf.Tensor3D, attentionMask: tf.Tensor2D): tf.Tensor2D {
  const [batch, length, width] = x.shape;
  const counts = tf.maximum(tf.sum(attentionMask, 1, true), 1); // [B, 1]
  const shares = tf.reshape(tf.div(attentionMask, counts), [batch, 1, length]);
  return tf.reshape(tf.matMul(shares, x), [batch, width]);
}

/** Texts that share rows. */
interface SharedRows {
  /** int32 [B, L]: which text a token is of, from 1; 0 at padding. */
  segments: tf.Tensor2D;
  /** [T] */
  starts: tf.Tensor1D;
}

/** The same of each text that shares its row: one product of [T, B · L] and the tokens. */
function meanOfSegments(x: tf.Tensor3D, { segments, starts }: SharedRows): tf.Tensor2D {
  const [batch, length, width] = x.shape;
  const tokens = tf.reshape<tf.Rank.R2>(x, [batch * length, width]);
  const texts = tf.reshape(tf.range(1, starts.size + 1, 1, 'int32'), [starts.size, 1]);
  const isOf = tf.cast<tf.Tensor2D>(tf.equal(texts, tf.reshape(segments, [1, batch * length])), 'float32');
  return tf.matMul(tf.div<tf.Tensor2D>(isOf, tf.maximum(tf.sum(isOf, 1, true), 1)), tokens);
}

/** The largest of each element over the real tokens. x [B, L, D], mask [B, L] → [B, D] */
function largest(x: tf.Tensor3D, mask: tf.Tensor2D): tf.Tensor2D {
  const [batch, length] = mask.shape;
  return tf.max(tf.add(x, tf.reshape(bias(mask), [batch, length, 1])), 1);
}

/** The same of texts of which each row has as many, one after the other: the texts of a pair. */
function largestOfSegments(x: tf.Tensor3D, { segments, starts }: SharedRows): tf.Tensor2D {
  const [batch, , width] = x.shape;
  const each = starts.size / batch;
  if (!Number.isInteger(each)) throw new Error('texts of a maximum share no rows but those of a pair');
  const first = tf.reshape(tf.range(1, starts.size + 1, each, 'int32'), [batch, 1]);
  const ofText = (k: number): tf.Tensor2D =>
    largest(x, tf.cast(tf.equal(segments, tf.add(first, tf.scalar(k, 'int32'))), 'float32'));
  const all = Array.from({ length: each }, (_, k) => ofText(k));
  return tf.reshape(tf.stack(all, 1), [starts.size, width]);
}
