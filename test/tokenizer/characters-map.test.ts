/** @file SentencePiece's tables of characters, beside Hugging Face's library: golden/characters_by_tokenizers.py. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ComplaintError } from '../../src/protocol/problem';
import { Aligned } from '../../src/tokenizer/aligned';
import { normalizerFor } from '../../src/tokenizer/normalizer';

interface Golden {
  charsmap: string;
  /** Offsets are of each character of what the text became, in UTF-16 units. */
  cases: { text: string; normalized: string; starts: number[]; ends: number[] }[];
}

const { charsmap, cases } = JSON.parse(readFileSync('test/golden/data/tokenizers/characters.json', 'utf8')) as Golden;

const normalizerOf = (precompiled_charsmap: unknown) => normalizerFor({ type: 'Precompiled', precompiled_charsmap });

describe('a table of characters', () => {
  const normalize = normalizerOf(charsmap);

  it.each(cases)('makes of $text what it makes in Hugging Face’s library, and knows where it was', (golden) => {
    const made = normalize(Aligned.original(golden.text));
    expect(made.text).toBe(golden.normalized);
    const bounds = [0];
    for (const character of made.text) bounds.push(bounds.at(-1)! + character.length);
    expect(bounds.slice(0, -1).map((unit) => made.startOf(unit))).toEqual(golden.starts);
    expect(bounds.slice(1).map((unit) => made.endOf(unit - 1))).toEqual(golden.ends);
  });

  it('makes the same of them in a long text', () => {
    // A line's end is no part of what is before or after it, but for another one's.
    const lines = cases.filter(({ text }) => !text.endsWith('\r'));
    const all = Array.from({ length: 20 }, () => lines).flat();
    const long = all.map(({ text }) => text).join('\n');
    expect(long.length).toBeGreaterThan(20_000);
    expect(normalize(Aligned.original(long)).text).toBe(all.map(({ normalized }) => normalized).join(' '));
  });

  it('leaves a text in which nothing changes as it was, with places that need no list', () => {
    const text = Aligned.original('the whale, and — 東京', 7);
    expect(normalize(text)).toBe(text);
  });

  it('leaves a text alone where it is empty', () => {
    expect(normalizerOf('')(Aligned.original('e\u0301')).text).toBe('e\u0301');
  });

  it('is refused where it is cut off, and reads nothing beyond its end where its places are wrong', () => {
    const bytes = Buffer.from(charsmap, 'base64');
    for (const end of [0, 3, 4, 100, 4 + bytes.readUInt32LE(0) - 1])
      expect(() => normalizerOf(bytes.subarray(0, end).toString('base64') || 'A')).toThrow(ComplaintError);
    const withoutEntries = normalizerOf(bytes.subarray(0, 4 + bytes.readUInt32LE(0)).toString('base64'));
    const wrong = Buffer.from(bytes).fill(0xff, 4, 4 + bytes.readUInt32LE(0));
    for (const normalizer of [withoutEntries, normalizerOf(wrong.toString('base64'))])
      for (const { text } of cases) expect(normalizer(Aligned.original(text)).length).toBeLessThanOrEqual(text.length);
  });
});
