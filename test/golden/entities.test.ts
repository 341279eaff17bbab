/** @file Entities and their F1 are those of seqeval, which `entities_by_seqeval.py` asked. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { areEntityTags, countEntities, entitiesIn, entityF1 } from '../../src/protocol/entities';

interface GoldenCase {
  kind: string;
  there: string[][];
  said: string[][];
  /** Type, first and last word of each. */
  entities: [string, number, number][][];
  f1: number;
}

const cases = JSON.parse(readFileSync(new URL('./data/entities.json', import.meta.url), 'utf8')) as GoldenCase[];

describe('entities', () => {
  it.each(cases)('of $kind are those that seqeval finds', ({ said, entities }) => {
    expect(said.map((tags) => entitiesIn(tags).map(({ type, start, end }) => [type, start, end]))).toEqual(entities);
  });

  it.each(cases)('of $kind have the F1 of seqeval', ({ said, there, f1 }) => {
    const sum = { right: 0, said: 0, there: 0 };
    for (const [i, tags] of said.entries()) {
      const { right, said: own, there: hard } = countEntities(tags, there[i]!);
      sum.right += right;
      sum.said += own;
      sum.there += hard;
    }
    expect(entityF1(sum)).toBeCloseTo(f1, 12);
  });

  it.each([
    [['O', 'B-PER', 'I-PER'], true],
    [['O'], false],
    [['NOUN', 'VERB', 'B-X'], false],
    [['0', '1'], false],
    [['U-PER', 'L-PER', 'O'], false],
  ])('%j are tags of entities: %j', (tags, expected) => {
    expect(areEntityTags(tags)).toBe(expected);
  });
});
