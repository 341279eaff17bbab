/** @file The experiment file's `training`, of the student, a teacher that is trained and one that is fine-tuned. */

import * as z from 'zod';
import { momentFormats } from '../../../protocol/engines';
import { count, seed } from './values';

export const trainingSchema = z
  .strictObject({
    epochs: z.int().min(1).default(3).describe('Passes over the training rows.'),
    batchSize: z.int().min(1).default(16).describe('Rows in a batch.'),
    groupByLength: z
      .union([z.literal('auto'), z.boolean()])
      .default('auto')
      .meta({
        description:
          'Whether rows of like length share a batch, which saves padding but lets length, and what goes with it, decide which rows meet. "auto": within shuffled windows of at least 50 updates, and not at all where there are fewer. true: over the whole epoch. false: never.',
        examples: ['auto', false],
      }),
    pack: z
      .boolean()
      .default(false)
      .describe(
        'Whether short rows share one row of a batch, each seeing itself alone, with its positions from 0: little is padding then, and "auto" groups no rows by length. The losses are the same; with dropout its draws are others.',
      ),
    gradientAccumulation: z
      .int()
      .min(1)
      .default(1)
      .describe('Batches whose gradients make one update. The loss is the mean over all of them.'),
    optimizer: z.enum(['adamw']).default('adamw').describe('AdamW: Adam with decoupled weight decay.'),
    learningRate: z.number().gt(0).default(5e-4).describe('Largest learning rate, reached at the end of the warm-up.'),
    schedule: z
      .enum(['linear', 'cosine'])
      .default('cosine')
      .describe('How the learning rate falls to minLearningRateRatio after the warm-up.'),
    minLearningRateRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('Part of learningRate that it falls to after the last update; 0.1 leaves a tenth of it.'),
    warmup: z
      .number()
      .min(0)
      .default(0.1)
      .describe('Warm-up: below 1 a fraction of all updates, from 1 on a number of updates.'),
    weightDecay: z.number().min(0).default(0.01).describe('Decoupled weight decay.'),
    decayBiasAndNorm: z.boolean().default(false).describe('Whether biases and norm weights decay too.'),
    layerDecay: z
      .number()
      .gt(0)
      .max(1)
      .default(1)
      .describe(
        'The learning rate of a block over that of the one above it, down to the embeddings; 1: all learn alike. For models that were trained before: 0.8 to 0.95.',
      ),
    frozenBlocks: z
      .int()
      .min(0)
      .default(0)
      .describe(
        'So many of the lowest blocks stay as they were, with the embeddings below them; where that is all of them, the head alone learns. 0: none.',
      ),
    clipNorm: z.number().min(0).default(1).describe('Largest global gradient norm; 0 does not clip.'),
    moments: z
      .enum(momentFormats)
      .default('float32')
      .describe(
        'How the optimizer\'s two moments are kept between updates. "bfloat16" takes half their memory, a quarter of what training takes of a model\'s size, on the engine "openvino"; updates compute in float32 either way.',
      ),
    dropout: z.number().min(0).lt(1).default(0.1).describe('Dropout rate of the trained model.'),
    onDivergence: z
      .enum(['stop', 'lower-rate'])
      .default('stop')
      .describe(
        'Where a loss or a gradient is no finite number. "stop": the run fails there. "lower-rate": it goes back to the last checkpoint and on with half the learning rate, at most eight times; a run that is stopped then goes on from that checkpoint too.',
      ),
    seed: seed.default(1).describe('Seed of the initial weights, the order of rows, masks and dropout.'),
    evaluateEvery: z.int().min(1).default(100).describe('Updates between two evaluations on validation.'),
    patience: count(
      "Evaluations in a row without a better one, by the task's metric on validation, after which the training ends. Left out, it makes all its updates. The best checkpoint is kept either way.",
    )
      .meta({ examples: [3] })
      .optional(),
    checkpointEvery: z
      .int()
      .min(1)
      .default(200)
      .describe('Updates between two checkpoints that a run can be resumed from.'),
  })
  .describe('How the weights are trained.');

/** Of a checkpoint that is fine-tuned first. */
export const fineTuningSchema = trainingSchema
  .extend({
    learningRate: z
      .number()
      .gt(0)
      .default(5e-5)
      .describe('Largest learning rate, reached at the end of the warm-up. Pretrained weights want a small one.'),
  })
  .describe(
    'Fine-tunes the model on the hard labels of the same rows first. It gets a new head where its own predicts something else.',
  )
  .optional();

export type TrainingSpec = z.infer<typeof trainingSchema>;
