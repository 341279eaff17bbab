/** @file Normalizers of tokenizer.json that keep the place of every character. */

import { ReplaceNormalizer, SequenceNormalizer } from '@huggingface/tokenizers';
import type { Aligned } from './aligned';
import { CharactersMap } from './characters-map';
import { requireModest } from './limits';
import { PLAIN } from './pre-tokenizer';
import { membersOf, type Stage } from './tokenizer-json';

export type Normalize = (text: Aligned) => Aligned;

/**
 * What Unicode normalization may look at together: a character with its marks, voiced half-width katakana, or a
 * run of Hangul jamo. Everything else is normalized character by character, as Hugging Face's library does (so a
 * final sigma is lower-cased like any other).
 */
const cluster = /[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\uffa0-\uffdc]+|[^][\p{M}\uff9e\uff9f]*/gu;
const oneCharacter = /[^]/gu;

/** Throws an Error for a type that is not known. */
export function normalizerFor(stage: Stage | null): Normalize {
  if (stage === null) return (text) => text;
  switch (stage.type) {
    case 'Sequence': {
      const steps = membersOf(stage).map(normalizerFor);
      return (text) =>
        steps.reduce((current, step) => {
          const next = step(current);
          requireModest(text.length, next.length);
          return next;
        }, text);
    }
    case 'BertNormalizer':
      return bertNormalizer(stage);
    case 'Prepend':
      return (text) => text.prepend(stage.prepend ?? '');
    case 'Replace':
      return replaceNormalizer(stage);
    case 'Strip':
      return (text) => strip(text, stage.strip_left === true, stage.strip_right === true);
    case 'Lowercase':
      return (text) => byCluster(text, oneCharacter, (character) => character.toLowerCase());
    case 'Precompiled':
      return charactersMapNormalizer(stage);
    default:
      return libraryNormalizer(stage);
  }
}

function charactersMapNormalizer({ precompiled_charsmap: written }: Stage): Normalize {
  if (typeof written !== 'string' || written === '') return (text) => text;
  const map = new CharactersMap(written);
  return (text) => {
    const found = [...map.replacements(text.text)];
    // What keeps its places is cut into words without an object for each.
    if (found.length === 0) return text;
    return text.replaceEach(found, (_, { replacement }) => replacement);
  };
}

function libraryNormalizer(stage: Stage): Normalize {
  type Config = ConstructorParameters<typeof SequenceNormalizer>[0];
  const normalizer = new SequenceNormalizer({ type: 'Sequence', normalizers: [stage] } as unknown as Config);
  return (text) => byCluster(text, cluster, (part) => normalizer.normalize(part), composedIndices);
}

function byCluster(
  text: Aligned,
  parts: RegExp,
  normalize: (part: string) => string,
  placesOf?: (part: string, normalized: string) => number[],
): Aligned {
  if (PLAIN.test(text.text)) {
    const whole = normalize(text.text);
    if (whole.length === text.length) return text.withText(whole);
  }
  return text.replace(parts, normalize, placesOf);
}

/**
 * Which character of `part` each of `composed` begins with. Both are compared fully decomposed: é, made of e and its accent,
 * stands for the e, and what follows it for what followed the accent.
 */
function composedIndices(part: string, composed: string): number[] {
  const owners: number[] = [];
  let index = 0;
  for (const character of part) {
    owners.push(...Array<number>(decomposedLength(character)).fill(index++));
  }
  let at = 0;
  return Array.from(composed, (character) => {
    const owner = owners[Math.min(at, owners.length - 1)]!;
    at += decomposedLength(character);
    return owner;
  });
}

function decomposedLength(character: string): number {
  return Array.from(character.normalize('NFKD')).length;
}

function replaceNormalizer(stage: Stage): Normalize {
  type Config = ConstructorParameters<typeof ReplaceNormalizer>[0];
  const { pattern } = new ReplaceNormalizer(stage as unknown as Config);
  const content = stage.content ?? '';
  return (text) => (pattern === null ? text : text.replace(pattern, () => content));
}

function strip(text: Aligned, left: boolean, right: boolean): Aligned {
  const start = left ? text.length - text.text.trimStart().length : 0;
  const end = right ? text.text.trimEnd().length : text.length;
  return text.slice(Math.min(start, end), end);
}

/** BERT's text cleaning, https://github.com/google-research/bert/blob/master/tokenization.py (BasicTokenizer). */
function bertNormalizer(stage: Stage): Normalize {
  const lowercase = stage.lowercase === true;
  const stripAccents = stage.strip_accents === true || (lowercase && stage.strip_accents !== false);
  const normalizeCharacter = (character: string): string => {
    let result = character;
    if (stage.clean_text === true) {
      if (dropped.test(character)) return '';
      if (/\p{White_Space}/u.test(character)) result = ' ';
    }
    if (stage.handle_chinese_chars === true && isCjk(character.codePointAt(0)!)) result = ` ${result} `;
    if (stripAccents) result = result.normalize('NFD').replace(/\p{Mn}/gu, '');
    return lowercase ? result.toLowerCase() : result;
  };
  const seen = new Map<string, string>();
  const cached = (character: string): string => {
    let result = seen.get(character);
    if (result === undefined) seen.set(character, (result = normalizeCharacter(character)));
    return result;
  };
  return (text) => {
    if (!PLAIN.test(text.text)) return text.replace(oneCharacter, cached);
    const spaced = stage.clean_text === true ? text.text.replace(/[\t\n\r]/g, ' ') : text.text;
    return text.withText(lowercase ? spaced.toLowerCase() : spaced);
  };
}

/** Control, format and private-use characters (not tab and line ends), the replacement character, lone surrogates. */
const dropped = /^(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\ufffd]$/u;

const cjkRanges = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b820, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
] as const;

function isCjk(codePoint: number): boolean {
  return codePoint >= 0x3400 && cjkRanges.some(([first, last]) => codePoint >= first && codePoint <= last);
}
