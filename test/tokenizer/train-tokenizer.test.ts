/** @file Trained tokenizers: what they learn, that it is repeatable, and that Python reads them alike. */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { trainTokenizer, type TrainTokenizerOptions } from '../../src/tokenizer/train-tokenizer';

const sentences = [
  'The sailors sailed the sailing ship, and the ship sailed well.',
  'A whale is a whale; the white whale was whiter than white.',
  "Don't the sailors' songs sound like songs of 1851?",
  'Les marins étaient déjà fatigués. Ça va, naïf?',
  '鯨は白い。鯨は大きい。',
  '🐳 spouts! 🐳 dives! 👩‍💻',
];
const corpus = Array.from({ length: 20 }, () => sentences).flat();
const strings = [
  ...sentences,
  '',
  '   leading and trailing   ',
  'line one\r\nline two\n\n\n\tindented',
  'x'.repeat(300) + ' ' + 'whale'.repeat(50),
  'unseen: Ωμέγα Привет مرحبا हिन्दी 한국어 \u00ad\u200b\ufeff',
  'e\u0301 combining, ﬁ ligature, Ａ full width, İstanbul',
  '[MASK] <|endoftext|> [CLS]',
  'NUL \0 and \x07 control',
];
const kinds: TrainTokenizerOptions[] = [
  { kind: 'bpe', vocabularySize: 400 },
  { kind: 'wordpiece', vocabularySize: 400 },
  { kind: 'wordpiece', vocabularySize: 400, lowercase: false },
  { kind: 'bpe', vocabularySize: 400, lowercase: true },
  { kind: 'bpe', vocabularySize: 400, padId: 1 },
  { kind: 'wordpiece', vocabularySize: 400, padId: 1 },
];

describe('byte-level BPE', () => {
  it('merges the most frequent pair first, of equals the one with lower ids', () => {
    // Words: "ab" 3 times and " ab" once, "cd" twice. Pairs: ab 4, cd 2; then Ġab occurs once only.
    const tokenizer = trainTokenizer(['ab', 'ab', 'ab ab', 'cd', 'cd'], { kind: 'bpe', vocabularySize: 300 });
    expect(tokenizer.vocabularySize).toBe(1 + 256 + 2);
    expect([257, 258].map((id) => tokenizer.tokenText(id))).toEqual(['ab', 'cd']);
  });

  it('merges overlapping pairs from the left', () => {
    const tokenizer = trainTokenizer(['aaa', 'aaa'], { kind: 'bpe', vocabularySize: 259 });
    expect([257, 258].map((id) => tokenizer.tokenText(id))).toEqual(['aa', 'aaa']);
  });

  it('writes every text and reads it back unchanged', () => {
    const tokenizer = trainTokenizer(corpus, { kind: 'bpe', vocabularySize: 400 });
    for (const text of strings) expect(tokenizer.decode(tokenizer.encode(text).ids)).toBe(text);
  });

  it('ends texts with <|endoftext|> and has no padding token', () => {
    const { special, vocabularySize } = trainTokenizer(corpus, { kind: 'bpe', vocabularySize: 300 });
    expect(special).toEqual({ unknown: 0, beginOfText: 0, endOfText: 0 });
    expect(vocabularySize).toBe(300);
  });
});

describe('WordPiece', () => {
  it('has the special tokens of BERT as its first five', () => {
    const tokenizer = trainTokenizer(corpus, { kind: 'wordpiece', vocabularySize: 400 });
    expect(tokenizer.special).toEqual({ pad: 0, unknown: 1, classification: 2, separator: 3, mask: 4 });
    expect(tokenizer.vocabularySize).toBeLessThanOrEqual(400);
  });

  it('learns whole words and marks what goes on', () => {
    const tokenizer = trainTokenizer(corpus, { kind: 'wordpiece', vocabularySize: 400 });
    const { ids } = tokenizer.encode('Whale whales', { addSpecialTokens: false });
    expect(Array.from(ids, (id) => tokenizer.tokenText(id))).toEqual(['whale', 'whale', '##s']);
  });

  it('does not let rare characters fill the vocabulary', () => {
    const rare = Array.from({ length: 2000 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('');
    const tokenizer = trainTokenizer([rare, rare, ...corpus], { kind: 'wordpiece', vocabularySize: 400 });
    expect(tokenizer.encode('the white whale', { addSpecialTokens: false }).ids).toHaveLength(3);
  });
});

it('has the token that pads where a model takes it to be, and the same words', () => {
  const made = (kind: 'bpe' | 'wordpiece', padId?: number) =>
    trainTokenizer(corpus, { kind, vocabularySize: 400, padId });
  expect(made('wordpiece', 1).special).toEqual({ unknown: 0, pad: 1, classification: 2, separator: 3, mask: 4 });
  expect(made('bpe', 1).special).toEqual({ unknown: 1, beginOfText: 1, endOfText: 1 });
  for (const kind of ['bpe', 'wordpiece'] as const) {
    const wordsOf = (padId?: number): (string | undefined)[] => {
      const tokenizer = made(kind, padId);
      return Array.from(tokenizer.encode('The white whale').ids, (id) => tokenizer.tokenText(id));
    };
    expect(wordsOf(1)).toEqual(wordsOf());
  }
});

describe.each(kinds)('$kind, lowercase $lowercase, padId $padId', (options) => {
  it('is the same for the same texts in any order', () => {
    const once = trainTokenizer(corpus, options);
    expect(trainTokenizer(corpus.toReversed(), options).contentHash).toBe(once.contentHash);
  });
});

it('refuses a vocabulary that cannot hold the bytes or letters', () => {
  expect(() => trainTokenizer(corpus, { kind: 'bpe', vocabularySize: 256 })).toThrow(RangeError);
  expect(() => trainTokenizer(corpus, { kind: 'wordpiece', vocabularySize: 10 })).toThrow(RangeError);
});

it('copes with no text, a megabyte of one letter, and a lone surrogate', () => {
  for (const { kind } of kinds) {
    const tokenizer = trainTokenizer(['x'.repeat(1_000_000), '\ud83d', ''], { kind, vocabularySize: 300 });
    expect(tokenizer.encode('xx').ids.length).toBeGreaterThan(0);
    expect(trainTokenizer([], { kind, vocabularySize: 300 }).vocabularySize).toBeGreaterThan(0);
  }
});

const peers = path.join(import.meta.dirname, '../peers');
const python = path.join(peers, '.venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const hasPython = existsSync(python);
if (!hasPython) console.log('Skipped: comparison with Python tokenizers, which test/peers/.venv would have.');

describe.runIf(hasPython)("beside Python's tokenizers", () => {
  it.each(kinds)('$kind, lowercase $lowercase, padId $padId, has equal ids, offsets and texts', async (options) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'distillery-trained-'));
    await trainTokenizer(corpus, options).save(folder);
    const tokenizer = await Tokenizer.load(folder);
    const output = execFileSync(
      python,
      [path.join(peers, 'tokenizers_check.py'), path.join(folder, 'tokenizer.json')],
      {
        input: JSON.stringify(strings),
        encoding: 'utf8',
      },
    );
    const ours = strings.map((text) => {
      const { ids, starts, ends } = tokenizer.encode(text);
      return {
        ids: [...ids],
        offsets: Array.from(starts, (start, i) => [start, ends[i]]),
        decoded: tokenizer.decode(ids),
      };
    });
    expect(ours).toEqual(JSON.parse(output));
    await rm(folder, { recursive: true });
  });
});
