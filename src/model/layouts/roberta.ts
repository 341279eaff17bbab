/** @file RoBERTa's checkpoints (Liu et al., 2019) and XLM-RoBERTa's (Conneau et al., 2020): BERT's keys and blocks, heads and positions of its own. */

import type { Architecture } from '../architecture';
import {
  bertNames,
  configOfBert,
  embeddingAxes,
  encoderAxes,
  fieldsOfBert,
  problemOfBert,
  tokenClassifierAxes,
  twoLayerClassifierAxes,
} from './bert';
import type { ConfigReader } from './config-reader';
import { type FamilyFields, type FamilyLayout, linearAxes, normAxes, type ParameterAxes } from './layout';
import { sentenceDenseAxes } from './sentence-dense';

/** XLM-RoBERTa's names too. */
const BASE = 'roberta.';

/** What config.json leaves out. */
const PAD = 1;

const defaults: FamilyFields = {
  hiddenSize: 768,
  layers: 12,
  heads: 12,
  intermediateSize: 3072,
  vocabularySize: 50265,
  maxPositions: 510, // 512 rows
  typeVocabularySize: 2,
  activation: 'gelu',
  layerNormEpsilon: 1e-12,
  initializerRange: 0.02,
  dropout: 0.1,
  attentionDropout: 0.1,
  embeddingDropout: 0.1,
  classifierDropout: 0.1,
  tieWordEmbeddings: true,
  padId: PAD,
  bosId: 0,
  eosId: 2,
};

/** Positions are counted from the row after the padding token's id, as fairseq did. */
export const firstPosition = ({ padId = PAD }: Pick<FamilyFields, 'padId'>): number => padId + 1;

function fromConfig(reader: ConfigReader): FamilyFields {
  const fields = fieldsOfBert(reader, { ...defaults, maxPositions: defaults.maxPositions + firstPosition(defaults) });
  return { ...fields, maxPositions: fields.maxPositions - firstPosition(fields) };
}

/** Rows of the table of positions. */
const positionRows = (a: Architecture): number => a.maxPositions + firstPosition(a);

/** Of its masked-language-model head, which MPNet has too; `lmHead` computes it. */
export const lmHeadAxes: ParameterAxes = {
  'lm_head.bias': ['vocabulary'],
  ...linearAxes('lm_head.dense', 'width', 'width'),
  ...normAxes('lm_head.layer_norm'),
};

function headAxes(a: Architecture): ParameterAxes {
  if (a.head === 'sequence-classification') return twoLayerClassifierAxes;
  if (a.head === 'token-classification') return tokenClassifierAxes;
  if (a.head === 'sentence-embedding') return sentenceDenseAxes(a);
  return lmHeadAxes;
}

export const robertaLayout: FamilyLayout = {
  summary: 'BERT with one token type and a tokenizer of bytes, for the same',
  tokenizer: 'wordpiece', // bytes as published; the ones trained here have a mask token in WordPiece alone
  classNames: {
    'sequence-classification': 'RobertaForSequenceClassification',
    'token-classification': 'RobertaForTokenClassification',
    'masked-lm': 'RobertaForMaskedLM',
    'sentence-embedding': 'RobertaModel',
  },
  headOfClass: {
    RobertaForSequenceClassification: 'sequence-classification',
    RobertaForTokenClassification: 'token-classification',
    RobertaForMaskedLM: 'masked-lm',
    RobertaModel: 'sentence-embedding',
  },
  poolsUnlessTold: true,
  basePrefix: BASE,
  defaults,
  fromConfig,
  toConfig: (a) => ({ ...configOfBert(a), max_position_embeddings: positionRows(a) }),
  problem: (a) => problemOfBert(a, 'RoBERTa'),
  axes: (a) => ({ ...embeddingAxes(BASE), ...encoderAxes(a, BASE), ...headAxes(a) }),
  layerPrefix: bertNames(BASE).layerPrefix,
  positionEmbeddings: bertNames(BASE).positions,
  firstPosition,
  paddedEmbeddings: bertNames(BASE).words,
  matrixDeviation: (a) => a.initializerRange,
};

export const xlmRobertaLayout: FamilyLayout = {
  ...robertaLayout,
  summary: 'RoBERTa over many languages, for the same',
  classNames: {
    'sequence-classification': 'XLMRobertaForSequenceClassification',
    'token-classification': 'XLMRobertaForTokenClassification',
    'masked-lm': 'XLMRobertaForMaskedLM',
    'sentence-embedding': 'XLMRobertaModel',
  },
  headOfClass: {
    XLMRobertaForSequenceClassification: 'sequence-classification',
    XLMRobertaForTokenClassification: 'token-classification',
    XLMRobertaForMaskedLM: 'masked-lm',
    XLMRobertaModel: 'sentence-embedding',
  },
};
