/** @file DistilBERT's checkpoints (Sanh et al., 2019): config keys, parameter names and shapes, initial values. */

import { complaint, type Complaint } from '../../protocol/problem';
import type { Activation, Architecture } from '../architecture';
import type { ConfigReader } from './config-reader';
import {
  allLayers,
  type FamilyFields,
  type FamilyLayout,
  linearAxes,
  normAxes,
  type ParameterAxes,
  tokenIds,
} from './layout';
import { tokenClassifierAxes } from './bert';
import { sentenceDenseAxes } from './sentence-dense';

const ACTIVATIONS: readonly Activation[] = ['gelu', 'relu'];

const defaults: FamilyFields = {
  hiddenSize: 768,
  layers: 6,
  heads: 12,
  intermediateSize: 3072,
  vocabularySize: 30522,
  maxPositions: 512,
  typeVocabularySize: 0,
  activation: 'gelu',
  layerNormEpsilon: 1e-12, // no key of the config: a constant of its code
  initializerRange: 0.02,
  dropout: 0.1,
  attentionDropout: 0.1,
  embeddingDropout: 0.1,
  classifierDropout: 0.2,
  tieWordEmbeddings: true,
  padId: 0,
};

function fromConfig(reader: ConfigReader): FamilyFields {
  const dropout = reader.number('dropout', defaults.dropout);
  return {
    hiddenSize: reader.number('dim', defaults.hiddenSize),
    layers: reader.number('n_layers', defaults.layers),
    heads: reader.number('n_heads', defaults.heads),
    intermediateSize: reader.number('hidden_dim', defaults.intermediateSize),
    vocabularySize: reader.number('vocab_size', defaults.vocabularySize),
    maxPositions: reader.number('max_position_embeddings', defaults.maxPositions),
    typeVocabularySize: 0,
    activation: reader.choice('activation', ACTIVATIONS, defaults.activation),
    layerNormEpsilon: defaults.layerNormEpsilon,
    initializerRange: reader.number('initializer_range', defaults.initializerRange),
    dropout,
    attentionDropout: reader.number('attention_dropout', defaults.attentionDropout),
    embeddingDropout: dropout, // one key of the config is both
    classifierDropout: reader.number('seq_classif_dropout', defaults.classifierDropout),
    tieWordEmbeddings: reader.flag('tie_word_embeddings', true),
    ...tokenIds(reader, 0),
  };
}

function toConfig(a: Architecture): Record<string, unknown> {
  return {
    dim: a.hiddenSize,
    n_layers: a.layers,
    n_heads: a.heads,
    hidden_dim: a.intermediateSize,
    max_position_embeddings: a.maxPositions,
    activation: a.activation,
    dropout: a.dropout,
    attention_dropout: a.attentionDropout,
    seq_classif_dropout: a.classifierDropout,
    sinusoidal_pos_embds: false,
  };
}

function problem(a: Architecture): Complaint | undefined {
  if (a.head === 'masked-lm' && !a.tieWordEmbeddings) {
    return complaint('model-head-not-tied', { family: 'DistilBERT', head: 'masked-language-model' });
  }
  return undefined;
}

const WORD_EMBEDDINGS = 'distilbert.embeddings.word_embeddings.weight';
export const POSITION_EMBEDDINGS = 'distilbert.embeddings.position_embeddings.weight';

const layerPrefix = (index: number): string => `distilbert.transformer.layer.${index}.`;

function axes(a: Architecture): ParameterAxes {
  return {
    [WORD_EMBEDDINGS]: ['vocabulary', 'width'],
    [POSITION_EMBEDDINGS]: ['positions', 'width'],
    ...normAxes('distilbert.embeddings.LayerNorm'),
    ...allLayers(a.layers, (index) => layerAxes(layerPrefix(index))),
    ...headAxes(a),
  };
}

function layerAxes(layer: string): ParameterAxes {
  return {
    ...linearAxes(`${layer}attention.q_lin`, 'queries', 'width'),
    ...linearAxes(`${layer}attention.k_lin`, 'keys', 'width'),
    ...linearAxes(`${layer}attention.v_lin`, 'keys', 'width'),
    ...linearAxes(`${layer}attention.out_lin`, 'width', 'queries'),
    ...normAxes(`${layer}sa_layer_norm`),
    ...linearAxes(`${layer}ffn.lin1`, 'inner', 'width'),
    ...linearAxes(`${layer}ffn.lin2`, 'width', 'inner'),
    ...normAxes(`${layer}output_layer_norm`),
  };
}

function headAxes(a: Architecture): ParameterAxes {
  if (a.head === 'token-classification') return tokenClassifierAxes;
  if (a.head === 'sentence-embedding') return sentenceDenseAxes(a);
  if (a.head === 'sequence-classification') {
    return {
      ...linearAxes('pre_classifier', 'pooled', 'width'),
      ...linearAxes('classifier', 'classes', 'pooled'),
    };
  }
  return {
    ...linearAxes('vocab_transform', 'width', 'width'),
    ...normAxes('vocab_layer_norm'),
    'vocab_projector.bias': ['vocabulary'],
  };
}

export const distilbertLayout: FamilyLayout = {
  summary: 'BERT without token types and pooler, for the same',
  tokenizer: 'wordpiece',
  classNames: {
    'sequence-classification': 'DistilBertForSequenceClassification',
    'token-classification': 'DistilBertForTokenClassification',
    'masked-lm': 'DistilBertForMaskedLM',
    'sentence-embedding': 'DistilBertModel',
  },
  headOfClass: {
    DistilBertForSequenceClassification: 'sequence-classification',
    DistilBertForTokenClassification: 'token-classification',
    DistilBertForMaskedLM: 'masked-lm',
    DistilBertModel: 'sentence-embedding',
  },
  basePrefix: 'distilbert.',
  defaults,
  fromConfig,
  toConfig,
  problem,
  axes,
  layerPrefix,
  positionEmbeddings: POSITION_EMBEDDINGS,
  paddedEmbeddings: WORD_EMBEDDINGS,
  matrixDeviation: (a) => a.initializerRange,
};
