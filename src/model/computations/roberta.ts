/** @file RoBERTa as a function of its parameters (Liu et al., 2019): BERT's encoder, positions from the padding token's row on, its two heads. */

import * as tf from '@tensorflow/tfjs-core';
import { gelu } from '../../engine/graph/ops';
import type { Architecture } from '../architecture';
import { parameter } from './attention';
import { blockNamesAsBert, embedAsBert } from './bert';
import { bertNames } from '../layouts/bert';
import type { FamilyComputation, ParameterTensors, VocabularyHead } from './computation';
import { dense, firstRows, norm, postNormBackbone, tokenLogits, twoLayerLogits } from './post-norm';
import { firstPosition, robertaLayout } from '../layouts/roberta';

const BASE = robertaLayout.basePrefix;

/** The masked-language-model head, which MPNet has too. @param words the name of its embeddings */
export const lmHead = (a: Architecture, p: ParameterTensors, words: string): VocabularyHead => ({
  // The head's activation is gelu whatever that of the blocks is.
  transform: (hidden) =>
    norm(gelu(dense(hidden, p, 'lm_head.dense'), 'erf'), a, p, 'lm_head.layer_norm') as tf.Tensor2D,
  weight: parameter(p, words) as tf.Tensor2D,
  bias: parameter(p, 'lm_head.bias') as tf.Tensor1D,
});

/** The classifiers, which MPNet has too. */
export const robertaHeads: Pick<FamilyComputation, 'classifiedRows' | 'classificationLogits' | 'tokenLogits'> = {
  classifiedRows: () => firstRows,

  classificationLogits: (a, p, rows, options) => twoLayerLogits(a, p, rows, tf.tanh, options),

  tokenLogits: (a, p, rows, options) => tokenLogits(p, rows, a.classifierDropout, options),
};

/**
 * transformers counts the tokens that are not padding, and gives padding a row of its own. Rows are padded on the right here, where that
 * is position 0, 1, ... for every real token; what padding gets is seen by none.
 */
export const roberta: FamilyComputation = {
  backbone: (a, p, inputs, options) =>
    postNormBackbone(
      a,
      p,
      inputs,
      embedAsBert(a, p, inputs, options, BASE, firstPosition(a)),
      (index) => blockNamesAsBert(BASE, index),
      options,
    ),

  vocabularyHead: (a, p) => lmHead(a, p, bertNames(BASE).words),

  ...robertaHeads,
};
