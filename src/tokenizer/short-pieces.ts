/**
 * @file Tokens of one short piece as the library finds them, by the numbers of what is joined and without a text for each try. Words that a dataset has
 * once are most of what its encoding takes.
 */

import type { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import type { ModelJson } from './tokenizer-json';

type Model = NonNullable<LibraryTokenizer['model']>;

/** Longer ones are words of no language; the library takes less than the square of their length for them. */
const LONGEST = 64;

export interface ShortTokens {
  ids: number[];
  /** Where in the piece each ends, in UTF-16 units; it begins where the one before has ended. */
  ends: number[];
}

/** Undefined where the library is to be asked. */
type EncodeShort = (piece: string) => ShortTokens | undefined;

/** @returns for any piece; what that takes of the vocabulary is made when the first one comes */
export function shortPieceEncoder(model: Model, json: ModelJson): EncodeShort {
  const make = json.type === 'WordPiece' ? longestTokens : json.type === 'BPE' ? mergedTokens : undefined;
  if (!make || model.end_of_word_suffix) return () => undefined;
  let encode: EncodeShort | undefined;
  return (piece) => {
    // What is outside the basic plane has two units.
    if (piece.length === 0 || piece.length > LONGEST || /[\ud800-\udfff]/.test(piece)) return undefined;
    const found = (encode ??= make(model, json))(piece);
    return found?.ids.includes(model.unk_token_id ?? -1) ? undefined : found;
  };
}

/** Again and again the longest token that the rest begins with. https://arxiv.org/abs/1609.08144, section 4.1 */
function longestTokens({ tokens_to_ids: first }: Model, json: ModelJson): EncodeShort {
  const { continuing_subword_prefix: prefix, max_input_chars_per_word: most = 100 } = json;
  if (typeof prefix !== 'string' || typeof most !== 'number') return () => undefined;
  const continuing = new Map<string, number>();
  let longest = 0;
  for (const [token, id] of first) {
    longest = Math.max(longest, token.length);
    if (token.startsWith(prefix)) continuing.set(token.slice(prefix.length), id);
  }
  return (piece) => {
    if (piece.length > most) return undefined;
    const found: ShortTokens = { ids: [], ends: [] };
    for (let start = 0; start < piece.length;) {
      const vocabulary = start === 0 ? first : continuing;
      let end = Math.min(piece.length, start + longest);
      let id = vocabulary.get(piece.slice(start, end));
      while (id === undefined && --end > start) id = vocabulary.get(piece.slice(start, end));
      if (id === undefined) return undefined;
      found.ids.push(id);
      found.ends.push(end);
      start = end;
    }
    return found;
  };
}

/** Again and again the pair that was learnt first, of equals the leftmost, becomes one. https://arxiv.org/abs/1508.07909 */
function mergedTokens({ tokens_to_ids: ids, vocab }: Model, json: ModelJson): EncodeShort {
  const library = (): undefined => undefined;
  if (json.continuing_subword_suffix || json.continuing_subword_prefix) return library;
  /** Undefined for a text that has none of its own. */
  const idOf = (token: string): number | undefined => {
    const id = ids.get(token);
    return id !== undefined && vocab[id] === token ? id : undefined;
  };
  /** A pair of ids as one number. */
  const width = vocab.length;
  const ranks = new Map<number, number>();
  const merges = (json.merges ?? []) as (string | [string, string])[];
  const results = new Int32Array(merges.length);
  for (const [rank, merge] of merges.entries()) {
    const [left = '', right = ''] = typeof merge === 'string' ? merge.split(' ', 2) : merge;
    const [a, b, both] = [idOf(left), idOf(right), idOf(left + right)];
    if (a === undefined || b === undefined || both === undefined) return library;
    ranks.set(a * width + b, rank);
    results[rank] = both;
  }
  const rankOf = (a: number, b: number): number => ranks.get(a * width + b) ?? Infinity;
  return (piece) => {
    const whole = json.ignore_merges === true ? ids.get(piece) : undefined;
    if (whole !== undefined) return { ids: [whole], ends: [piece.length] };
    const found: ShortTokens = { ids: [], ends: [] };
    for (let i = 0; i < piece.length; i++) {
      const id = idOf(piece[i]!);
      if (id === undefined) return undefined;
      found.ids.push(id);
      found.ends.push(i + 1);
    }
    merge(found, rankOf, results);
    return found;
  };
}

/** @param results ids by rank @param rankOf two ids; Infinity where they are never joined */
function merge({ ids, ends }: ShortTokens, rankOf: (a: number, b: number) => number, results: Int32Array): void {
  /** Of each and the next. */
  const ranks = ids.slice(1).map((id, i) => rankOf(ids[i]!, id));
  for (;;) {
    let least = Infinity;
    let at = 0;
    for (let i = 0; i < ranks.length; i++) {
      if (ranks[i]! < least) {
        least = ranks[i]!;
        at = i;
      }
    }
    if (least === Infinity) return;
    ids.splice(at, 2, results[least]!);
    ends.splice(at, 1);
    ranks.splice(at, 1);
    if (at > 0) ranks[at - 1] = rankOf(ids[at - 1]!, ids[at]!);
    if (at < ranks.length) ranks[at] = rankOf(ids[at]!, ids[at + 1]!);
  }
}
