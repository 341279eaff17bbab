/** @file Models of any family for tests of what is inside them: two blocks unless said otherwise, 20 tokens, random weights. */

import * as tf from '@tensorflow/tfjs-core';
import type { Architecture } from '../../src/model/architecture';
import { createArchitecture, parameterShapes } from '../../src/model/layouts/config';
import { type Family, layoutOf } from '../../src/model/layouts/families';
import { initializeParameters } from '../../src/model/parameters';

export const tinyModel = (
  family: Family,
  sizes: Pick<Architecture, 'hiddenSize' | 'heads'> & Partial<Pick<Architecture, 'layers' | 'initializerRange'>>,
): Architecture =>
  createArchitecture({
    family,
    head: 'causal-lm' in layoutOf(family).classNames ? 'causal-lm' : 'masked-lm',
    layers: 2,
    vocabularySize: 20,
    maxPositions: 16,
    ...sizes,
  });

export function tensorsOf(a: Architecture): Record<string, tf.Tensor> {
  const parameters = initializeParameters(a, 1);
  return Object.fromEntries(
    Object.entries(parameterShapes(a)).map(([name, shape]) => [name, tf.tensor(parameters[name]!, [...shape])]),
  );
}
