/** @file What BERT and the families that descend from it compute alike: blocks with their norms after the residual sums. */

import * as tf from '@tensorflow/tfjs-core';
import { layerNorm, linear } from '../../engine/graph/ops';
import type { Architecture } from '../architecture';
import { activate, attend, backboneOf, dropped, paddingBias, parameter, vectorsOf } from './attention';
import type { Attended, Backbone, ChooseRows, ForwardOptions, ModelInputs, ParameterTensors } from './computation';

/** Names of a block's linear layers and norms, whole but for `.weight` and `.bias`. */
export interface BlockNames {
  query: string;
  key: string;
  value: string;
  attentionOutput: string;
  attentionNorm: string;
  inner: string;
  outer: string;
  outputNorm: string;
}

export const dense = (x: tf.Tensor, p: ParameterTensors, name: string): tf.Tensor =>
  linear(x, parameter(p, `${name}.weight`), parameter(p, `${name}.bias`), 'out-in');

export const norm = (x: tf.Tensor, a: Architecture, p: ParameterTensors, name: string): tf.Tensor =>
  layerNorm(x, parameter(p, `${name}.weight`), parameter(p, `${name}.bias`), a.layerNormEpsilon);

/** The classifier with a hidden layer, which RoBERTa, MPNet and ELECTRA have. rows [B, D] → [B, classes] */
export function twoLayerLogits(
  a: Architecture,
  p: ParameterTensors,
  rows: tf.Tensor,
  activation: (x: tf.Tensor) => tf.Tensor,
  options: ForwardOptions,
): tf.Tensor2D {
  const hidden = activation(dense(dropped(rows, a.classifierDropout, options), p, 'classifier.dense'));
  return dense(dropped(hidden, a.classifierDropout, options), p, 'classifier.out_proj') as tf.Tensor2D;
}

/** The classifier of tokens, which BERT and its descendants have alike. rows [R, D] → [R, classes] @param rate of dropout before it */
export const tokenLogits = (
  p: ParameterTensors,
  rows: tf.Tensor2D,
  rate: number,
  options: ForwardOptions,
): tf.Tensor2D => dense(dropped(rows, rate, options), p, 'classifier') as tf.Tensor2D;

/** What is added to the scores of all blocks. */
interface Seeing {
  /** Additive mask that broadcasts to [B, H, L, L]. */
  bias: tf.Tensor;
  /** [1, H, L, L], by distance. */
  relative: tf.Tensor4D | undefined;
}

/** x [B, L, D] → the same shape, or [R, D] where rows are chosen. */
function block(
  a: Architecture,
  p: ParameterTensors,
  names: BlockNames,
  x: tf.Tensor,
  { bias, relative }: Seeing,
  { choose, ...options }: ForwardOptions,
): { output: tf.Tensor; attention: Attended } {
  const residual = choose ? choose(x as tf.Tensor3D) : x;
  // A token that no head reads need not ask, only be seen.
  const asking = choose?.isOneOfEach ? tf.expandDims(residual, 1) : x; // [B, 1, D]
  const query = dense(asking, p, names.query);
  const projected = { query, key: dense(x, p, names.key), value: dense(x, p, names.value) };
  const queries = (): tf.Tensor3D => (asking === x ? query : dense(x, p, names.query)) as tf.Tensor3D;
  const vectors = { ...vectorsOf([query, projected.key, projected.value]), queries };
  // That token is the text's first.
  const [, heads, , keys] = relative?.shape ?? [];
  const ofAsking = relative && asking !== x ? tf.slice(relative, [0, 0, 0, 0], [1, heads!, 1, keys!]) : relative;
  const { context, attention } = attend(a, { ...projected, relative: ofAsking }, bias, options);
  const seen = choose?.isOneOfEach ? tf.squeeze(context, [1]) : choose ? choose(context) : context;
  const given = dropped(dense(seen, p, names.attentionOutput), a.dropout, options);
  const attended = norm(tf.add(given, residual), a, p, names.attentionNorm);
  const inner = activate(dense(attended, p, names.inner), a.activation);
  const mlp = dropped(dense(inner, p, names.outer), a.dropout, options);
  return { output: norm(tf.add(mlp, attended), a, p, names.outputNorm), attention: { ...attention, vectors } };
}

/** The blocks on embeddings [B, L, D]; every token sees every real one. @param relative [1, H, L, L] that is added to the scores of each */
export function postNormBackbone(
  a: Architecture,
  p: ParameterTensors,
  inputs: ModelInputs,
  embeddings: tf.Tensor,
  namesOf: (index: number) => BlockNames,
  withChoice: ForwardOptions,
  relative?: tf.Tensor4D,
): Backbone {
  const { choose, ...options } = withChoice;
  const seeing = { bias: paddingBias(inputs), relative };
  const hiddenStates = [embeddings];
  const attentions: Attended[] = [];
  for (let index = 0; index < a.layers; index++) {
    const isLast = index === a.layers - 1;
    const blockOptions = isLast ? withChoice : options;
    const { output, attention } = block(a, p, namesOf(index), hiddenStates[index]!, seeing, blockOptions);
    hiddenStates.push(output);
    attentions.push(attention);
  }
  return backboneOf(hiddenStates, attentions, choose !== undefined);
}

/** The first token's row of each text. */
export const firstRows: ChooseRows = Object.assign(
  (x: tf.Tensor3D): tf.Tensor2D => {
    const [batch, , width] = x.shape;
    return tf.reshape(tf.slice(x, [0, 0, 0], [batch, 1, width]), [batch, width]);
  },
  { isOneOfEach: true },
);
