/** @file The pairs of models that are timed. */

import { type Architecture } from '../src/model/architecture';
import { createArchitecture } from '../src/model/layouts/config';
import type { Parameters } from '../src/model/parameters';
import type { Task } from '../src/protocol/records';

export interface Case {
  /** Short, for the command line and the temporary folder. */
  name: string;
  title: string;
  task: Task;
  teacher: Architecture;
  student: Architecture;
  rows: number;
  /** Tokens a row. */
  length: number;
  /** A language model's rows are full, a classifier's mails are not. */
  padded: boolean;
  /** Steps of one block, the unit that is timed: long enough for the clock, short enough to alternate. */
  stepsPerBlock: number;
  /** Where they are not new: weights of both. */
  weights?: () => Promise<Record<'teacher' | 'student', Parameters>>;
  /** Rows, each of its tokens, where they are real ones; a classifier's with the number of its class. */
  texts?: readonly { ids: ArrayLike<number>; label?: number }[];
  /** Rows of like length share a batch, which each side is to pad, group or pack as is best for it. */
  ownLengths?: true;
  /** How many there are; a few where it is left out. */
  batches?: number;
  /** Part of `--quick`. */
  quick: boolean;
  /** Small enough for TensorFlow.js's and jax-js's backends, which take part in no other. */
  forAll?: boolean;
}

/** Both sides draw different dropout masks, and equal losses prove equal work, so nothing is dropped. */
export const WITHOUT_DROPOUT = { dropout: 0, attentionDropout: 0, embeddingDropout: 0, classifierDropout: 0 };

type Size = Pick<Architecture, 'hiddenSize' | 'layers' | 'heads'>;

function decoder(size: Size, vocabularySize: number, maxPositions: number): Architecture {
  const ids = { bosId: vocabularySize - 1, eosId: vocabularySize - 1 };
  return createArchitecture({
    family: 'gpt2',
    head: 'causal-lm',
    ...size,
    vocabularySize,
    maxPositions,
    ...ids,
    ...WITHOUT_DROPOUT,
  });
}

/** Two classes and a new model differ by little more than rounding, so initial matrices are large enough to give an opinion. */
const OPINIONATED = 0.1;

function classifier(size: Size, vocabularySize: number, maxPositions: number): Architecture {
  return createArchitecture({
    family: 'bert',
    head: 'sequence-classification',
    ...size,
    vocabularySize,
    maxPositions,
    labels: ['ham', 'spam'],
    problemType: 'single-label',
    padId: 0,
    initializerRange: OPINIONATED,
    ...WITHOUT_DROPOUT,
  });
}

const smallPair: Case = {
  name: 'small-decoder',
  title: 'GPT-2 style, teacher 8 × 512, student 4 × 256, V 2,048, batch 8 × 128',
  task: 'causal-lm',
  teacher: decoder({ layers: 8, hiddenSize: 512, heads: 8 }, 2048, 128),
  student: decoder({ layers: 4, hiddenSize: 256, heads: 4 }, 2048, 128),
  rows: 8,
  length: 128,
  padded: false,
  stepsPerBlock: 5,
  quick: true,
};

const spamFilter: Case = {
  name: 'spam-filter',
  title: 'BERT style classifier like that of the sample, teacher 4 × 192, student 2 × 64, V 4,096, batch 16 × 128',
  task: 'text-classification',
  teacher: classifier({ layers: 4, hiddenSize: 192, heads: 4 }, 4096, 128),
  student: classifier({ layers: 2, hiddenSize: 64, heads: 2 }, 4096, 128),
  rows: 16,
  length: 128,
  padded: true,
  stepsPerBlock: 20,
  quick: true,
};

/** BERT-mini (Turc et al., 2019) and half of it. */
const bertMini: Case = {
  name: 'bert-mini',
  title: 'BERT-mini 4 × 256 → 2 × 256, V 30,522, batch 16 × 128',
  task: 'text-classification',
  teacher: classifier({ layers: 4, hiddenSize: 256, heads: 4 }, 30_522, 512),
  student: classifier({ layers: 2, hiddenSize: 256, heads: 4 }, 30_522, 512),
  rows: 16,
  length: 128,
  padded: true,
  stepsPerBlock: 10,
  quick: false,
};

const tinyPair: Case = {
  name: 'tiny-decoder',
  title: 'GPT-2 style, teacher 4 × 128, student 2 × 64, V 1,024, batch 4 × 64, beside every other engine in JavaScript',
  task: 'causal-lm',
  teacher: decoder({ layers: 4, hiddenSize: 128, heads: 4 }, 1024, 64),
  student: decoder({ layers: 2, hiddenSize: 64, heads: 2 }, 1024, 64),
  rows: 4,
  length: 64,
  padded: false,
  stepsPerBlock: 2,
  quick: false,
  forAll: true,
};

function distilGpt2(vocabularySize: number): Omit<Case, 'name' | 'title'> {
  return {
    task: 'causal-lm',
    teacher: decoder({ layers: 12, hiddenSize: 768, heads: 12 }, vocabularySize, 1024),
    student: decoder({ layers: 6, hiddenSize: 768, heads: 12 }, vocabularySize, 1024),
    rows: 4,
    length: 128,
    padded: false,
    stepsPerBlock: 1,
    quick: false,
  };
}

export const cases: readonly Case[] = [
  smallPair,
  spamFilter,
  bertMini,
  tinyPair,
  { name: 'distilgpt2', title: 'GPT-2 → DistilGPT-2, V 50,257, batch 4 × 128', ...distilGpt2(50257) },
  // PyTorch's products are slow at the odd width, so the padded one stands beside it.
  { name: 'distilgpt2-padded', title: 'The same with the vocabulary padded to 50,304', ...distilGpt2(50304) },
];
