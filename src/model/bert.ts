/** @file BERT as a function of its parameters (Devlin et al., 2019): encoder, pooler and classifier, masked-LM head. */

import * as tf from '@tensorflow/tfjs-core';
import { embedding, layerNorm, linear } from '../engine/graph/ops';
import type { Architecture } from './architecture';
import { activate, attend, backboneOf, dropped, paddingBias, parameter, positionRows } from './attention';
import { bertLayout } from './bert-layout';
import type { Backbone, FamilyComputation, ForwardOptions, ModelInputs, ParameterTensors } from './computation';

const dense = (x: tf.Tensor, p: ParameterTensors, name: string): tf.Tensor =>
  linear(x, parameter(p, `${name}.weight`), parameter(p, `${name}.bias`), 'out-in');

const norm = (x: tf.Tensor, a: Architecture, p: ParameterTensors, name: string): tf.Tensor =>
  layerNorm(x, parameter(p, `${name}.weight`), parameter(p, `${name}.bias`), a.layerNormEpsilon);

/** LayerNorm(word + token type + position). Returns [B, L, D]. */
function embed(a: Architecture, p: ParameterTensors, inputs: ModelInputs, options: ForwardOptions): tf.Tensor {
  const words = embedding(parameter(p, 'bert.embeddings.word_embeddings.weight'), inputs.inputIds);
  const typeTable = parameter(p, 'bert.embeddings.token_type_embeddings.weight');
  const types = inputs.typeIds ? embedding(typeTable, inputs.typeIds) : tf.slice(typeTable, [0, 0], [1, a.hiddenSize]);
  const positionTable = parameter(p, 'bert.embeddings.position_embeddings.weight');
  const positions = positionRows(a, positionTable, inputs.inputIds.shape[1], inputs.positionIds);
  const sum = tf.add(tf.add(words, types), positions);
  return dropped(norm(sum, a, p, 'bert.embeddings.LayerNorm'), a.embeddingDropout, options);
}

/** One layer, norms after the residual sums. x [B, L, D] → the same shape, or [R, D] where rows are chosen. */
function layer(
  a: Architecture,
  p: ParameterTensors,
  name: string,
  x: tf.Tensor,
  bias: tf.Tensor,
  { choose, ...options }: ForwardOptions,
): { output: tf.Tensor; probabilities: tf.Tensor4D } {
  const self = `${name}attention.self.`;
  const projected = {
    query: dense(x, p, `${self}query`),
    key: dense(x, p, `${self}key`),
    value: dense(x, p, `${self}value`),
  };
  const { context, probabilities } = attend(a, projected, bias, options);
  const [seen, residual] = choose ? [choose(context), choose(x as tf.Tensor3D)] : [context, x];
  const attention = dropped(dense(seen, p, `${name}attention.output.dense`), a.dropout, options);
  const attended = norm(tf.add(attention, residual), a, p, `${name}attention.output.LayerNorm`);
  const inner = activate(dense(attended, p, `${name}intermediate.dense`), a.activation);
  const mlp = dropped(dense(inner, p, `${name}output.dense`), a.dropout, options);
  return { output: norm(tf.add(mlp, attended), a, p, `${name}output.LayerNorm`), probabilities };
}

function backbone(a: Architecture, p: ParameterTensors, inputs: ModelInputs, withChoice: ForwardOptions): Backbone {
  const { choose, ...options } = withChoice;
  const bias = paddingBias(inputs.attentionMask);
  const hiddenStates = [embed(a, p, inputs, options)];
  const attentions: tf.Tensor4D[] = [];
  for (let index = 0; index < a.layers; index++) {
    const name = bertLayout.layerPrefix(index);
    const isLast = index === a.layers - 1;
    const { output, probabilities } = layer(a, p, name, hiddenStates[index]!, bias, isLast ? withChoice : options);
    hiddenStates.push(output);
    attentions.push(probabilities);
  }
  return backboneOf(hiddenStates, attentions, choose !== undefined);
}

export const bert: FamilyComputation = {
  backbone,

  vocabularyHead: (a, p) => ({
    transform: (hidden) => {
      const x = activate(dense(hidden, p, 'cls.predictions.transform.dense'), a.activation);
      return norm(x, a, p, 'cls.predictions.transform.LayerNorm') as tf.Tensor2D;
    },
    weight: parameter(p, 'bert.embeddings.word_embeddings.weight') as tf.Tensor2D,
    bias: parameter(p, 'cls.predictions.bias') as tf.Tensor1D,
  }),

  /** The first token's. */
  classifiedRows: () => (x) => {
    const [batch, , width] = x.shape;
    return tf.reshape(tf.slice(x, [0, 0, 0], [batch, 1, width]), [batch, width]);
  },

  /** tanh of a dense layer, the pooler, and then the classifier. */
  classificationLogits: (a, p, rows, options) => {
    const pooled = tf.tanh(dense(rows, p, 'bert.pooler.dense'));
    return dense(dropped(pooled, a.classifierDropout, options), p, 'classifier') as tf.Tensor2D;
  },
};
