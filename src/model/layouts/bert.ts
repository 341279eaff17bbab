/** @file BERT's checkpoints (Devlin et al., 2019): config keys, parameter names and shapes, initial values; and what its descendants share of them. */

import { complaint, type Complaint } from '../../protocol/problem';
import type { Activation, Architecture } from '../architecture';
import type { ConfigReader } from './config-reader';
import { allLayers, type FamilyFields, type FamilyLayout, linearShapes, normShapes, tokenIds } from './layout';

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

/** BERT's config keys, which RoBERTa and ELECTRA have too, with defaults of their own. */
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

/**
 * The three tables of embeddings and their norm.
 * @param width of the embeddings
 * @param positions rows of the table of positions
 */
export function embeddingShapes(
  a: Architecture,
  base: string,
  { width = a.hiddenSize, positions = a.maxPositions } = {},
): Record<string, number[]> {
  const names = bertNames(base);
  return {
    [names.words]: [a.vocabularySize, width],
    [names.positions]: [positions, width],
    [names.types]: [a.typeVocabularySize, width],
    ...normShapes(names.norm, width),
  };
}

/** All blocks of the encoder. */
export function encoderShapes(a: Architecture, base: string): Record<string, number[]> {
  return allLayers(a.layers, (index) => layerShapes(a, bertNames(base).layerPrefix(index)));
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

/** Of the classifier with a hidden layer, which RoBERTa and ELECTRA have; `twoLayerLogits` computes it. */
export function twoLayerClassifierShapes(a: Architecture): Record<string, number[]> {
  return {
    ...linearShapes('classifier.dense', a.hiddenSize, a.hiddenSize),
    ...linearShapes('classifier.out_proj', a.labels?.length ?? 0, a.hiddenSize),
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
  basePrefix: BASE,
  defaults,
  fromConfig: (reader) => fieldsOfBert(reader, defaults),
  toConfig: configOfBert,
  problem: (a) => problemOfBert(a, 'BERT'),
  shapes: (a) => ({ ...embeddingShapes(a, BASE), ...encoderShapes(a, BASE), ...headShapes(a) }),
  layerPrefix: bertNames(BASE).layerPrefix,
  positionEmbeddings: bertNames(BASE).positions,
  paddedEmbeddings: bertNames(BASE).words,
  matrixDeviation: (a) => a.initializerRange,
};
