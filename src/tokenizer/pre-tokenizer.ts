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
  /** Cuts plain text as `split` does, where all that it does is to cut. */
  cutPlain?: CutPlain;
}

/**
 * Tells where each piece of a text begins and ends, in their order, until `onPiece` returns true. The text is of `PLAIN` characters alone.
 * Nearly all text is, and most of the time that a large dataset takes to read went into general expressions and objects for each word.
 */
type CutPlain = (text: string, onPiece: (start: number, end: number) => boolean) => void;

/** Printable ASCII, tabs and line ends. */
export const PLAIN = /^[\t\n\r\x20-\x7e]*$/;

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
      return {
        ...sequence([splitAt(/\p{White_Space}+/gu, 'Removed'), splitAt(punctuation, 'Isolated')]),
        cutPlain: cutAtPunctuation,
      };
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
    ...(useRegex && stage.add_prefix_space !== true && { cutPlain: cutAsGpt2 }),
  };
}

const [LETTER, DIGIT, SPACE, SYMBOL] = [0, 1, 2, 3];

/** Of each plain character. */
const kinds = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[a-z]/i.test(character)) return LETTER;
  if (/\d/.test(character)) return DIGIT;
  return /[\t\n\r ]/.test(character) ? SPACE : SYMBOL;
});

const cutAtPunctuation: CutPlain = (text, onPiece) => {
  for (let start = 0, at = 0; at <= text.length; at++) {
    const kind = at < text.length ? kinds[text.charCodeAt(at)]! : SPACE;
    if (kind < SPACE) continue;
    if (at > start && onPiece(start, at)) return;
    if (kind === SYMBOL && onPiece(at, at + 1)) return;
    start = at + 1;
  }
};

/** What `gpt2Pattern` finds. */
const cutAsGpt2: CutPlain = (text, onPiece) => {
  const kindAt = (at: number): number => (at < text.length ? kinds[text.charCodeAt(at)]! : -1);
  for (let start = 0; start < text.length;) {
    const space = text.charCodeAt(start) === 0x20 ? 1 : 0;
    const kind = kindAt(start + space);
    let end = start + space;
    if (kind >= 0 && kind !== SPACE) {
      const contraction = space === 0 && kind === SYMBOL ? contractionAt(text, start) : 0;
      if (contraction > 0) end += contraction;
      else while (kindAt(end) === kind) end++;
    } else {
      end = start;
      while (kindAt(end) === SPACE) end++;
      // The last of several goes with what follows.
      if (end < text.length && end - start > 1) end--;
    }
    if (onPiece(start, end)) return;
    start = end;
  }
};

/** Length of `'s`, `'re` and the like. */
function contractionAt(text: string, at: number): number {
  if (text[at] !== "'") return 0;
  if ('stmd'.includes(text[at + 1] ?? ' ')) return 2;
  return ['re', 've', 'll'].includes(text.slice(at + 1, at + 3)) ? 3 : 0;
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
