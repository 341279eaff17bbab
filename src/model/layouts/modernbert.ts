/** @file ModernBERT's checkpoints (Warner et al., 2024): config keys, parameter names and shapes, initial values. */

import { complaint, type Complaint } from '../../protocol/problem';
import { type Activation, type Architecture, headSizeOf, predictsLabels } from '../architecture';
import type { ConfigReader } from './config-reader';
import { allLayers, type FamilyFields, type FamilyLayout, linearAxes, type ParameterAxes, tokenIds } from './layout';
import { layerTypes, ofEachLayer, readSliding } from './rms-decoder';
import { readRotaryPart, rotaryParameters } from './rotary-config';
import { sentenceDenseAxes } from './sentence-dense';

const ACTIVATIONS: readonly Activation[] = ['gelu', 'gelu_new', 'gelu_pytorch_tanh', 'relu', 'silu'];
const POOLINGS = ['cls', 'mean'] as const;

export const BASE = 'model.';
export const WORD_EMBEDDINGS = `${BASE}embeddings.tok_embeddings.weight`;

const GLOBAL_THETA = 160_000;
const LOCAL_THETA = 10_000;
const WINDOW = 128;
/** Of so many blocks the first sees all tokens. */
const GLOBAL_INTERVAL = 3;
/** What a config.json leaves out. */
const PAD = 50283;

const defaults: FamilyFields = {
  hiddenSize: 768,
  layers: 22,
  heads: 12,
  intermediateSize: 1152,
  vocabularySize: 50368,
  maxPositions: 8192,
  typeVocabularySize: 0,
  activation: 'gelu',
  layerNormEpsilon: 1e-5,
  initializerRange: 0.02,
  dropout: 0,
  attentionDropout: 0,
  embeddingDropout: 0,
  classifierDropout: 0,
  tieWordEmbeddings: true,
  rotary: { theta: GLOBAL_THETA },
  slidingRotary: { theta: LOCAL_THETA },
};

function fromConfig(reader: ConfigReader): FamilyFields {
  reader.refuse('attention_bias', true, 'a bias of the attention');
  reader.refuse('mlp_bias', true, 'a bias of the MLP');
  reader.refuse('norm_bias', true, 'a bias of the norms');
  reader.refuse('classifier_bias', true, "a bias of the heads' dense layer");
  reader.refuse('decoder_bias', false, 'a language-model head without a bias');
  reader.only('classifier_activation', 'gelu', 'another activation of the heads');
  const layers = reader.number('num_hidden_layers', defaults.layers);
  const maxPositions = reader.number('max_position_embeddings', defaults.maxPositions);
  const interval = reader.number('global_attn_every_n_layers', GLOBAL_INTERVAL);
  const window = reader.number('local_attention', WINDOW);
  const globalTheta = reader.number('global_rope_theta', GLOBAL_THETA);
  // In transformers 4 a null meant the other one.
  const localTheta = reader.isNull('local_rope_theta') ? globalTheta : reader.number('local_rope_theta', LOCAL_THETA);
  const rotaries = reader.part('rope_parameters');
  const pooling = reader.choice('classifier_pooling', POOLINGS, 'cls');
  return {
    hiddenSize: reader.number('hidden_size', defaults.hiddenSize),
    layers,
    heads: reader.number('num_attention_heads', defaults.heads),
    intermediateSize: reader.number('intermediate_size', defaults.intermediateSize),
    vocabularySize: reader.number('vocab_size', defaults.vocabularySize),
    maxPositions,
    typeVocabularySize: 0,
    activation: reader.choice('hidden_activation', ACTIVATIONS, defaults.activation),
    layerNormEpsilon: reader.number('norm_eps', defaults.layerNormEpsilon),
    initializerRange: reader.number('initializer_range', defaults.initializerRange),
    dropout: reader.number('mlp_dropout', defaults.dropout),
    attentionDropout: reader.number('attention_dropout', defaults.attentionDropout),
    embeddingDropout: reader.number('embedding_dropout', defaults.embeddingDropout),
    classifierDropout: reader.number('classifier_dropout', defaults.classifierDropout),
    tieWordEmbeddings: reader.flag('tie_word_embeddings', true),
    rotary: readRotaryPart(rotaries?.part('full_attention'), globalTheta, maxPositions),
    slidingRotary: readRotaryPart(rotaries?.part('sliding_attention'), localTheta, maxPositions),
    ...readSliding(reader, layers, window, (index) => index % interval !== 0),
    ...(pooling === 'mean' && { poolsMean: true as const }),
    ...tokenIds(reader, PAD),
  };
}

/** In both spellings, so that transformers 4 reads it too. */
function toConfig(a: Architecture): Record<string, unknown> {
  const globals = ofEachLayer(a.layers, (index) => index).filter((index) => !a.slidingLayers?.[index]);
  return {
    hidden_size: a.hiddenSize,
    num_hidden_layers: a.layers,
    num_attention_heads: a.heads,
    intermediate_size: a.intermediateSize,
    max_position_embeddings: a.maxPositions,
    hidden_activation: a.activation,
    norm_eps: a.layerNormEpsilon,
    mlp_dropout: a.dropout,
    attention_dropout: a.attentionDropout,
    embedding_dropout: a.embeddingDropout,
    classifier_dropout: a.classifierDropout,
    classifier_pooling: a.poolsMean ? 'mean' : 'cls',
    local_attention: a.slidingWindow ?? WINDOW,
    layer_types: layerTypes(a),
    global_attn_every_n_layers: globals[1] ?? a.layers,
    rope_parameters: {
      full_attention: rotaryParameters(a.rotary!),
      sliding_attention: rotaryParameters(a.slidingRotary!),
    },
    global_rope_theta: a.rotary!.theta,
    local_rope_theta: a.slidingRotary!.theta,
    attention_bias: false,
    mlp_bias: false,
    norm_bias: false,
    classifier_bias: false,
    decoder_bias: true,
    classifier_activation: 'gelu',
    cls_token_id: a.bosId ?? null,
    sep_token_id: a.eosId ?? null,
  };
}

function problem(a: Architecture): Complaint | undefined {
  if (a.head === 'masked-lm' && !a.tieWordEmbeddings) {
    return complaint('model-head-not-tied', { family: 'ModernBERT', head: 'masked-language-model' });
  }
  const headSize = headSizeOf(a);
  if (headSize % 2 !== 0) return complaint('model-head-size-odd', { headSize });
  if (a.slidingWindow !== undefined && (!Number.isSafeInteger(a.slidingWindow) || a.slidingWindow < 1)) {
    return complaint('model-size-impossible', { size: 'slidingWindow', value: a.slidingWindow });
  }
  return undefined;
}

const layerPrefix = (index: number): string => `${BASE}layers.${index}.`;

function axes(a: Architecture): ParameterAxes {
  return {
    [WORD_EMBEDDINGS]: ['vocabulary', 'width'],
    [`${BASE}embeddings.norm.weight`]: ['width'],
    ...allLayers(a.layers, layerAxes),
    [`${BASE}final_norm.weight`]: ['width'],
    ...headAxes(a),
  };
}

function headAxes(a: Architecture): ParameterAxes {
  if (a.head === 'sentence-embedding') return sentenceDenseAxes(a);
  const isClassifier = predictsLabels(a.head);
  // A language model's rows are multiplied with the embeddings.
  const units = isClassifier ? 'pooled' : 'width';
  return {
    'head.dense.weight': [units, 'width'],
    'head.norm.weight': [units],
    ...(isClassifier ? linearAxes('classifier', 'classes', 'pooled') : { 'decoder.bias': ['vocabulary'] }),
  };
}

/** The first block has no norm before its attention: the embeddings have one. */
function layerAxes(index: number): ParameterAxes {
  const layer = layerPrefix(index);
  return {
    ...(index > 0 && { [`${layer}attn_norm.weight`]: ['width'] as const }),
    [`${layer}attn.Wqkv.weight`]: [['queries', 'keys', 'keys'], 'width'],
    [`${layer}attn.Wo.weight`]: ['width', 'queries'],
    [`${layer}mlp_norm.weight`]: ['width'],
    [`${layer}mlp.Wi.weight`]: [['inner', 'inner'], 'width'],
    [`${layer}mlp.Wo.weight`]: ['width', 'inner'],
  };
}

/** Matrices that write into the residual stream start smaller, and the classifier as wide as its input makes it. */
function matrixDeviation(a: Architecture, name: string): number {
  if (name === 'classifier.weight') return 1 / Math.sqrt(a.hiddenSize);
  const writes = name.endsWith('.Wo.weight') || name === 'head.dense.weight';
  return a.initializerRange / (writes ? Math.sqrt(2 * a.layers) : 1);
}

export const modernbertLayout: FamilyLayout = {
  summary:
    'an encoder with rotary positions, gated MLP and local attention in two of three blocks, for the same as BERT',
  tokenizer: 'wordpiece', // bytes as published; the ones trained here have a mask token in WordPiece alone
  classNames: {
    'sequence-classification': 'ModernBertForSequenceClassification',
    'token-classification': 'ModernBertForTokenClassification',
    'masked-lm': 'ModernBertForMaskedLM',
    'sentence-embedding': 'ModernBertModel',
  },
  headOfClass: {
    ModernBertForSequenceClassification: 'sequence-classification',
    ModernBertForTokenClassification: 'token-classification',
    ModernBertForMaskedLM: 'masked-lm',
    ModernBertModel: 'sentence-embedding',
  },
  basePrefix: BASE,
  defaults,
  fromConfig,
  toConfig,
  problem,
  axes,
  layerPrefix,
  positionEmbeddings: null,
  paddedEmbeddings: WORD_EMBEDDINGS,
  matrixDeviation,
  truncation: 2,
  ofDepth: (layers) => ({
    slidingWindow: WINDOW,
    slidingLayers: ofEachLayer(layers, (index) => index % GLOBAL_INTERVAL !== 0),
  }),
  newIntermediateSize: (hiddenSize) => Math.ceil(1.5 * hiddenSize), // the published models' share
};
