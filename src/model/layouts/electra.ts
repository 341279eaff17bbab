/** @file ELECTRA's checkpoints (Clark et al., 2020): BERT's keys and blocks, embeddings that may be narrower, heads of its own. */

import { complaint, type Complaint } from '../../protocol/problem';
import { type Architecture, embeddingWidth } from '../architecture';
import {
  bertNames,
  configOfBert,
  embeddingShapes,
  encoderShapes,
  fieldsOfBert,
  problemOfBert,
  twoLayerClassifierShapes,
} from './bert';
import type { ConfigReader } from './config-reader';
import { type FamilyFields, type FamilyLayout, linearShapes, normShapes } from './layout';

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
function shapes(a: Architecture): Record<string, number[]> {
  const width = embeddingWidth(a);
  return {
    ...embeddingShapes(a, BASE, { width }),
    ...(width === a.hiddenSize ? {} : linearShapes(`${BASE}embeddings_project`, a.hiddenSize, width)),
    ...encoderShapes(a, BASE),
    ...headShapes(a, width),
  };
}

function headShapes(a: Architecture, width: number): Record<string, number[]> {
  if (a.head === 'sequence-classification') return twoLayerClassifierShapes(a);
  return {
    ...normShapes('generator_predictions.LayerNorm', width),
    ...linearShapes('generator_predictions.dense', width, a.hiddenSize),
    'generator_lm_head.bias': [a.vocabularySize],
  };
}

export const electraLayout: FamilyLayout = {
  summary: 'BERT as discriminator, with narrower embeddings where published, for the same',
  tokenizer: 'wordpiece',
  classNames: {
    'sequence-classification': 'ElectraForSequenceClassification',
    'masked-lm': 'ElectraForMaskedLM',
  },
  headOfClass: {
    ElectraForSequenceClassification: 'sequence-classification',
    ElectraForMaskedLM: 'masked-lm',
  },
  basePrefix: BASE,
  defaults,
  fromConfig,
  toConfig: (a) => ({ ...configOfBert(a), embedding_size: embeddingWidth(a) }),
  problem,
  shapes,
  layerPrefix: bertNames(BASE).layerPrefix,
  positionEmbeddings: bertNames(BASE).positions,
  paddedEmbeddings: bertNames(BASE).words,
  matrixDeviation: (a) => a.initializerRange,
};
