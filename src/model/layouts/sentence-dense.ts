/** @file The dense layer after the pooling of sentence embeddings, which all encoders have alike: its parameters' names and what lies along them. */

import type { Architecture } from '../architecture';
import type { ParameterAxes } from './layout';

/** Of its weight and bias; in a folder of sentence-transformers they lie in a file of their own. */
export const SENTENCE_DENSE = 'embedding.dense';

/** None where there is no such layer. */
export function sentenceDenseAxes({ embedding }: Architecture): ParameterAxes {
  const { dense } = embedding ?? {};
  if (!dense) return {};
  return {
    [`${SENTENCE_DENSE}.weight`]: ['sentence', 'width'],
    ...(dense.hasBias && { [`${SENTENCE_DENSE}.bias`]: ['sentence'] as const }),
  };
}
