/** @file The experiment file's `student`. */

import * as z from 'zod';
import { PROPOSED_MEGABYTES, studentPresets } from '../../../protocol/student-presets';
import { architectureSchema } from './architecture';
import { count, modelPath, some } from './values';

/** Training rows by which a wider teacher's units are judged, where an experiment does not say. Minitron took 1,024 (Muralidharan et al., 2024). */
export const CALIBRATION_ROWS = 256;

export const studentSchema = z
  .strictObject({
    preset: z
      .union([
        z.enum(studentPresets),
        z.strictObject({
          megabytes: z
            .number()
            .gt(0)
            .meta({
              description: 'At most so much of weights on disk (10⁶ bytes, in float32).',
              examples: [PROPOSED_MEGABYTES],
            }),
        }),
      ])
      .optional()
      .meta({
        description:
          'A student by how much smaller than the teacher it is, in place of architecture and initialize. "half-blocks", "third-blocks": so many of the teacher\'s blocks, spread evenly. "quarter-parameters", { "megabytes": 20 }: narrower and shallower by like shares, from the teacher\'s most important heads, units and dimensions (of an ensemble from random weights). `distillery student FILE` says what each comes to; the run records its sizes.',
        examples: ['half-blocks', { megabytes: PROPOSED_MEGABYTES }],
      }),
    architecture: architectureSchema.optional(),
    initialize: z
      .discriminatedUnion('from', [
        z.strictObject({ from: z.literal('random') }).describe('Random weights, drawn with the seed.'),
        z
          .strictObject({
            from: z.literal('teacher'),
            layers: some(z.int().min(0))
              .optional()
              .meta({
                description:
                  "One of the teacher's blocks, counted from 0, for each of the student's. Spread evenly if left out.",
                examples: [[0, 3]],
              }),
            calibrationRows: count(
              `Where the student is narrower than its teacher: so many of the training rows decide which heads, MLP units and dimensions are the most important and stay. ${CALIBRATION_ROWS} if left out.`,
            )
              .meta({ examples: [CALIBRATION_ROWS] })
              .optional(),
          })
          .describe(
            "The teacher's embeddings and some of its blocks. Where the student has fewer heads or a smaller hiddenSize or intermediateSize, the most important of each are kept.",
          ),
        z
          .strictObject({
            from: z.literal('checkpoint'),
            path: modelPath('Folder in Hugging Face layout, or GGUF file.'),
          })
          .describe(
            'The weights of a folder, which then also names the architecture. It gets a new head where its own predicts something else.',
          ),
      ])
      .default({ from: 'random' })
      .describe('Weights that the student starts from.'),
  })
  .meta({
    description: 'The small model that learns.',
    examples: [{ architecture: { family: 'bert', hiddenSize: 128, layers: 2, heads: 4 } }],
  });
