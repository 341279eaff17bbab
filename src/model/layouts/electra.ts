/** @file ELECTRA's checkpoints (Clark et al., 2020): BERT's keys and blocks, embeddings that may be narrower, heads of its own. */

import { complaint, type Complaint } from '../../protocol/problem';
import { type Architecture, embeddingWidth } from '../architecture';
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
import { type FamilyFields, type FamilyLayout, linearAxes, normAxes, type ParameterAxes, type Units } from './layout';
import { sentenceDenseAxes } from './sentence-dense';

const BASE = 'electra.';

/** Width of the embeddings where a config.json names none. */
const EMBEDDING_SIZE = 128;

const defaults: FamilyFields = {
  hiddenSize: 256,
  layers: 12,
  heads: 4,
  intermediateSize: 1024,
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
  const fields = fieldsOfBert(reader, defaults);
  const embeddingSize = reader.number('embedding_size', EMBEDDING_SIZE);
  return { ...fields, ...(embeddingSize !== fields.hiddenSize && { embeddingSize }) };
}

function problem(a: Architecture): Complaint | undefined {
  const value = embeddingWidth(a);
  if (Number.isSafeInteger(value) && value >= 1) return problemOfBert(a, 'ELECTRA');
  return complaint('model-size-impossible', { size: 'embeddingSize', value });
}

/** Only where the widths differ are embeddings projected. */
function axes(a: Architecture): ParameterAxes {
  const width = embeddingWidth(a) === a.hiddenSize ? 'width' : 'embedding';
  return {
    ...embeddingAxes(BASE, width),
    ...(width === 'embedding' && linearAxes(`${BASE}embeddings_project`, 'width', 'embedding')),
    ...encoderAxes(a, BASE),
    ...headAxes(a, width),
  };
}

function headAxes(a: Architecture, width: Units): ParameterAxes {
  if (a.head === 'sequence-classification') return twoLayerClassifierAxes;
  if (a.head === 'token-classification') return tokenClassifierAxes;
  if (a.head === 'sentence-embedding') return sentenceDenseAxes(a);
  return {
    ...normAxes('generator_predictions.LayerNorm', width),
    ...linearAxes('generator_predictions.dense', width, 'width'),
    'generator_lm_head.bias': ['vocabulary'],
  };
}

export const electraLayout: FamilyLayout = {
  summary: 'BERT as discriminator, with narrower embeddings where published, for the same',
  tokenizer: 'wordpiece',
  classNames: {
    'sequence-classification': 'ElectraForSequenceClassification',
    'token-classification': 'ElectraForTokenClassification',
    'masked-lm': 'ElectraForMaskedLM',
    'sentence-embedding': 'ElectraModel',
  },
  headOfClass: {
    ElectraForSequenceClassification: 'sequence-classification',
    ElectraForTokenClassification: 'token-classification',
    ElectraForMaskedLM: 'masked-lm',
    ElectraModel: 'sentence-embedding',
  },
  basePrefix: BASE,
  defaults,
  fromConfig,
  toConfig: (a) => ({ ...configOfBert(a), embedding_size: embeddingWidth(a) }),
  problem,
  axes,
  layerPrefix: bertNames(BASE).layerPrefix,
  positionEmbeddings: bertNames(BASE).positions,
  paddedEmbeddings: bertNames(BASE).words,
  matrixDeviation: (a) => a.initializerRange,
};
