/** @file The experiment file's `dataset`: the rows to train on and to judge by. */

import * as z from 'zod';
import { usualSeparator } from '../../../dataset/dataset';
import { textLabelKinds } from '../../../protocol/records';
import { count, some, text } from './values';

const paths = (description: string, examples: unknown[]) =>
  z.union([text(), some(text())]).meta({ description, examples });

export const datasetSchema = z
  .strictObject({
    train: paths(
      'Training rows: a .jsonl, .csv, .tsv, .parquet or .txt file, a glob such as "data/train-*.jsonl", or a list of them. Paths are relative to this file.',
      ['data/train.jsonl'],
    ),
    validation: z
      .union([z.number().gt(0).lt(1), text(), some(text())])
      .optional()
      .meta({
        description:
          'Rows that choose the best checkpoint: files, or a fraction of the training rows to hold out. Left out, a tenth is held out, at most 10,000 rows.',
        examples: ['data/validation.jsonl', 0.1],
      }),
    test: paths('Rows that are read once, for the final comparison. Left out, the comparison uses validation.', [
      'data/test.jsonl',
    ]).optional(),
    unlabelled: paths(
      'text-classification: texts without labels, which only the teacher judges. The student learns its soft labels on them; the student loss and the control see labelled rows alone.',
      ['data/more.jsonl'],
    ).optional(),
    trainRows: count(
      'At most so many of the labelled training rows, drawn once: those of a smaller number are among those of a larger one. There are as many updates as with all. All if left out.',
    ).optional(),
    unlabelledRows: z
      .int()
      .min(0)
      .optional()
      .describe('At most so many of the rows without labels, drawn likewise; 0 leaves them out. All if left out.'),
    textColumn: text()
      .default('text')
      .describe(
        'Column (JSON key) that holds the text. token-classification: the list of words; "tokens" or "words" if left out.',
      ),
    pairColumn: text()
      .optional()
      .describe(
        'text-classification and sentence-embedding of two texts: the column of the second, for example "hypothesis" or "sentence2".',
      ),
    labelColumn: text()
      .default('label')
      .describe(
        'text-classification: the column of the class. token-classification: the list of tags, one a word, by their names or by their numbers in the teacher\'s "id2label"; "ner_tags", "tags", "labels" or "pos_tags" if left out, whichever is there. sentence-embedding of pairs: the column of a score, a number; "score", "similarity_score", "similarity" or "label" if left out, whichever is there.',
      ),
    labels: z
      .enum(textLabelKinds)
      .optional()
      .describe(
        'text-classification: what labelColumn holds. "single": one class. "multiple": names of all labels that apply, a list or one text with labelSeparator between them; [] where none applies. "regression": a number. Left out, it is seen from the training rows: lists are several labels, numbers that are not all whole a regression.',
      ),
    labelSeparator: text()
      .optional()
      .meta({
        description: `labels "multiple": what stands between the names in one text, as in a cell of a CSV file; "${usualSeparator}" if left out. The separator alone says that no label applies; an empty cell, that the row has no label.`,
        examples: [';'],
      }),
    promptColumn: text()
      .optional()
      .describe('causal-lm: the column of a prompt that conditions the completion and is counted in no loss.'),
    completionColumn: text()
      .optional()
      .describe(
        'causal-lm: the column of the completion that is learnt. Goes with promptColumn, in place of textColumn.',
      ),
    chatTemplate: z
      .boolean()
      .default(false)
      .describe(
        "causal-lm with promptColumn and completionColumn: whether each row is written by the tokenizer's own chat template, the prompt as a user's message and the completion as the assistant's answer.",
      ),
    maxLength: z
      .int()
      .min(4)
      .default(128)
      .describe('Longest example in tokens, special tokens included; longer texts are cut.'),
  })
  .meta({
    description: 'The rows to train on and to judge by.',
    examples: [{ train: 'data/train.jsonl', validation: 'data/validation.jsonl' }],
  });
