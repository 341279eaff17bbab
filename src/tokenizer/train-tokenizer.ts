/** @file Trains tokenizers on the texts of a dataset: byte-level BPE as GPT-2's, WordPiece as BERT's. */

import { byteCharacters, toByteLevel } from './byte-level';
import { learnMerges, type CountedWord } from './merge-trainer';
import { Tokenizer } from './tokenizer';
import type { AddedTokenJson, TokenizerConfig, TokenizerJson } from './tokenizer-json';

export interface TrainTokenizerOptions {
  /** Whether a space is put before a text, and so before each word where texts are given word by word; of bytes alone. */
  spacesWords?: boolean;
  kind: 'bpe' | 'wordpiece';
  /** Greatest number of tokens, special ones included. Little text gives fewer. */
  vocabularySize: number;
  /** Number of the token that pads: 0 unless given, for a model that takes another for it. */
  padId?: number | undefined;
  /** Unless given, WordPiece lower-cases (and strips accents) and BPE does not. */
  lowercase?: boolean;
  /** Written for Python `transformers`, which then warns of longer inputs. */
  modelMaxLength?: number;
}

/** Words longer than this (addresses, encoded attachments) occur once and teach nothing. */
const longestWord = 100;
/** A pair seen once says nothing of the language. */
const leastCount = 2;

/**
 * The same texts give the same tokenizer. Throws RangeError for a vocabulary too small to write every byte (BPE: 257) or
 * the special tokens and some letters (WordPiece: 32).
 */
export function trainTokenizer(texts: Iterable<string>, options: TrainTokenizerOptions): Tokenizer {
  const training = new TokenizerTraining(options);
  for (const text of texts) training.add(text);
  return training.finish();
}

/** Distinct words that are counted; where there are more, those seen once are forgotten. */
const MOST_WORDS = 1_000_000;

/** As `trainTokenizer`, told of the texts one by one; it keeps none of them. */
export class TokenizerTraining {
  private readonly counts = new Map<string, number>();
  private readonly base: Tokenizer;

  constructor(private readonly options: TrainTokenizerOptions) {
    const { kind, vocabularySize } = options;
    const least = kind === 'bpe' ? 257 : 32;
    if (vocabularySize < least) throw new RangeError(`A ${kind} vocabulary has at least ${least} tokens.`);
    const json =
      kind === 'bpe' ? bpeJson(options, byteTokensOf(options), []) : wordPieceJson(options, specialTokensOf(options));
    this.base = Tokenizer.fromJson(json, configOf(options));
  }

  add(text: string): void {
    const { counts } = this;
    // Pieces that the model would see.
    for (const word of this.base.pieces(text)) {
      if (word.length <= longestWord) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    for (let least = 1; counts.size > MOST_WORDS; least++) {
      for (const [word, count] of counts) if (count <= least) counts.delete(word);
    }
  }

  finish(): Tokenizer {
    const words = [...this.counts].sort(mostFrequentFirst);
    return this.options.kind === 'bpe' ? trainBpe(words, this.options) : trainWordPiece(words, this.options);
  }
}

const configOf = (options: TrainTokenizerOptions): TokenizerConfig =>
  options.kind === 'bpe' ? bpeConfig(options) : wordPieceConfig(options);

const endOfText = '<|endoftext|>';

/** A decoder pads with its end of the text. */
function byteTokensOf({ padId = 0 }: TrainTokenizerOptions): string[] {
  return byteCharacters.toSorted().toSpliced(padId, 0, endOfText);
}

const bpeConfig = (options: TrainTokenizerOptions): TokenizerConfig => ({
  bos_token: endOfText,
  eos_token: endOfText,
  unk_token: endOfText,
  add_prefix_space: options.spacesWords === true,
  ...commonConfig(options),
});

/** @param counted distinct pieces and how often each occurs, most frequent first */
function trainBpe(counted: readonly [string, number][], options: TrainTokenizerOptions): Tokenizer {
  const tokens = byteTokensOf(options);
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const words = counted.map(([word, count]): CountedWord => ({
    symbols: Array.from(toByteLevel(word), (character) => idOf.get(character)!),
    count,
  }));
  const merges = learnMerges({
    words,
    tokens,
    mergeTexts: (left, right) => left + right,
    vocabularySize: options.vocabularySize,
    leastCount,
  });
  return Tokenizer.fromJson(bpeJson(options, tokens, merges), bpeConfig(options));
}

function bpeJson(
  { lowercase = false, spacesWords = false }: TrainTokenizerOptions,
  tokens: readonly string[],
  merges: readonly [number, number][],
): TokenizerJson {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: spacesWords, trim_offsets: false, use_regex: true };
  return {
    ...emptyJson,
    added_tokens: [addedToken(endOfText, tokens.indexOf(endOfText))],
    normalizer: lowercase ? { type: 'Lowercase' } : null,
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: vocabularyOf(tokens),
      merges: merges.map(([left, right]) => [tokens[left]!, tokens[right]!]),
    },
  };
}

/** BERT's. */
const specialTokensOf = ({ padId = 0 }: TrainTokenizerOptions): string[] =>
  ['[UNK]', '[CLS]', '[SEP]', '[MASK]'].toSpliced(padId, 0, '[PAD]');

const continuing = '##';

const wordPieceConfig = (options: TrainTokenizerOptions): TokenizerConfig => ({
  pad_token: '[PAD]',
  unk_token: '[UNK]',
  cls_token: '[CLS]',
  sep_token: '[SEP]',
  mask_token: '[MASK]',
  // Without this, Python leaves out which of two texts a token belongs to.
  model_input_names: ['input_ids', 'token_type_ids', 'attention_mask'],
  ...commonConfig(options),
});

/** @param counted distinct pieces and how often each occurs, most frequent first */
function trainWordPiece(counted: readonly [string, number][], options: TrainTokenizerOptions): Tokenizer {
  const alphabet = frequentCharacters(counted, Math.floor(options.vocabularySize / 8));
  const spelled = counted.map(([word, count]) => ({ symbols: spell(word, alphabet), count }));
  const inner = new Set(spelled.flatMap(({ symbols }) => symbols.slice(1)));
  const tokens = [...specialTokensOf(options), ...[...alphabet].sort(), ...[...inner].sort()];
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  learnMerges({
    words: spelled.map(({ symbols, count }) => ({ symbols: symbols.map((symbol) => idOf.get(symbol)!), count })),
    tokens,
    mergeTexts: (left, right) => left + right.slice(continuing.length),
    vocabularySize: options.vocabularySize,
    leastCount,
  });
  return Tokenizer.fromJson(wordPieceJson(options, tokens), wordPieceConfig(options));
}

/** The first character, then the others marked as going on. Characters that have no token are left out. */
function spell(word: string, alphabet: ReadonlySet<string>): string[] {
  return Array.from(word)
    .filter((character) => alphabet.has(character))
    .map((character, i) => (i === 0 ? character : continuing + character));
}

/** At most `limit` characters, each seen at least twice, so that rare scripts do not fill the vocabulary. */
function frequentCharacters(words: readonly [string, number][], limit: number): Set<string> {
  const counts = new Map<string, number>();
  for (const [word, count] of words) {
    for (const character of word) counts.set(character, (counts.get(character) ?? 0) + count);
  }
  const byCount = [...counts].filter(([, count]) => count >= leastCount).sort(mostFrequentFirst);
  return new Set(byCount.slice(0, limit).map(([character]) => character));
}

function wordPieceJson(options: TrainTokenizerOptions, tokens: readonly string[]): TokenizerJson {
  const { lowercase = true } = options;
  const specialTokens = specialTokensOf(options);
  const special = (token: string, typeId: number) => ({ SpecialToken: { id: token, type_id: typeId } });
  const sequence = (id: 'A' | 'B', typeId: number) => ({ Sequence: { id, type_id: typeId } });
  const [cls, sep] = ['[CLS]', '[SEP]'] as const;
  const described = (token: string) => ({ id: token, ids: [specialTokens.indexOf(token)], tokens: [token] });
  return {
    ...emptyJson,
    added_tokens: specialTokens.map(addedToken),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special(cls, 0), sequence('A', 0), special(sep, 0)],
      pair: [special(cls, 0), sequence('A', 0), special(sep, 0), sequence('B', 1), special(sep, 1)],
      special_tokens: { [cls]: described(cls), [sep]: described(sep) },
    },
    decoder: { type: 'WordPiece', prefix: continuing, cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: continuing,
      max_input_chars_per_word: 100,
      vocab: vocabularyOf(tokens),
    },
  };
}

const emptyJson = { version: '1.0', truncation: null, padding: null };

function commonConfig({ modelMaxLength }: TrainTokenizerOptions): TokenizerConfig {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    model_max_length: modelMaxLength,
  };
}

function addedToken(content: string, id: number): AddedTokenJson {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}

function vocabularyOf(tokens: readonly string[]): Record<string, number> {
  return Object.fromEntries(tokens.map((token, id) => [token, id]));
}

/** Of equals the one lower by code unit, so that the order of the texts does not matter. */
function mostFrequentFirst([a, countA]: [string, number], [b, countB]: [string, number]): number {
  return countB - countA || (a < b ? -1 : a > b ? 1 : 0);
}
