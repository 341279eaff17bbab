/** @file GPT-2's checkpoints (Radford et al., 2019): config keys, parameter names and shapes, initial values. */

import { complaint, type Complaint } from '../../protocol/problem';
import type { Activation, Architecture } from '../architecture';
import type { ConfigReader } from './config-reader';
import {
  allLayers,
  type Axis,
  type FamilyFields,
  type FamilyLayout,
  normAxes,
  type ParameterAxes,
  tokenIds,
} from './layout';

const ACTIVATIONS: readonly Activation[] = ['gelu_new', 'gelu', 'gelu_pytorch_tanh', 'relu'];

const defaults: FamilyFields = {
  hiddenSize: 768,
  layers: 12,
  heads: 12,
  intermediateSize: 3072,
  vocabularySize: 50257,
  maxPositions: 1024,
  typeVocabularySize: 0,
  activation: 'gelu_new',
  layerNormEpsilon: 1e-5,
  initializerRange: 0.02,
  dropout: 0.1,
  attentionDropout: 0.1,
  embeddingDropout: 0.1,
  classifierDropout: 0,
  tieWordEmbeddings: true,
};

function fromConfig(reader: ConfigReader): FamilyFields {
  reader.refuse('scale_attn_weights', false, 'attention without the scale 1/√d');
  reader.refuse('scale_attn_by_inverse_layer_idx', true, 'attention scaled by the layer');
  reader.refuse('add_cross_attention', true, 'attention to a second model');
  const hiddenSize = reader.number('n_embd', defaults.hiddenSize);
  return {
    hiddenSize,
    layers: reader.number('n_layer', defaults.layers),
    heads: reader.number('n_head', defaults.heads),
    intermediateSize: reader.number('n_inner', 4 * hiddenSize),
    vocabularySize: reader.number('vocab_size', defaults.vocabularySize),
    maxPositions: reader.number('n_positions', defaults.maxPositions),
    typeVocabularySize: 0,
    activation: reader.choice('activation_function', ACTIVATIONS, defaults.activation),
    layerNormEpsilon: reader.number('layer_norm_epsilon', defaults.layerNormEpsilon),
    initializerRange: reader.number('initializer_range', defaults.initializerRange),
    dropout: reader.number('resid_pdrop', defaults.dropout),
    attentionDropout: reader.number('attn_pdrop', defaults.attentionDropout),
    embeddingDropout: reader.number('embd_pdrop', defaults.embeddingDropout),
    classifierDropout: 0,
    tieWordEmbeddings: reader.flag('tie_word_embeddings', true),
    ...tokenIds(reader),
  };
}

function toConfig(a: Architecture): Record<string, unknown> {
  return {
    n_embd: a.hiddenSize,
    n_layer: a.layers,
    n_head: a.heads,
    n_inner: a.intermediateSize,
    n_positions: a.maxPositions,
    activation_function: a.activation,
    layer_norm_epsilon: a.layerNormEpsilon,
    resid_pdrop: a.dropout,
    attn_pdrop: a.attentionDropout,
    embd_pdrop: a.embeddingDropout,
  };
}

function problem(a: Architecture): Complaint | undefined {
  if (a.head === 'causal-lm' && !a.tieWordEmbeddings) {
    return complaint('model-head-not-tied', { family: 'GPT-2', head: 'language-model' });
  }
  return undefined;
}

const POSITION_EMBEDDINGS = 'transformer.wpe.weight';

const layerPrefix = (index: number): string => `transformer.h.${index}.`;

function axes(a: Architecture): ParameterAxes {
  return {
    'transformer.wte.weight': ['vocabulary', 'width'],
    [POSITION_EMBEDDINGS]: ['positions', 'width'],
    ...allLayers(a.layers, (index) => layerAxes(layerPrefix(index))),
    ...normAxes('transformer.ln_f'),
    ...(a.head === 'sequence-classification' && { 'score.weight': ['classes', 'width'] }),
  };
}

/** GPT-2's linear layers are transformers' Conv1D: weight [in, out]. */
function conv1dAxes(name: string, inputs: Axis, outputs: Axis): ParameterAxes {
  return { [`${name}.weight`]: [inputs, outputs], [`${name}.bias`]: [outputs] };
}

function layerAxes(layer: string): ParameterAxes {
  return {
    ...normAxes(`${layer}ln_1`),
    ...conv1dAxes(`${layer}attn.c_attn`, 'width', ['queries', 'keys', 'keys']),
    ...conv1dAxes(`${layer}attn.c_proj`, 'queries', 'width'),
    ...normAxes(`${layer}ln_2`),
    ...conv1dAxes(`${layer}mlp.c_fc`, 'width', 'inner'),
    ...conv1dAxes(`${layer}mlp.c_proj`, 'inner', 'width'),
  };
}

export const gpt2Layout: FamilyLayout = {
  summary: 'a decoder, for causal-lm and text-classification',
  tokenizer: 'bpe',
  classNames: { 'sequence-classification': 'GPT2ForSequenceClassification', 'causal-lm': 'GPT2LMHeadModel' },
  headOfClass: {
    GPT2ForSequenceClassification: 'sequence-classification',
    GPT2LMHeadModel: 'causal-lm',
  },
  basePrefix: 'transformer.',
  defaults,
  fromConfig,
  toConfig,
  problem,
  axes,
  layerPrefix,
  positionEmbeddings: POSITION_EMBEDDINGS,
  paddedEmbeddings: null,
  // The matrices that write into the residual stream start smaller, by the number of writes (GPT-2, section 2.3).
  matrixDeviation: (a, name) => a.initializerRange / (name.endsWith('.c_proj.weight') ? Math.sqrt(2 * a.layers) : 1),
};
