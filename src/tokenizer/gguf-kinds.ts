/**
 * @file The rules by which tokenizers of GGUF files cut texts up before they merge bytes, under llama.cpp's names of them (tokenizer.ggml.pre;
 * https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp), as stages of a tokenizer.json.
 */

import { membersOf, type Stage } from './tokenizer-json';

export interface PreKind {
  /** The first is written. */
  names: readonly string[];
  normalizer: Stage | null;
  preTokenizer: Stage;
  /** A piece that is a token is not merged from its bytes. */
  ignoresMerges?: true;
  /** Where the file does not say whether a text begins with a token of its own. */
  addsBeginOfText?: true;
}

const byteLevel = (useRegex: boolean): Stage => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});

const split = (pattern: string): Stage => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    byteLevel(false),
  ],
});

/** GPT-4's pattern, with so many digits together. */
const words = (digits: string): string =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

export const preKinds: readonly PreKind[] = [
  { names: ['gpt-2', 'phi-2', 'olmo', 'jais'], normalizer: null, preTokenizer: byteLevel(true) },
  {
    names: ['smollm', 'starcoder', 'refact'],
    normalizer: null,
    preTokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel(true)],
    },
  },
  {
    names: ['llama-bpe', 'llama3', 'llama-v3'],
    normalizer: null,
    preTokenizer: split(words('{1,3}')),
    ignoresMerges: true,
    addsBeginOfText: true,
  },
  { names: ['dbrx'], normalizer: null, preTokenizer: split(words('{1,3}')) },
  { names: ['qwen2', 'deepseek-r1-qwen', 'megrez'], normalizer: { type: 'NFC' }, preTokenizer: split(words('')) },
];

/** The kind whose rules a tokenizer.json has; undefined where llama.cpp has none such. */
export function preKindOf(
  normalizer: Stage | null,
  preTokenizer: Stage | null,
  ignoresMerges: boolean,
): PreKind | undefined {
  const wanted = rulesOf(preTokenizer);
  return preKinds.find(
    (kind) =>
      rulesOf(kind.preTokenizer) === wanted &&
      rulesOf(kind.normalizer) === rulesOf(normalizer) &&
      (kind.ignoresMerges ?? false) === ignoresMerges,
  );
}

/** What decides how a text is cut, in one text. */
function rulesOf(stage: Stage | null): string {
  if (stage === null) return '';
  if (stage.type === 'Sequence') return membersOf(stage).map(rulesOf).join('|');
  const { type, pattern, behavior, invert = false, individual_digits, add_prefix_space, use_regex = true } = stage;
  if (type === 'ByteLevel') return JSON.stringify([type, add_prefix_space, use_regex]);
  return JSON.stringify([type, pattern, behavior, invert, individual_digits]);
}
