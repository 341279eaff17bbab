/** @file BERT as a function of its parameters (Devlin et al., 2019): encoder, pooler and classifier, masked-LM head; its descendants share the first. */

import * as tf from '@tensorflow/tfjs-core';
import { embedding } from '../../engine/graph/ops';
import type { Architecture } from '../architecture';
import { activate, dropped, parameter, positionRows } from './attention';
import { bertLayout, bertNames } from '../layouts/bert';
import type { FamilyComputation, ForwardOptions, ModelInputs, ParameterTensors } from './computation';
import { type BlockNames, dense, firstRows, norm, postNormBackbone, tokenLogits } from './post-norm';

/** LayerNorm(word + token type + position), of BERT or a descendant whose names begin with `base`. Returns [B, L, width of the embeddings]. */
export function embedAsBert(
  a: Architecture,
  p: ParameterTensors,
  inputs: ModelInputs,
  options: ForwardOptions,
  base: string,
  firstPosition = 0,
): tf.Tensor {
  const names = bertNames(base);
  const words = embedding(parameter(p, names.words), inputs.inputIds);
  const positionTable = parameter(p, names.positions);
  const positions = positionRows(a, positionTable, inputs.inputIds.shape[1], inputs.positionIds, firstPosition);
  const sum = tf.add(tf.add(words, typeRows(parameter(p, names.types), inputs)), positions);
  return dropped(norm(sum, a, p, names.norm), a.embeddingDropout, options);
}

/** A table of one row, as RoBERTa's published models have it, has that one for all tokens. */
function typeRows(table: tf.Tensor, { typeIds }: ModelInputs): tf.Tensor {
  const [rows, width] = table.shape as [number, number];
  return typeIds && rows > 1 ? embedding(table, typeIds) : tf.slice(table, [0, 0], [1, width]);
}

/** Names of a block of BERT or a descendant. */
export function blockNamesAsBert(base: string, index: number): BlockNames {
  const name = bertNames(base).layerPrefix(index);
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

const BASE = bertLayout.basePrefix;

export const bert: FamilyComputation = {
  backbone: (a, p, inputs, options) =>
    postNormBackbone(
      a,
      p,
      inputs,
      embedAsBert(a, p, inputs, options, BASE),
      (index) => blockNamesAsBert(BASE, index),
      options,
    ),

  vocabularyHead: (a, p) => ({
    transform: (hidden) => {
      const x = activate(dense(hidden, p, 'cls.predictions.transform.dense'), a.activation);
      return norm(x, a, p, 'cls.predictions.transform.LayerNorm') as tf.Tensor2D;
    },
    weight: parameter(p, bertNames(BASE).words) as tf.Tensor2D,
    bias: parameter(p, 'cls.predictions.bias') as tf.Tensor1D,
  }),

  classifiedRows: () => firstRows,

  /** tanh of a dense layer, the pooler, and then the classifier. */
  classificationLogits: (a, p, rows, options) => {
    const pooled = tf.tanh(dense(rows, p, 'bert.pooler.dense'));
    return dense(dropped(pooled, a.classifierDropout, options), p, 'classifier') as tf.Tensor2D;
  },

  tokenLogits: (a, p, rows, options) => tokenLogits(p, rows, a.classifierDropout, options),
};
