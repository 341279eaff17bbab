/** @file Pre-tokenizers of tokenizer.json: text to the pieces that the model sees one by one, with their places. */

import { SplitPreTokenizer } from '@huggingface/tokenizers';
import type { Aligned } from './aligned';
import { membersOf, type Stage } from './tokenizer-json';

export interface PreTokenizer {
  split(text: Aligned): Aligned[];
  /** Pieces are to be written as byte-level characters (`Ġ` for a space) before the model sees them. */
  byteLevel: boolean;
  /**
   * A piece depends only on the text up to a few characters after it, so that the first tokens of a long text can
   * be found without the rest of it.
   */
  local: boolean;
}

/** GPT-2's pattern. `\p{White_Space}` is the original's `\s`, which in JavaScript means other characters. */
const gpt2Pattern =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** ASCII's symbols count as punctuation, whatever Unicode says of `$` or `+`. */
const punctuation = /[\p{P}\u0021-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u007e]/gu;
const word = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+/gu;

/** Throws an Error for a type that is not known. */
export function preTokenizerFor(stage: Stage | null): PreTokenizer {
  if (stage === null) return { split: (text) => [text], byteLevel: false, local: false };
  switch (stage.type) {
    case 'Sequence':
      return sequence(membersOf(stage).map(preTokenizerFor));
    case 'ByteLevel':
      return byteLevel(stage);
    case 'Metaspace':
      return metaspace(stage);
    case 'Split':
      return patternSplit(stage);
    case 'BertPreTokenizer':
      return sequence([splitAt(/\p{White_Space}+/gu, 'Removed'), splitAt(punctuation, 'Isolated')]);
    case 'Whitespace':
      return sequence([splitAt(/\p{White_Space}+/gu, 'Removed'), splitAt(word, 'Isolated')]);
    case 'WhitespaceSplit':
      return splitAt(/\p{White_Space}+/gu, 'Removed');
    case 'Digits':
      return splitAt(stage.individual_digits === true ? /\p{N}/gu : /\p{N}+/gu, 'Isolated');
    case 'Punctuation':
      return splitAt(punctuation, stage.behavior ?? 'Isolated');
    default:
      throw new Error(`The pre-tokenizer ${stage.type} is not known.`);
  }
}

function sequence(members: PreTokenizer[]): PreTokenizer {
  return {
    split: (text) => members.reduce((pieces, member) => pieces.flatMap((piece) => member.split(piece)), [text]),
    byteLevel: members.some((member) => member.byteLevel),
    local: members.some((member) => member.local),
  };
}

function byteLevel(stage: Stage): PreTokenizer {
  const useRegex = stage.use_regex !== false;
  return {
    split: (text) => {
      const spaced = stage.add_prefix_space === true && !/^\p{White_Space}/u.test(text.text) ? text.prepend(' ') : text;
      return useRegex ? matches(spaced, gpt2Pattern) : [spaced];
    },
    byteLevel: true,
    local: useRegex,
  };
}

function matches(text: Aligned, pattern: RegExp): Aligned[] {
  const pieces: Aligned[] = [];
  for (const { 0: match, index } of text.text.matchAll(pattern)) pieces.push(text.slice(index, index + match.length));
  return pieces;
}

/** SentencePiece's convention: spaces become `▁`, and one is put before the text, or before its first part. */
function metaspace(stage: Stage): PreTokenizer {
  const mark = stage.replacement ?? '▁';
  const scheme = stage.prepend_scheme ?? (stage.add_prefix_space === false ? 'never' : 'always');
  return {
    split: (text) => {
      let marked = text.withText(text.text.replaceAll(' ', mark));
      const wanted = scheme === 'always' || (scheme === 'first' && text.length > 0 && text.startOf(0) === 0);
      if (wanted && !marked.text.startsWith(mark)) marked = marked.prepend(mark);
      return stage.split === false ? [marked] : cutAt(marked, marksOf(marked.text, mark), 'MergedWithNext');
    },
    byteLevel: false,
    local: stage.split !== false,
  };
}

function marksOf(text: string, mark: string): [number, number][] {
  const found: [number, number][] = [];
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) found.push([at, at + mark.length]);
  return found;
}

function patternSplit(stage: Stage): PreTokenizer {
  type Config = ConstructorParameters<typeof SplitPreTokenizer>[0];
  const { pattern } = new SplitPreTokenizer(stage as unknown as Config);
  if (pattern === null) throw new Error('A Split pre-tokenizer has no pattern.');
  return splitAt(pattern, stage.behavior ?? 'Removed', stage.invert === true);
}

function splitAt(pattern: RegExp, behavior: string, invert = false): PreTokenizer {
  return {
    split: (text) => {
      const found: [number, number][] = [];
      for (const { 0: match, index } of text.text.matchAll(pattern)) {
        if (match !== '') found.push([index, index + match.length]);
      }
      return cutAt(text, invert ? gapsBetween(found, text.length) : found, behavior);
    },
    byteLevel: false,
    local: behavior !== 'Contiguous',
  };
}

/** With `invert`, what the pattern does not match is the delimiter. */
function gapsBetween(found: [number, number][], length: number): [number, number][] {
  const gaps: [number, number][] = [];
  let last = 0;
  for (const [start, end] of [...found, [length, length] as const]) {
    if (start > last) gaps.push([last, start]);
    last = end;
  }
  return gaps;
}

/** Cuts `text` at its delimiters, which `behavior` (of tokenizer.json) removes, keeps or merges. */
function cutAt(text: Aligned, delimiters: [number, number][], behavior: string): Aligned[] {
  const cuts: [number, number][] = [];
  let last = 0;
  let pendingStart: number | null = null;
  for (const [start, end] of delimiters) {
    const from: number = pendingStart ?? last;
    pendingStart = null;
    const previous = cuts.at(-1);
    if (behavior === 'MergedWithPrevious') {
      cuts.push([last, end]);
    } else if (behavior === 'MergedWithNext') {
      cuts.push([from, start]);
      pendingStart = start;
    } else {
      cuts.push([last, start]);
      if (behavior === 'Contiguous' && previous && start === last) previous[1] = end;
      else if (behavior !== 'Removed') cuts.push([start, end]);
    }
    last = end;
  }
  cuts.push([pendingStart ?? last, text.length]);
  return cuts.filter(([start, end]) => end > start).map(([start, end]) => text.slice(start, end));
}
