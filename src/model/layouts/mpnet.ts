/** @file MPNet's checkpoints (Song et al., 2020): BERT's keys, positions as RoBERTa's, one table of relative positions for all blocks, heads as RoBERTa's. */

import { complaint, type Complaint } from '../../protocol/problem';
import type { Architecture } from '../architecture';
import { bertNames, configOfBert, fieldsOfBert, tokenClassifierAxes, twoLayerClassifierAxes } from './bert';
import type { ConfigReader } from './config-reader';
import {
  allLayers,
  type FamilyFields,
  type FamilyLayout,
  linearAxes,
  normAxes,
  type ParameterAxes,
  RELATIVE_BUCKETS,
} from './layout';
import { lmHeadAxes, robertaLayout } from './roberta';
import { sentenceDenseAxes } from './sentence-dense';

const BASE = 'mpnet.';

/** What transformers takes for the padding token, whatever a config says: positions are counted over the others, from the row after it. */
const PAD = 1;

/** Row of the first position. */
export const FIRST_POSITION = PAD + 1;

export const names = {
  ...bertNames(BASE),
  relativeBias: `${BASE}encoder.relative_attention_bias.weight`,
};

/** RoBERTa's, but for the vocabulary and without token types. */
const defaults: FamilyFields = { ...robertaLayout.defaults, vocabularySize: 30527, typeVocabularySize: 0, padId: PAD };

function fromConfig(reader: ConfigReader): FamilyFields {
  // transformers makes a table of as many rows as this says, and looks up as if it were this.
  const buckets = reader.number('relative_attention_num_buckets', RELATIVE_BUCKETS);
  if (buckets !== RELATIVE_BUCKETS) {
    const key = 'relative_attention_num_buckets';
    reader.fail('model-setting-unknown', { key, value: String(buckets), known: [String(RELATIVE_BUCKETS)] });
  }
  const fields = fieldsOfBert(reader, { ...defaults, maxPositions: defaults.maxPositions + FIRST_POSITION });
  return {
    ...fields,
    maxPositions: fields.maxPositions - FIRST_POSITION,
    typeVocabularySize: 0,
    classifierDropout: fields.dropout, // one key of the config is both
  };
}

function toConfig(a: Architecture): Record<string, unknown> {
  const { type_vocab_size: _, classifier_dropout: __, ...config } = configOfBert(a);
  return {
    ...config,
    max_position_embeddings: a.maxPositions + FIRST_POSITION,
    relative_attention_num_buckets: RELATIVE_BUCKETS,
  };
}

function problem(a: Architecture): Complaint | undefined {
  const { padId = PAD } = a;
  if (padId !== PAD) return complaint('model-pads-with-another', { family: 'mpnet', padId, needed: PAD });
  if (a.head === 'masked-lm' && !a.tieWordEmbeddings) {
    return complaint('model-head-not-tied', { family: 'MPNet', head: 'masked-language-model' });
  }
  return undefined;
}

function layerAxes(layer: string): ParameterAxes {
  return {
    ...linearAxes(`${layer}attention.attn.q`, 'queries', 'width'),
    ...linearAxes(`${layer}attention.attn.k`, 'keys', 'width'),
    ...linearAxes(`${layer}attention.attn.v`, 'keys', 'width'),
    ...linearAxes(`${layer}attention.attn.o`, 'width', 'queries'),
    ...normAxes(`${layer}attention.LayerNorm`),
    ...linearAxes(`${layer}intermediate.dense`, 'inner', 'width'),
    ...linearAxes(`${layer}output.dense`, 'width', 'inner'),
    ...normAxes(`${layer}output.LayerNorm`),
  };
}

function headAxes(a: Architecture): ParameterAxes {
  if (a.head === 'sequence-classification') return twoLayerClassifierAxes;
  if (a.head === 'token-classification') return tokenClassifierAxes;
  if (a.head === 'sentence-embedding') return sentenceDenseAxes(a);
  return lmHeadAxes;
}

export const mpnetLayout: FamilyLayout = {
  summary: 'BERT with relative positions beside its own, for the same',
  tokenizer: 'wordpiece',
  classNames: {
    'sequence-classification': 'MPNetForSequenceClassification',
    'token-classification': 'MPNetForTokenClassification',
    'masked-lm': 'MPNetForMaskedLM',
    'sentence-embedding': 'MPNetModel',
  },
  headOfClass: {
    MPNetForSequenceClassification: 'sequence-classification',
    MPNetForTokenClassification: 'token-classification',
    MPNetForMaskedLM: 'masked-lm',
    MPNetModel: 'sentence-embedding',
  },
  poolsUnlessTold: true,
  basePrefix: BASE,
  defaults,
  fromConfig,
  toConfig,
  problem,
  axes: (a) => ({
    [names.words]: ['vocabulary', 'width'],
    [names.positions]: ['positions', 'width'],
    ...normAxes(names.norm),
    [names.relativeBias]: ['buckets', 'heads'],
    ...allLayers(a.layers, (index) => layerAxes(names.layerPrefix(index))),
    ...headAxes(a),
  }),
  layerPrefix: names.layerPrefix,
  positionEmbeddings: names.positions,
  firstPosition: () => FIRST_POSITION,
  padsWith: PAD,
  paddedEmbeddings: names.words,
  matrixDeviation: (a) => a.initializerRange,
};
