/** @file BERT's checkpoints (Devlin et al., 2019): config keys, parameter names and shapes, initial values. */

import { complaint, type Complaint } from '../protocol/problem';
import type { Activation, Architecture } from './architecture';
import type { ConfigReader } from './config-reader';
import { allLayers, type FamilyFields, type FamilyLayout, linearShapes, normShapes, tokenIds } from './layout';

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

function fromConfig(reader: ConfigReader): FamilyFields {
  reader.refuse('is_decoder', true, 'a BERT that attends to earlier tokens only');
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
    tieWordEmbeddings: reader.flag('tie_word_embeddings', true),
    ...tokenIds(reader, 0),
  };
}

function toConfig(a: Architecture): Record<string, unknown> {
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

function problem(a: Architecture): Complaint | undefined {
  if (a.typeVocabularySize < 1) {
    return complaint('model-without-token-types', {});
  }
  if (a.head === 'masked-lm' && !a.tieWordEmbeddings) {
    return complaint('model-head-not-tied', { family: 'BERT', head: 'masked-language-model' });
  }
  return undefined;
}

const WORD_EMBEDDINGS = 'bert.embeddings.word_embeddings.weight';
const POSITION_EMBEDDINGS = 'bert.embeddings.position_embeddings.weight';

const layerPrefix = (index: number): string => `bert.encoder.layer.${index}.`;

function shapes(a: Architecture): Record<string, number[]> {
  return {
    [WORD_EMBEDDINGS]: [a.vocabularySize, a.hiddenSize],
    [POSITION_EMBEDDINGS]: [a.maxPositions, a.hiddenSize],
    'bert.embeddings.token_type_embeddings.weight': [a.typeVocabularySize, a.hiddenSize],
    ...normShapes('bert.embeddings.LayerNorm', a.hiddenSize),
    ...allLayers(a.layers, (index) => layerShapes(a, layerPrefix(index))),
    ...headShapes(a),
  };
}

function layerShapes(a: Architecture, layer: string): Record<string, number[]> {
  const { hiddenSize: width, intermediateSize: inner } = a;
  return {
    ...linearShapes(`${layer}attention.self.query`, width, width),
    ...linearShapes(`${layer}attention.self.key`, width, width),
    ...linearShapes(`${layer}attention.self.value`, width, width),
    ...linearShapes(`${layer}attention.output.dense`, width, width),
    ...normShapes(`${layer}attention.output.LayerNorm`, width),
    ...linearShapes(`${layer}intermediate.dense`, inner, width),
    ...linearShapes(`${layer}output.dense`, width, inner),
    ...normShapes(`${layer}output.LayerNorm`, width),
  };
}

function headShapes(a: Architecture): Record<string, number[]> {
  if (a.head === 'sequence-classification') {
    return {
      ...linearShapes('bert.pooler.dense', a.hiddenSize, a.hiddenSize),
      ...linearShapes('classifier', a.labels?.length ?? 0, a.hiddenSize),
    };
  }
  return {
    'cls.predictions.bias': [a.vocabularySize],
    ...linearShapes('cls.predictions.transform.dense', a.hiddenSize, a.hiddenSize),
    ...normShapes('cls.predictions.transform.LayerNorm', a.hiddenSize),
  };
}

export const bertLayout: FamilyLayout = {
  summary: 'an encoder, for text-classification and masked-lm',
  tokenizer: 'wordpiece',
  classNames: { 'sequence-classification': 'BertForSequenceClassification', 'masked-lm': 'BertForMaskedLM' },
  headOfClass: {
    BertForSequenceClassification: 'sequence-classification',
    BertForMaskedLM: 'masked-lm',
    BertForPreTraining: 'masked-lm', // its next-sentence head is left out
  },
  basePrefix: 'bert.',
  defaults,
  fromConfig,
  toConfig,
  problem,
  shapes,
  layerPrefix,
  positionEmbeddings: POSITION_EMBEDDINGS,
  paddedEmbeddings: WORD_EMBEDDINGS,
  matrixDeviation: (a) => a.initializerRange,
};
