/** @file BERT's checkpoints (Devlin et al., 2019): config keys, parameter names and shapes, initial values; and what its descendants share of them. */

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
  type Units,
} from './layout';
import { sentenceDenseAxes } from './sentence-dense';

const BASE = 'bert.';

const ACTIVATIONS: readonly Activation[] = ['gelu', 'gelu_new', 'gelu_pytorch_tanh', 'relu'];

const defaults: FamilyFields = {
  hiddenSize: 768,
  layers: 12,
  heads: 12,
  intermediateSize: 3072,
  vocabularySize: 30522,
  maxPositions: 512,
  typeVocabularySize: 2,
  activation: 'gelu',
  layerNormEpsilon: 1e-12,
  initializerRange: 0.02,
  dropout: 0.1,
  attentionDropout: 0.1,
  embeddingDropout: 0.1,
  classifierDropout: 0.1,
  tieWordEmbeddings: true,
  padId: 0,
};

/** BERT's config keys, which RoBERTa, MPNet and ELECTRA have too, with defaults of their own. */
export function fieldsOfBert(reader: ConfigReader, defaults: FamilyFields): FamilyFields {
  reader.refuse('is_decoder', true, 'attention to earlier tokens only');
  reader.refuse('position_embedding_type', 'relative_key', 'a relative position embedding');
  reader.refuse('position_embedding_type', 'relative_key_query', 'a relative position embedding');
  const dropout = reader.number('hidden_dropout_prob', defaults.dropout);
  return {
    hiddenSize: reader.number('hidden_size', defaults.hiddenSize),
    layers: reader.number('num_hidden_layers', defaults.layers),
    heads: reader.number('num_attention_heads', defaults.heads),
    intermediateSize: reader.number('intermediate_size', defaults.intermediateSize),
    vocabularySize: reader.number('vocab_size', defaults.vocabularySize),
    maxPositions: reader.number('max_position_embeddings', defaults.maxPositions),
    typeVocabularySize: reader.number('type_vocab_size', defaults.typeVocabularySize),
    activation: reader.choice('hidden_act', ACTIVATIONS, defaults.activation),
    layerNormEpsilon: reader.number('layer_norm_eps', defaults.layerNormEpsilon),
    initializerRange: reader.number('initializer_range', defaults.initializerRange),
    dropout,
    attentionDropout: reader.number('attention_probs_dropout_prob', defaults.attentionDropout),
    embeddingDropout: dropout, // one key of the config is both
    classifierDropout: reader.number('classifier_dropout', dropout),
    tieWordEmbeddings: reader.flag('tie_word_embeddings', defaults.tieWordEmbeddings),
    ...tokenIds(reader, defaults.padId),
  };
}

export function configOfBert(a: Architecture): Record<string, unknown> {
  return {
    hidden_size: a.hiddenSize,
    num_hidden_layers: a.layers,
    num_attention_heads: a.heads,
    intermediate_size: a.intermediateSize,
    max_position_embeddings: a.maxPositions,
    type_vocab_size: a.typeVocabularySize,
    hidden_act: a.activation,
    layer_norm_eps: a.layerNormEpsilon,
    hidden_dropout_prob: a.dropout,
    attention_probs_dropout_prob: a.attentionDropout,
    classifier_dropout: a.classifierDropout,
  };
}

/** @param name the family's own name */
export function problemOfBert(a: Architecture, name: string): Complaint | undefined {
  if (a.typeVocabularySize < 1) {
    return complaint('model-without-token-types', { family: name });
  }
  if (a.head === 'masked-lm' && !a.tieWordEmbeddings) {
    return complaint('model-head-not-tied', { family: name, head: 'masked-language-model' });
  }
  return undefined;
}

/** Names that BERT and its descendants share, but for the prefix of the backbone. */
export const bertNames = (base: string) => ({
  words: `${base}embeddings.word_embeddings.weight`,
  positions: `${base}embeddings.position_embeddings.weight`,
  types: `${base}embeddings.token_type_embeddings.weight`,
  norm: `${base}embeddings.LayerNorm`,
  layerPrefix: (index: number): string => `${base}encoder.layer.${index}.`,
});

/** The three tables of embeddings and their norm. */
export function embeddingAxes(base: string, width: Units = 'width'): ParameterAxes {
  const names = bertNames(base);
  return {
    [names.words]: ['vocabulary', width],
    [names.positions]: ['positions', width],
    [names.types]: ['types', width],
    ...normAxes(names.norm, width),
  };
}

/** All blocks of the encoder. */
export function encoderAxes(a: Architecture, base: string): ParameterAxes {
  return allLayers(a.layers, (index) => layerAxes(bertNames(base).layerPrefix(index)));
}

function layerAxes(layer: string): ParameterAxes {
  return {
    ...linearAxes(`${layer}attention.self.query`, 'queries', 'width'),
    ...linearAxes(`${layer}attention.self.key`, 'keys', 'width'),
    ...linearAxes(`${layer}attention.self.value`, 'keys', 'width'),
    ...linearAxes(`${layer}attention.output.dense`, 'width', 'queries'),
    ...normAxes(`${layer}attention.output.LayerNorm`),
    ...linearAxes(`${layer}intermediate.dense`, 'inner', 'width'),
    ...linearAxes(`${layer}output.dense`, 'width', 'inner'),
    ...normAxes(`${layer}output.LayerNorm`),
  };
}

/** Of the classifier with a hidden layer, which RoBERTa, MPNet and ELECTRA have; `twoLayerLogits` computes it. */
export const twoLayerClassifierAxes: ParameterAxes = {
  ...linearAxes('classifier.dense', 'pooled', 'width'),
  ...linearAxes('classifier.out_proj', 'classes', 'pooled'),
};

/** What tells the class of each token, which most families have alike: it reads the hidden states themselves. */
export const tokenClassifierAxes: ParameterAxes = linearAxes('classifier', 'classes', 'width');

function headAxes(a: Architecture): ParameterAxes {
  if (a.head === 'token-classification') return tokenClassifierAxes;
  if (a.head === 'sentence-embedding') return sentenceDenseAxes(a);
  if (a.head === 'sequence-classification') {
    return {
      ...linearAxes('bert.pooler.dense', 'pooled', 'width'),
      ...linearAxes('classifier', 'classes', 'pooled'),
    };
  }
  return {
    'cls.predictions.bias': ['vocabulary'],
    // What comes out is multiplied with the embeddings.
    ...linearAxes('cls.predictions.transform.dense', 'width', 'width'),
    ...normAxes('cls.predictions.transform.LayerNorm'),
  };
}

export const bertLayout: FamilyLayout = {
  summary: 'an encoder, for text-classification, token-classification, masked-lm and sentence-embedding',
  tokenizer: 'wordpiece',
  classNames: {
    'sequence-classification': 'BertForSequenceClassification',
    'token-classification': 'BertForTokenClassification',
    'masked-lm': 'BertForMaskedLM',
    'sentence-embedding': 'BertModel',
  },
  headOfClass: {
    BertForSequenceClassification: 'sequence-classification',
    BertForTokenClassification: 'token-classification',
    BertForMaskedLM: 'masked-lm',
    BertModel: 'sentence-embedding',
    BertForPreTraining: 'masked-lm', // its next-sentence head is left out
  },
  poolsUnlessTold: true,
  basePrefix: BASE,
  defaults,
  fromConfig: (reader) => fieldsOfBert(reader, defaults),
  toConfig: configOfBert,
  problem: (a) => problemOfBert(a, 'BERT'),
  axes: (a) => ({ ...embeddingAxes(BASE), ...encoderAxes(a, BASE), ...headAxes(a) }),
  layerPrefix: bertNames(BASE).layerPrefix,
  positionEmbeddings: bertNames(BASE).positions,
  paddedEmbeddings: bertNames(BASE).words,
  matrixDeviation: (a) => a.initializerRange,
};
