/** @file The experiment file's `distillation`: how the student imitates its teacher. */

import * as z from 'zod';
import { defaultDivergence, divergenceFacts, divergenceNames, positionOrders } from '../../../protocol/divergences';
import {
  attentionLossKinds,
  blockRules,
  hiddenLossKinds,
  type ImitationName,
  vectorKinds,
} from '../../../protocol/imitation';
import { count, some } from './values';

const scheduleOver = (end: z.ZodNumber) =>
  z
    .strictObject({
      from: end.describe('Value at the first update.'),
      to: end.describe('Value at the last update.'),
      schedule: z.enum(['linear']).default('linear').describe('How the value goes from one to the other.'),
    })
    .describe('A value that changes during training.');

/** Far above any T in use. T² enlarges the rounding of float32, which at 1,000 reaches the size of the loss itself. */
const temperature = z.number().gt(0).max(100);

const betaDescription = divergenceNames
  .flatMap((name) => (divergenceFacts[name].beta === undefined ? [] : [`${name} only: ${divergenceFacts[name].beta}.`]))
  .join(' ');

/** [teacher block, student block], counted from 0. */
const blockPair = z.tuple([z.int().min(0), z.int().min(0)]).meta({ examples: [[1, 0]] });

const comparedBlocks = z
  .union([some(blockPair), z.enum(blockRules)])
  .describe(
    'Pairs [teacher block, student block], counted from 0. "uniform": each block of the student with one of the teacher, at even distances up to the last (TinyBERT). "last": the last of both (MiniLM).',
  );

/** Whose tokens a teacher reads. */
const vocabularies = ['same', 'align'] as const;

const insideWeight = z.number().gt(0).describe('Weight of this loss in the total.');

/** Each imitates something inside the teacher. */
const imitationSchemas = {
  hidden: z
    .strictObject({
      loss: z.enum(hiddenLossKinds).default('mse').describe('How hidden states are compared.'),
      layers: some(blockPair).meta({
        description: 'Pairs [teacher block, student block], counted from 0; the output of each is compared.',
        examples: [
          [
            [1, 0],
            [3, 1],
          ],
        ],
      }),
      weight: insideWeight.default(0.1),
    })
    .optional()
    .describe('Also imitate hidden states. Where widths differ, a projection is learnt.'),
  attention: z
    .strictObject({
      loss: z
        .enum(attentionLossKinds)
        .default('mse')
        .describe(
          '"mse": the scores before the softmax, as TinyBERT compares them; mean over what real tokens see, and over heads. "ce": the cross-entropy of the distributions after it, whose gradient is MiniLM\'s; mean over tokens and heads. It is the entropy of the teacher\'s where both are the same, and not 0.',
        ),
      layers: comparedBlocks.meta({ examples: ['uniform', 'last', [[3, 1]]] }),
      weight: insideWeight.default(0.1),
    })
    .optional()
    .meta({
      description:
        "Also imitate what the teacher's attention looks at. Teacher and student have as many heads; the student may share keys and values among more or fewer of them.",
      examples: [{ loss: 'mse', layers: 'uniform', weight: 0.1 }],
    }),
  relations: z
    .strictObject({
      of: some(z.enum(vectorKinds))
        .default([...vectorKinds])
        .describe(
          "Of which vectors of each token relations are compared: as a block's projections give them, all heads beside each other, before rotary positions. The loss is their sum.",
        ),
      heads: count(
        "Relation heads, into which those vectors are divided anew; they divide the width of each, in both models. As many as the student's attention heads if left out.",
      ).optional(),
      layers: comparedBlocks.meta({ examples: ['last', 'uniform', [[5, 1]]] }),
      weight: insideWeight.default(1),
    })
    .optional()
    .meta({
      description:
        "Also imitate relations between tokens (MiniLMv2): the KL between the softmax of scaled dot products of the teacher's queries, keys or values and the student's, over what a token sees; mean over relation heads and real tokens. Widths and numbers of heads may differ.",
      examples: [{ of: ['queries', 'keys', 'values'], heads: 12, layers: 'last', weight: 1 }],
    }),
} satisfies Record<ImitationName, z.ZodType>;

export const distillationSchema = z
  .strictObject({
    temperature: z
      .union([temperature, scheduleOver(temperature)])
      .default(4)
      .meta({
        description:
          "Divides both models' logits before softmax. Above 1 the distributions widen and show which other tokens are similar to the right one.",
        examples: [4, { from: 8, to: 2, schedule: 'linear' }],
      }),
    alpha: z
      .union([z.number().min(0).max(1), scheduleOver(z.number().min(0).max(1))])
      .default(0.7)
      .meta({
        description: 'loss = alpha · distillation loss + (1 − alpha) · student loss.',
        examples: [0.7, { from: 1, to: 0.5, schedule: 'linear' }],
      }),
    divergence: z
      .enum(divergenceNames)
      .default(defaultDivergence)
      .describe(
        "How soft predictions are compared with soft labels. Labels of which several may apply are compared each by itself, numbers by their squared difference alone (mse-logits), embeddings as they are: by cosine-logits if left out where the teacher's have length 1, else by mse-logits.",
      ),
    beta: z.number().min(0).max(1).default(0.5).describe(betaDescription),
    scaleByTemperatureSquared: z
      .boolean()
      .default(true)
      .describe(
        "Multiplies the distillation loss by T², which keeps its gradient's size roughly constant in T. Not mse-logits and cosine-logits, which T does not enter.",
      ),
    ...imitationSchemas,
    vocabulary: z
      .enum(vocabularies)
      .default('same')
      .describe(
        'Whose tokens the teacher reads. "same": the student\'s; both have one tokenizer. "align": its own, of the tokenizer in its folder, while the student has that of "tokenizer"; both read the same rows, and what they predict is compared text by text, word by word, or, of causal-lm, span by span: between the places where tokens of both end together. Not for masked-lm.',
      ),
    sequenceLevel: z
      .boolean()
      .optional()
      .describe(
        "causal-lm with prompts: the student learns from what the teacher writes after the training rows' prompts, in place of their completions. A control learns from the rows as they are. A server writes by itself where it gives log-probabilities of nothing else.",
      ),
    onPolicy: z
      .strictObject({
        fraction: z
          .number()
          .min(0)
          .max(1)
          .default(0.5)
          .describe('Probability that a step is on what the student writes, and not on the rows.'),
        maxNewTokens: z
          .int()
          .min(1)
          .default(64)
          .describe('Most tokens that the student writes after a prompt; with it they are no more than maxLength.'),
        temperature: z
          .number()
          .gt(0)
          .max(100)
          .default(1)
          .describe("Divides the student's logits before it samples from them; 1: as it predicts."),
      })
      .optional()
      .meta({
        description:
          "causal-lm: in some steps the student writes on from the rows' prompts, or from the first half of rows without one, and learns from what the teacher says of that (on-policy distillation, GKD): alpha · distillation loss on the tokens that it wrote.",
        examples: [{ fraction: 0.5, maxNewTokens: 64 }],
      }),
    positions: z
      .strictObject({
        fraction: z
          .number()
          .gt(0)
          .max(1)
          .default(0.2)
          .describe("Part of each row's counted positions, rounded; at least one of each row."),
        by: z
          .enum(positionOrders)
          .default('student-entropy')
          .describe(
            'Whose predictions are to be the least sure (entropy at T = 1). "teacher-entropy" is kept with the teacher\'s answers; "student-entropy" takes one more forward pass of the student in each step. "random" draws others in each step, so that all have their turn.',
          ),
      })
      .optional()
      .meta({
        description:
          'causal-lm and masked-lm: the distillation loss counts some of the positions alone. With alpha = 1 nothing else is predicted, and a step takes less time; below that the student loss still counts all.',
        examples: [{ fraction: 0.2, by: 'student-entropy' }],
      }),
  })
  .describe('How the student imitates the teacher.');

type DistillationSpec = z.infer<typeof distillationSchema>;
/** A constant, or a value that goes from one to another over the updates. */
export type Scheduled = DistillationSpec['temperature'];
