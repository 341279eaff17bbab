/** @file ELECTRA as a function of its parameters (Clark et al., 2020): BERT's encoder on projected embeddings, the generator's head, a classifier. */

import type * as tf from '@tensorflow/tfjs-core';
import { gelu } from '../../engine/graph/ops';
import { type Architecture, embeddingWidth } from '../architecture';
import { parameter } from './attention';
import { blockNamesAsBert, embedAsBert } from './bert';
import { bertNames } from '../layouts/bert';
import type { FamilyComputation, ForwardOptions, ModelInputs, ParameterTensors } from './computation';
import { electraLayout } from '../layouts/electra';
import { dense, firstRows, norm, postNormBackbone, tokenLogits, twoLayerLogits } from './post-norm';

const BASE = electraLayout.basePrefix;

/** [B, L, D], whatever the width of the embeddings. */
function embed(a: Architecture, p: ParameterTensors, inputs: ModelInputs, options: ForwardOptions): tf.Tensor {
  const embeddings = embedAsBert(a, p, inputs, options, BASE);
  return embeddingWidth(a) === a.hiddenSize ? embeddings : dense(embeddings, p, `${BASE}embeddings_project`);
}

export const electra: FamilyComputation = {
  backbone: (a, p, inputs, options) =>
    postNormBackbone(a, p, inputs, embed(a, p, inputs, options), (index) => blockNamesAsBert(BASE, index), options),

  vocabularyHead: (a, p) => ({
    // Back to the width of the embeddings. The activation of both heads is gelu whatever that of the blocks is.
    transform: (hidden) =>
      norm(
        gelu(dense(hidden, p, 'generator_predictions.dense'), 'erf'),
        a,
        p,
        'generator_predictions.LayerNorm',
      ) as tf.Tensor2D,
    weight: parameter(p, bertNames(BASE).words) as tf.Tensor2D,
    bias: parameter(p, 'generator_lm_head.bias') as tf.Tensor1D,
  }),

  classifiedRows: () => firstRows,

  classificationLogits: (a, p, rows, options) => twoLayerLogits(a, p, rows, (x) => gelu(x, 'erf'), options),

  tokenLogits: (a, p, rows, options) => tokenLogits(p, rows, a.classifierDropout, options),
};
