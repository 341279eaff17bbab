/** @file The tokens of two tokenizers as one list, by those of published models (cut to some 900 tokens). */

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { JoinedVocabulary } from '../../src/tokenizer/joined-vocabulary';
import { matchTokens } from '../../src/tokenizer/matched-tokens';
import { Tokenizer } from '../../src/tokenizer/tokenizer';

const folder = fileURLToPath(new URL('../golden/data/tokenizers', import.meta.url));

describe('the vocabulary of a student and of its teacher', () => {
  let [student, teacher]: Tokenizer[] = [];
  let joined: JoinedVocabulary;
  beforeAll(async () => {
    [student, teacher] = await Promise.all(['gpt2', 'llama2'].map((name) => Tokenizer.load(path.join(folder, name))));
    joined = new JoinedVocabulary(student!, teacher!);
  });

  it('has each token once: the student’s by their ids, and behind them what is the teacher’s alone', () => {
    const [own, theirs] = [student!.vocabularySize, teacher!.vocabularySize];
    const { length } = matchTokens(student!, teacher!).student;
    expect(joined.size).toBe(own + theirs - length);
    for (let id = 0; id < own; id++) expect(joined.names[id]).toBe(student!.tokenText(id));
    const places = Array.from({ length: theirs }, (_, id) => joined.placeOf(id));
    expect(new Set(places).size).toBe(theirs);
    expect(places.filter((place) => place < own)).toHaveLength(length);
    for (const [id, place] of places.entries())
      if (place >= own) expect(joined.names[place]).toBe(teacher!.tokenText(id));
  });

  it('lays logits in their places, and −Infinity where a model has no such token', () => {
    const [own, theirs] = [student!.vocabularySize, teacher!.vocabularySize];
    // Heads with room for more tokens than there are, two rows each.
    const logits = (width: number): { shape: [number, number]; data: Float32Array } => ({
      shape: [2, width],
      data: Float32Array.from({ length: 2 * width }, (_, i) => i),
    });
    const [a, b] = [joined.fromStudent(logits(own + 3)), joined.fromTeacher(logits(theirs + 5))];
    expect([a.shape, b.shape]).toEqual([
      [2, joined.size],
      [2, joined.size],
    ]);
    for (const row of [0, 1]) {
      const of = (data: Float32Array): number[] => [...data.subarray(row * joined.size, (row + 1) * joined.size)];
      expect(of(a.data).slice(0, own)).toEqual(Array.from({ length: own }, (_, id) => row * (own + 3) + id));
      expect(
        of(a.data)
          .slice(own)
          .every((logit) => logit === -Infinity),
      ).toBe(true);
      const said = of(b.data);
      for (let id = 0; id < theirs; id++) if (said[joined.placeOf(id)] !== row * (theirs + 5) + id) expect(id).toBe(-1);
      expect(said.filter((logit) => logit > -Infinity)).toHaveLength(theirs);
    }
  });
});
