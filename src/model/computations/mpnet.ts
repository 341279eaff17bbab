/** @file MPNet as a function of its parameters (Song et al., 2020): BERT's blocks without token types, a bias by distance in each, RoBERTa's heads. */

import * as tf from '@tensorflow/tfjs-core';
import { embedding } from '../../engine/graph/ops';
import type { Architecture } from '../architecture';
import { dropped, parameter, positionRows } from './attention';
import type { FamilyComputation, ForwardOptions, ModelInputs, ParameterTensors } from './computation';
import { FIRST_POSITION, names } from '../layouts/mpnet';
import { type BlockNames, norm, postNormBackbone } from './post-norm';
import { relativeBias } from './relative-bias';
import { lmHead, robertaHeads } from './roberta';

/** LayerNorm(word + position). Returns [B, L, D]. */
function embed(a: Architecture, p: ParameterTensors, inputs: ModelInputs, options: ForwardOptions): tf.Tensor {
  const words = embedding(parameter(p, names.words), inputs.inputIds);
  const table = parameter(p, names.positions);
  const positions = positionRows(a, table, inputs.inputIds.shape[1], inputs.positionIds, FIRST_POSITION);
  return dropped(norm(tf.add(words, positions), a, p, names.norm), a.embeddingDropout, options);
}

function blockNames(index: number): BlockNames {
  const name = names.layerPrefix(index);
  return {
    query: `${name}attention.attn.q`,
    key: `${name}attention.attn.k`,
    value: `${name}attention.attn.v`,
    attentionOutput: `${name}attention.attn.o`,
    attentionNorm: `${name}attention.LayerNorm`,
    inner: `${name}intermediate.dense`,
    outer: `${name}output.dense`,
    outputNorm: `${name}output.LayerNorm`,
  };
}

export const mpnet: FamilyComputation = {
  backbone: (a, p, inputs, options) =>
    postNormBackbone(
      a,
      p,
      inputs,
      embed(a, p, inputs, options),
      blockNames,
      options,
      relativeBias(parameter(p, names.relativeBias), inputs.inputIds.shape[1]),
    ),

  vocabularyHead: (a, p) => lmHead(a, p, names.words),

  ...robertaHeads,
};
