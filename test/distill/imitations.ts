/** @file One of each loss that imitates the teacher's inside, for tests that go over all: both models have two blocks or more, and as many heads. */

import type { Imitation } from '../../src/protocol/imitation';

export const imitations: Imitation = {
  hidden: {
    loss: 'mse',
    layers: [
      [0, 0],
      [1, 1],
    ],
    weight: 0.3,
  },
  attention: { loss: 'mse', layers: 'last', weight: 0.3 },
  relations: { of: ['queries', 'values'], layers: 'last', weight: 0.3 },
};
