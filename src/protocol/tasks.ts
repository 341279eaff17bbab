/** @file What each task is, where that decides what is done: whether tokens or rows are predicted, and of which names. */

import type { Task } from './records';

export interface TaskFacts {
  /** Whether predictions are of tokens, rather than one of each row. */
  isPerToken: boolean;
  /** Whether what is predicted is one of the dataset's own labels, rather than a token of the vocabulary, or an embedding. */
  hasLabels: boolean;
  /** How many tokens before the one that it is of a prediction is made. */
  shift: 0 | 1;
  /** Whether other tokens are hidden in each epoch, so that a teacher's answers are not the same. */
  isMasked: boolean;
}

export const taskFacts: Readonly<Record<Task, TaskFacts>> = {
  'text-classification': { isPerToken: false, hasLabels: true, shift: 0, isMasked: false },
  'causal-lm': { isPerToken: true, hasLabels: false, shift: 1, isMasked: false },
  'masked-lm': { isPerToken: true, hasLabels: false, shift: 0, isMasked: true },
  'token-classification': { isPerToken: true, hasLabels: true, shift: 0, isMasked: false },
  'sentence-embedding': { isPerToken: false, hasLabels: false, shift: 0, isMasked: false },
};

export const isPerToken = (task: Task): boolean => taskFacts[task].isPerToken;

export const isMasked = (task: Task): boolean => taskFacts[task].isMasked;

export const hasLabels = (task: Task): boolean => taskFacts[task].hasLabels;

/** Whether tokens of the vocabulary are predicted. */
export const predictsVocabulary = (task: Task): boolean => isPerToken(task) && !hasLabels(task);

/** Whether a text's prediction is its embedding, which is compared as it is and has no distribution. */
export const isOfEmbeddings = (task: Task): boolean => !isPerToken(task) && !hasLabels(task);

/** Names of the columns with a text's words, and with their tags, in the order in which they are looked for. */
export const wordColumns = {
  words: ['tokens', 'words'],
  tags: ['ner_tags', 'tags', 'labels', 'pos_tags'],
} as const;

/** Names of columns with a pair's score, in the order in which they are looked for. */
export const scoreColumns = ['score', 'similarity_score', 'similarity', 'label'] as const;
