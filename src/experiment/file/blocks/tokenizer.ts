/** @file The experiment file's `tokenizer`, which teacher and student share unless the teacher keeps its own. */

import * as z from 'zod';
import { modelPath } from './values';

const keptTokens = z
  .enum(['all', 'used'])
  .optional()
  .describe(
    'Which of its tokens the student has. "used": those that the texts of the dataset are made of, special ones, and the characters or bytes that any text can be made of; the student\'s embeddings are as much smaller. The teacher is asked with the same tokens, a language model for its distribution among them. All if left out.',
  );

export const tokenizerSchema = z
  .discriminatedUnion('source', [
    z.strictObject({ source: z.literal('teacher'), tokens: keptTokens }).describe("The teacher's own tokenizer."),
    z.strictObject({
      source: z.literal('path'),
      path: modelPath('Folder that holds a tokenizer.json, or GGUF file.'),
      tokens: keptTokens,
    }),
    z
      .strictObject({
        source: z.literal('train'),
        kind: z.enum(['bpe', 'wordpiece']).describe('"bpe": byte-level, as GPT-2. "wordpiece": lower-cased, as BERT.'),
        vocabularySize: z
          .int()
          .min(300)
          .max(1_000_000)
          .meta({ description: 'Largest number of tokens.', examples: [2048] }),
      })
      .describe('A tokenizer learnt from the training rows.'),
  ])
  .describe(
    'Where the tokenizer comes from. Teacher and student share it, unless the teacher keeps its own ("vocabulary" of "distillation").',
  );

export type TokenizerSpec = z.infer<typeof tokenizerSchema>;
