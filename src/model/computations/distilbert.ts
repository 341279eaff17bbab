/** @file DistilBERT as a function of its parameters (Sanh et al., 2019): BERT's encoder without token types, and its two heads. */

import * as tf from '@tensorflow/tfjs-core';
import { embedding } from '../../engine/graph/ops';
import type { Architecture } from '../architecture';
import { activate, dropped, parameter, positionRows } from './attention';
import type { FamilyComputation, ForwardOptions, ModelInputs, ParameterTensors } from './computation';
import { distilbertLayout, POSITION_EMBEDDINGS } from '../layouts/distilbert';
import { type BlockNames, dense, firstRows, norm, postNormBackbone, tokenLogits } from './post-norm';

const WORDS = 'distilbert.embeddings.word_embeddings.weight';

/** LayerNorm(word + position). Returns [B, L, D]. */
function embed(a: Architecture, p: ParameterTensors, inputs: ModelInputs, options: ForwardOptions): tf.Tensor {
  const words = embedding(parameter(p, WORDS), inputs.inputIds);
  const positionTable = parameter(p, POSITION_EMBEDDINGS);
  const positions = positionRows(a, positionTable, inputs.inputIds.shape[1], inputs.positionIds);
  return dropped(norm(tf.add(words, positions), a, p, 'distilbert.embeddings.LayerNorm'), a.embeddingDropout, options);
}

function blockNames(index: number): BlockNames {
  const name = distilbertLayout.layerPrefix(index);
  return {
    query: `${name}attention.q_lin`,
    key: `${name}attention.k_lin`,
    value: `${name}attention.v_lin`,
    attentionOutput: `${name}attention.out_lin`,
    attentionNorm: `${name}sa_layer_norm`,
    inner: `${name}ffn.lin1`,
    outer: `${name}ffn.lin2`,
    outputNorm: `${name}output_layer_norm`,
  };
}

export const distilbert: FamilyComputation = {
  backbone: (a, p, inputs, options) =>
    postNormBackbone(a, p, inputs, embed(a, p, inputs, options), blockNames, options),

  vocabularyHead: (a, p) => ({
    transform: (hidden) =>
      norm(activate(dense(hidden, p, 'vocab_transform'), a.activation), a, p, 'vocab_layer_norm') as tf.Tensor2D,
    weight: parameter(p, WORDS) as tf.Tensor2D,
    bias: parameter(p, 'vocab_projector.bias') as tf.Tensor1D,
  }),

  classifiedRows: () => firstRows,

  classificationLogits: (a, p, rows, options) => {
    const hidden = tf.relu(dense(rows, p, 'pre_classifier'));
    return dense(dropped(hidden, a.classifierDropout, options), p, 'classifier') as tf.Tensor2D;
  },

  // Its rate is that of the blocks.
  tokenLogits: (a, p, rows, options) => tokenLogits(p, rows, a.dropout, options),
};
