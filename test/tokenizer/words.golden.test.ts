/** @file Texts that are given word by word have the tokens of Python transformers' `is_split_into_words`. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../../src/tokenizer/tokenizer';

const folder = fileURLToPath(new URL('../golden/data/tokenizers', import.meta.url));

interface GoldenWords {
  words: string[];
  maxLength: number | null;
  ids: number[];
  wordIds: number[];
}

const golden = JSON.parse(readFileSync(path.join(folder, 'words.json'), 'utf8')) as Record<string, GoldenWords[]>;

describe.each(Object.entries(golden))('words of %s', (name, rows) => {
  it('have the token ids and the words of transformers, cut off too', async () => {
    const tokenizer = await Tokenizer.load(path.join(folder, name));
    for (const { words, maxLength, ids, wordIds } of rows) {
      const made = tokenizer.encodeWords(words, { maxLength: maxLength ?? undefined });
      expect({ ids: [...made.ids], wordIds: [...made.words] }).toEqual({ ids, wordIds });
      expect(made.truncated).toBe(maxLength !== null && ids.length < rowsWhole(rows, words));
    }
  });
});

const rowsWhole = (rows: readonly GoldenWords[], words: readonly string[]): number =>
  rows.find((row) => row.maxLength === null && row.words.join('\0') === words.join('\0'))!.ids.length;

describe('the places of words', () => {
  it('are those in the words with a space between them', async () => {
    const tokenizer = await Tokenizer.load(path.join(folder, 'roberta'));
    const words = ['Ulm', 'am', 'Rhein'];
    const { starts, ends, words: wordOf } = tokenizer.encodeWords(words);
    const text = words.join(' ');
    const pieces = words.map((_, word) => {
      const own = [...wordOf.keys()].filter((i) => wordOf[i] === word);
      return text.slice(starts[own[0]!], ends[own.at(-1)!]);
    });
    expect(pieces).toEqual(words);
  });
});
