/** @file Encodes one piece (a word, mostly) with the model, and finds which part of the piece each token covers. */

import type { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { toByteLevel, utf8Length } from './byte-level';
import type { ModelJson } from './tokenizer-json';

/** Tokens of one piece; token i covers the UTF-16 units [starts[i], ends[i]) of it. */
interface PieceTokens {
  ids: number[];
  starts: number[];
  ends: number[];
}

export type EncodePiece = (piece: string) => PieceTokens;

type Model = NonNullable<LibraryTokenizer['model']>;

const longestCachedPiece = 256;
const cachedPieces = 100_000;

/** Text repeats its words, so results are kept. */
export function pieceEncoder(model: Model, json: ModelJson, byteLevel: boolean): EncodePiece {
  const cache = new Map<string, PieceTokens>();
  return (piece) => {
    const known = cache.get(piece);
    if (known) return known;
    const tokens = byteLevel ? encodeBytes(model, json, piece) : encodeCharacters(model, json, piece);
    if (piece.length <= longestCachedPiece) {
      if (cache.size >= cachedPieces) cache.clear();
      cache.set(piece, tokens);
    }
    return tokens;
  };
}

/** Tokens are made of bytes, so several may share a character; each then covers all of it. */
function encodeBytes(model: Model, json: ModelJson, piece: string): PieceTokens {
  const { ids, starts, ends } = encodeCharacters(model, json, toByteLevel(piece));
  const startOfByte: number[] = [];
  const endOfByte: number[] = [];
  let at = 0;
  for (const character of piece) {
    for (let i = utf8Length(character.codePointAt(0)!); i > 0; i--) {
      startOfByte.push(at);
      endOfByte.push(at + character.length);
    }
    at += character.length;
  }
  return {
    ids,
    starts: starts.map((start) => startOfByte[start]!),
    ends: ends.map((end) => endOfByte[end - 1]!),
  };
}

/**
 * The library returns token strings only; they are laid along the piece again. Nearly always they spell it out. What
 * does not (unknown tokens, bytes of an unknown character) covers the characters up to the next token that does.
 */
function encodeCharacters(model: Model, json: ModelJson, piece: string): PieceTokens {
  const result: PieceTokens = { ids: [], starts: [], ends: [] };
  if (piece.length === 0) return result;
  const unknownId = model.unk_token_id;
  const prefix = json.continuing_subword_prefix ?? '';
  const tokens = model([piece]);
  const spelled = tokens.map((token, i) => spelling(model, token, i > 0 ? prefix : ''));
  let at = 0;
  let bytesLeft = 0;
  tokens.forEach((token, i) => {
    const id = model.tokens_to_ids.get(token) ?? unknownId;
    if (id === undefined) return;
    const body = spelled[i]!;
    const isByte = json.byte_fallback === true && /^<0x[0-9A-F]{2}>$/.test(token);
    let end: number;
    let next: number;
    if (body !== '' && piece.startsWith(body, at)) {
      end = next = at + body.length;
    } else if (isByte) {
      const codePoint = piece.codePointAt(at) ?? 0;
      if (bytesLeft === 0) bytesLeft = utf8Length(codePoint);
      end = at + characterWidth(codePoint);
      next = --bytesLeft === 0 ? end : at;
    } else if (id !== unknownId && piece.includes(body, at)) {
      // Characters that the model has no token for, not even an unknown one, are left out.
      at = piece.indexOf(body, at);
      end = next = at + body.length;
    } else {
      end = next = endOfUnknown(piece, at, spelled.slice(i + 1), model.fuse_unk || tokens.length === 1);
    }
    result.ids.push(id);
    result.starts.push(at);
    result.ends.push(end);
    at = next;
  });
  return result;
}

function spelling(model: Model, token: string, prefix: string): string {
  if (prefix !== '' && token.startsWith(prefix)) return token.slice(prefix.length);
  const suffix = model.end_of_word_suffix;
  return suffix && token.endsWith(suffix) ? token.slice(0, -suffix.length) : token;
}

function endOfUnknown(piece: string, at: number, following: string[], fused: boolean): number {
  if (at >= piece.length) return piece.length;
  if (!fused) return at + characterWidth(piece.codePointAt(at)!);
  const next = following.length > 0 ? piece.indexOf(following[0]!, at + 1) : -1;
  return next < 0 ? piece.length : next;
}

function characterWidth(codePoint: number): number {
  return codePoint > 0xffff ? 2 : 1;
}
