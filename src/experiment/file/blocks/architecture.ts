/** @file The experiment file's `architecture`, of a teacher that is trained and of a student. */

import * as z from 'zod';
import { familyNames, layoutOf } from '../../../model/layouts/families';
import { count } from './values';

/** What is done for each of them must end: far above what anybody trains. */
const MOST_LAYERS = 1000;

export const architectureSchema = z
  .strictObject({
    family: z
      .enum(familyNames)
      .describe(familyNames.map((family) => `"${family}": ${layoutOf(family).summary}.`).join(' ')),
    hiddenSize: count('Width of the hidden states. `heads` must divide it.'),
    layers: count('Number of transformer blocks.', MOST_LAYERS),
    heads: count('Attention heads in a block.'),
    keyValueHeads: count(
      'Heads of keys and values, each shared by equally many of `heads` (grouped-query attention); not of every family. As many as `heads` if left out.',
    ).optional(),
    intermediateSize: count(
      "Width of the feed-forward layer. If left out four times hiddenSize, or 8/3 of it, rounded up to a multiple of 32, where that layer is gated (Llama and its descendants; 3/2 of it in ModernBERT). Of a student that starts from its teacher, as large a share of the teacher's as hiddenSize is.",
    ).optional(),
    maxPositions: count(
      'Longest sequence that the model has positions for, in tokens. maxLength if left out.',
    ).optional(),
  })
  .meta({
    description: 'Shape of the transformer.',
    examples: [{ family: 'bert', hiddenSize: 128, layers: 2, heads: 4 }],
  });

export type ArchitectureSpec = z.infer<typeof architectureSchema>;
