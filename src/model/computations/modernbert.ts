/** @file ModernBERT as a function of its parameters (Warner et al., 2024): rotary positions, norms before the matrices, gated MLP, local attention. */

import * as tf from '@tensorflow/tfjs-core';
import { embedding, gelu, layerNorm, linear } from '../../engine/graph/ops';
import { type Architecture, headSizeOf } from '../architecture';
import {
  activate,
  attendHeads,
  backboneOf,
  dropped,
  localBias,
  paddingBias,
  parameter,
  requirePositions,
  splitHeads,
  vectorsOf,
} from './attention';
import type {
  Attended,
  Backbone,
  FamilyComputation,
  ForwardOptions,
  ModelInputs,
  ParameterTensors,
} from './computation';
import { BASE, modernbertLayout, WORD_EMBEDDINGS } from '../layouts/modernbert';
import { meanOfRows } from './embedding';
import { dense, firstRows } from './post-norm';
import { rotation, type Turn } from './rotary';

const plain = (x: tf.Tensor, p: ParameterTensors, name: string): tf.Tensor =>
  linear(x, parameter(p, `${name}.weight`), null, 'out-in');

function norm(x: tf.Tensor, a: Architecture, p: ParameterTensors, name: string): tf.Tensor {
  const weight = parameter(p, `${name}.weight`);
  return layerNorm(x, weight, tf.zeros(weight.shape), a.layerNormEpsilon);
}

/** What differs from layer to layer beside the parameters. */
interface Seeing {
  /** Additive mask that broadcasts to [B, H, L, L]. */
  bias: tf.Tensor;
  turn: Turn;
}

/** x [B, L, D] → the same shape, or [R, D] where rows are chosen. */
function block(
  a: Architecture,
  p: ParameterTensors,
  index: number,
  x: tf.Tensor,
  { bias, turn }: Seeing,
  { choose, ...options }: ForwardOptions,
): { output: tf.Tensor; attention: Attended } {
  const name = modernbertLayout.layerPrefix(index);
  const input = index === 0 ? x : norm(x, a, p, `${name}attn_norm`);
  const parts = tf.split(plain(input, p, `${name}attn.Wqkv`), 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const heads = parts.map((part) => splitHeads(part, a.heads));
  const [queries, keys, value] = heads as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  const query = tf.mul<tf.Tensor4D>(turn(queries), 1 / Math.sqrt(headSizeOf(a)));
  const { context, attention } = attendHeads(a, { query, key: turn(keys), value }, bias, options);
  const [seen, residual] = choose ? [choose(context), choose(x as tf.Tensor3D)] : [context, x];
  const attended = tf.add(dropped(plain(seen, p, `${name}attn.Wo`), a.attentionDropout, options), residual);
  const [inner, gate] = tf.split(plain(norm(attended, a, p, `${name}mlp_norm`), p, `${name}mlp.Wi`), 2, -1) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const gated = dropped(tf.mul(activate(inner, a.activation), gate), a.dropout, options);
  const output = tf.add(plain(gated, p, `${name}mlp.Wo`), attended);
  return { output, attention: { ...attention, vectors: vectorsOf(parts) } };
}

function backbone(a: Architecture, p: ParameterTensors, inputs: ModelInputs, withChoice: ForwardOptions): Backbone {
  const { choose, ...options } = withChoice;
  // A mean is of finished rows: it cannot be taken before the last perceptron.
  const isMean = a.poolsMean === true && a.head === 'sequence-classification';
  const [, length] = inputs.inputIds.shape;
  // Texts that share a row have places of their own.
  if (!inputs.segments) requirePositions(a, length);
  const turnBy = (rotary: Architecture['rotary']): Turn =>
    rotation(rotary!, headSizeOf(a), length, inputs.positionIds, inputs.segments && length);
  const everywhere = { bias: paddingBias(inputs), turn: turnBy(a.rotary) };
  const slides = a.slidingLayers?.slice(0, a.layers).includes(true) && a.slidingWindow !== undefined;
  const nearby = slides
    ? { bias: localBias(inputs, Math.floor(a.slidingWindow! / 2)), turn: turnBy(a.slidingRotary) }
    : everywhere;
  const words = embedding(parameter(p, WORD_EMBEDDINGS), inputs.inputIds);
  let x = dropped(norm(words, a, p, `${BASE}embeddings.norm`), a.embeddingDropout, options);
  const hiddenStates: tf.Tensor[] = [];
  const attentions: Attended[] = [];
  for (let index = 0; index < a.layers; index++) {
    hiddenStates.push(x);
    const sight = a.slidingLayers?.[index] ? nearby : everywhere;
    const isLast = index === a.layers - 1;
    const { output, attention } = block(a, p, index, x, sight, isLast && !isMean ? withChoice : options);
    attentions.push(attention);
    x = output;
  }
  const last = norm(x, a, p, `${BASE}final_norm`);
  hiddenStates.push(choose && isMean ? choose(last as tf.Tensor3D) : last);
  return backboneOf(hiddenStates, attentions, choose !== undefined);
}

/** The dense layer of both heads with its norm. [N, D] → [N, D] */
const head = (rows: tf.Tensor, a: Architecture, p: ParameterTensors): tf.Tensor =>
  norm(gelu(plain(rows, p, 'head.dense'), 'erf'), a, p, 'head.norm');

export const modernbert: FamilyComputation = {
  backbone,

  vocabularyHead: (a, p) => ({
    transform: (hidden) => head(hidden, a, p) as tf.Tensor2D,
    weight: parameter(p, WORD_EMBEDDINGS) as tf.Tensor2D,
    bias: parameter(p, 'decoder.bias') as tf.Tensor1D,
  }),

  classifiedRows: (a, inputs) => (a.poolsMean ? (x) => meanOfRows(x, inputs.attentionMask) : firstRows),

  classificationLogits,

  tokenLogits: classificationLogits,
};

/** rows [N, D] → [N, classes], of texts or of tokens */
function classificationLogits(
  a: Architecture,
  p: ParameterTensors,
  rows: tf.Tensor2D,
  options: ForwardOptions,
): tf.Tensor2D {
  return dense(dropped(head(rows, a, p), a.classifierDropout, options), p, 'classifier') as tf.Tensor2D;
}
