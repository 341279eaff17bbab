/** @file A transformer as a pure function of its named parameters: the table of families, and what is the same for all. */

import type * as tf from '@tensorflow/tfjs-core';
import { reshape, type Rank } from '@tensorflow/tfjs-core';
import { linear } from '../../engine/graph/ops';
import type { Architecture } from '../architecture';
import { familyOf, type Family } from '../layouts/families';
import { llamaLayouts } from '../layouts/llama';
import { capped } from './attention';
import { bert } from './bert';
import type {
  Backbone,
  ChooseRows,
  FamilyComputation,
  ForwardOptions,
  ModelInputs,
  ParameterTensors,
  VocabularyHead,
} from './computation';
import { distilbert } from './distilbert';
import { electra } from './electra';
import { embeddingOf, pooledRows } from './embedding';
import { gpt2 } from './gpt2';
import { modernbert } from './modernbert';
import { mpnet } from './mpnet';
import { rmsDecoder } from './rms-decoder';
import { roberta } from './roberta';

/** Llama's descendants are computed by their descriptions. */
const computations: Readonly<Record<Exclude<Family, keyof typeof llamaLayouts>, FamilyComputation>> = {
  bert,
  distilbert,
  electra,
  gpt2,
  modernbert,
  mpnet,
  roberta,
  'xlm-roberta': roberta,
};

const families = {
  ...computations,
  ...Object.fromEntries(Object.entries(llamaLayouts).map(([family, layout]) => [family, rmsDecoder(layout)])),
} as Readonly<Record<Family, FamilyComputation>>;

/** Hidden states and attentions of every layer. */
export function backbone(
  a: Architecture,
  parameters: ParameterTensors,
  inputs: ModelInputs,
  options: ForwardOptions = {},
): Backbone {
  return families[familyOf(a)].backbone(a, parameters, inputs, options);
}

/** Whether tokens can be computed after those whose keys and values were kept. */
export const keepsPast = (a: Architecture): boolean => families[familyOf(a)].keepsPast ?? false;

/** The head of a language model. */
export function vocabularyHead(a: Architecture, parameters: ParameterTensors): VocabularyHead {
  return families[familyOf(a)].vocabularyHead(a, parameters);
}

/**
 * Logits of a language model's head.
 * @param rows [N, D], transformed
 * @returns [N, V]
 */
export function vocabularyLogits(
  { weight, bias, cap }: Omit<VocabularyHead, 'transform'>,
  rows: tf.Tensor2D,
): tf.Tensor2D {
  return capped(linear(rows, weight, bias, 'out-in') as tf.Tensor2D, cap);
}

/**
 * Picks the row of each text that its classifier reads, of [B, L, D], or pools its tokens.
 * @param starts of texts that share rows, where they are pooled: each one's first token in [B · L]
 */
export function classifiedRows(a: Architecture, inputs: ModelInputs, starts?: tf.Tensor1D): ChooseRows {
  if (a.head === 'sentence-embedding') return pooledRows(a, inputs, starts);
  return families[familyOf(a)].classifiedRows(a, inputs);
}

/**
 * The head of a classifier, or what makes embeddings.
 * @param rows [B, D], chosen of the last hidden state by `classifiedRows`; [R, D] of one that classifies tokens
 * @returns [B, classes], or [R, classes]
 */
export function classificationLogits(
  a: Architecture,
  parameters: ParameterTensors,
  rows: tf.Tensor2D,
  options: ForwardOptions = {},
): tf.Tensor2D {
  if (a.head === 'sentence-embedding') return embeddingOf(a, parameters, rows);
  const family = families[familyOf(a)];
  if (a.head === 'token-classification') return family.tokenLogits!(a, parameters, rows, options);
  return family.classificationLogits(a, parameters, rows, options);
}

/**
 * Logits of the model's head on the backbone's last hidden states.
 * @returns [B, classes] for a classifier, [B, width] for embeddings, [B, L, classes] for one of tokens; [B, L, V] for a language model, at every position, which training avoids
 */
export function headLogits(
  a: Architecture,
  parameters: ParameterTensors,
  lastHidden: tf.Tensor3D,
  inputs: ModelInputs,
  options: ForwardOptions = {},
): tf.Tensor {
  if (a.head === 'sequence-classification' || a.head === 'sentence-embedding') {
    return classificationLogits(a, parameters, classifiedRows(a, inputs)(lastHidden), options);
  }
  const [batch, length, width] = lastHidden.shape;
  const tokens = reshape<Rank.R2>(lastHidden, [batch * length, width]);
  if (a.head === 'token-classification') {
    return reshape(classificationLogits(a, parameters, tokens, options), [batch, length, a.labels!.length]);
  }
  const head = vocabularyHead(a, parameters);
  const rows = head.transform(tokens); // [B · L, D]
  return reshape(vocabularyLogits(head, rows), [batch, length, a.vocabularySize]);
}

/** Logits of the whole model, for inspection and generation; shapes as of `headLogits`. */
export function logits(
  a: Architecture,
  parameters: ParameterTensors,
  inputs: ModelInputs,
  options: ForwardOptions = {},
): tf.Tensor {
  const { hiddenStates } = backbone(a, parameters, inputs, options);
  return headLogits(a, parameters, hiddenStates[a.layers]!, inputs, options);
}
