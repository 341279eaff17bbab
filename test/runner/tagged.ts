/** @file Sentences with named entities, made of a few names that are persons here and places there, as their neighbours tell. */

import { randomStream } from '../../src/engine/random';

const names = ['Paris', 'Lincoln', 'Georgia', 'Chelsea', 'Austin', 'Sydney', 'Florence', 'Jackson'];
const lastNames = ['Hill', 'Novak', 'Stone'];
const frames: readonly (readonly string[])[] = [
  ['yesterday', 'Ms', 'PER', 'met', 'him', 'in', 'LOC', '.'],
  ['the', 'train', 'to', 'LOC', 'is', 'late', ',', 'said', 'Mr', 'PER', '.'],
  ['Mr', 'PER', 'and', 'Ms', 'PER', 'left', '.'],
  ['it', 'rains', 'in', 'LOC', 'and', 'in', 'LOC', '.'],
  ['nobody', 'came', '.'],
];

/** Entity tags, as IOB2. */
export const entityTags = ['B-LOC', 'B-PER', 'I-PER', 'O'];

export interface TaggedRow {
  tokens: string[];
  ner_tags: string[];
}

/** So many, the same for a seed. */
export function taggedRows(count: number, seed: number): TaggedRow[] {
  const random = randomStream(seed);
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  return Array.from({ length: count }, () => {
    const row: TaggedRow = { tokens: [], ner_tags: [] };
    const add = (word: string, tag: string): void => {
      row.tokens.push(word);
      row.ner_tags.push(tag);
    };
    for (const word of oneOf(frames)) {
      if (word !== 'PER' && word !== 'LOC') add(word, 'O');
      else add(oneOf(names), `B-${word}`);
      if (word === 'PER' && random() < 0.5) add(oneOf(lastNames), 'I-PER');
    }
    return row;
  });
}

export const asLines = (rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row));
