/** @file Finds added tokens such as `[MASK]` or `<|endoftext|>` in a text, before anything else looks at it. */

import type { AddedTokenJson } from './tokenizer-json';

/** One stretch of a text: an added token (with the spaces it swallows), or what lies between two. */
interface Stretch {
  start: number;
  end: number;
  /** Id of the added token; undefined for ordinary text. */
  id?: number;
}

export type FindAddedTokens = (text: string) => Stretch[];

/**
 * The leftmost, then longest, match wins, as in Hugging Face's library.
 * @param contentOf how a token is written in the text: as it is, or normalized.
 */
export function addedTokenFinder(
  tokens: readonly AddedTokenJson[],
  contentOf: (token: AddedTokenJson) => string,
): FindAddedTokens {
  const byContent = new Map(tokens.map((token) => [contentOf(token), token]));
  byContent.delete('');
  if (byContent.size === 0) return (text) => (text.length > 0 ? [{ start: 0, end: text.length }] : []);
  const contents = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(contents.map(escapeForRegExp).join('|'), 'gu');
  return (text) => {
    const stretches: Stretch[] = [];
    let last = 0;
    const ordinaryUpTo = (end: number) => {
      if (end > last) stretches.push({ start: last, end });
    };
    for (const { 0: content, index } of text.matchAll(pattern)) {
      const token = byContent.get(content)!;
      let start = index;
      let end = index + content.length;
      if (start < last || (token.single_word === true && touchesWord(text, start, end))) continue;
      if (token.lstrip === true) start = Math.max(last, text.slice(0, start).trimEnd().length);
      if (token.rstrip === true) end = text.length - text.slice(end).trimStart().length;
      ordinaryUpTo(start);
      stretches.push({ start, end, id: token.id });
      last = end;
    }
    ordinaryUpTo(text.length);
    return stretches;
  };
}

function touchesWord(text: string, start: number, end: number): boolean {
  return /[\p{L}\p{N}_]$/u.test(text.slice(0, start)) || /^[\p{L}\p{N}_]/u.test(text.slice(end));
}

function escapeForRegExp(text: string): string {
  return text.replace(/[$()*+./?[\\\]^{|}]/g, '\\$&');
}
