/** @file Examples of which only what student and teacher have both read counts, so that both are measured on the same text. */

import type { Examples, ExamplesWithRows } from './example-store';
import { notCounted, type TokenExample } from './examples';
import { spanMarks } from './spans';

/** As the student reads them and, under the same indices, as its teacher does; themselves where they have no spans. */
export function withinSpans(examples: ExamplesWithRows): ExamplesWithRows {
  const { teachers } = examples;
  if (!teachers || !examples.at(0)?.spans) return examples;
  return {
    ...within(examples),
    rowAt: (index) => examples.rowAt(index),
    teachers: { ...within(teachers), rowAt: (index) => teachers.rowAt(index) },
  };
}

const within = (examples: Examples): Omit<Examples, 'teachers'> => ({
  length: examples.length,
  ...(examples.sample && { sample: examples.sample }),
  ...(examples.isPaired !== undefined && { isPaired: examples.isPaired }),
  at: (index) => countedWithin(examples.at(index)),
});

function countedWithin(example: TokenExample | undefined): TokenExample | undefined {
  if (!example?.spans) return example;
  const { spans, labels } = example;
  return {
    ...example,
    labels: (labels as Int32Array).map((label, token) => (spans[token] === spanMarks.none ? notCounted : label)),
  };
}
