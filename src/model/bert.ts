/** @file BERT as a function of its parameters (Devlin et al., 2019): encoder, pooler and classifier, masked-LM head. */

import * as tf from '@tensorflow/tfjs-core';
import { embedding } from '../engine/graph/ops';
import type { Architecture } from './architecture';
import { activate, dropped, parameter, positionRows } from './attention';
import { bertLayout } from './bert-layout';
import type { FamilyComputation, ForwardOptions, ModelInputs, ParameterTensors } from './computation';
import { type BlockNames, dense, firstRows, norm, postNormBackbone } from './post-norm';

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

function blockNames(index: number): BlockNames {
  const name = bertLayout.layerPrefix(index);
  return {
    query: `${name}attention.self.query`,
    key: `${name}attention.self.key`,
    value: `${name}attention.self.value`,
    attentionOutput: `${name}attention.output.dense`,
    attentionNorm: `${name}attention.output.LayerNorm`,
    inner: `${name}intermediate.dense`,
    outer: `${name}output.dense`,
    outputNorm: `${name}output.LayerNorm`,
  };
}

export const bert: FamilyComputation = {
  backbone: (a, p, inputs, options) =>
    postNormBackbone(a, p, inputs, embed(a, p, inputs, options), blockNames, options),

  vocabularyHead: (a, p) => ({
    transform: (hidden) => {
      const x = activate(dense(hidden, p, 'cls.predictions.transform.dense'), a.activation);
      return norm(x, a, p, 'cls.predictions.transform.LayerNorm') as tf.Tensor2D;
    },
    weight: parameter(p, 'bert.embeddings.word_embeddings.weight') as tf.Tensor2D,
    bias: parameter(p, 'cls.predictions.bias') as tf.Tensor1D,
  }),

  classifiedRows: () => firstRows,

  /** tanh of a dense layer, the pooler, and then the classifier. */
  classificationLogits: (a, p, rows, options) => {
    const pooled = tf.tanh(dense(rows, p, 'bert.pooler.dense'));
    return dense(dropped(pooled, a.classifierDropout, options), p, 'classifier') as tf.Tensor2D;
  },
};
