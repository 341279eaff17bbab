/** @file A tokenizer as the keys of a GGUF file, by which llama.cpp makes the same tokens. */

import { complaint, ComplaintError } from '../protocol/problem';
import { templateIn } from './chat-template';
import { preKindOf } from './gguf-kinds';
import { TokenType } from './gguf-tokenizer';
import { specialTokens, type SpecialTokens } from './special-tokens';
import { templateFor, type Part } from './template';
import { membersOf, type Stage, type TokenizerConfig, type TokenizerJson } from './tokenizer-json';

/** A value by its type in the file. */
export type TokenizerKey =
  | { uint32: number }
  | { bool: boolean }
  | { text: string }
  | { texts: string[] }
  | { int32s: number[] }
  | { float32s: number[] };

/**
 * Every key that begins with `tokenizer.`
 * @param size tokens that the model has a row for; those that the tokenizer lacks are unused ones
 * @throws ComplaintError where llama.cpp has no tokenizer of this kind
 */
export function ggufOfTokenizer(
  json: TokenizerJson,
  config: TokenizerConfig,
  size: number,
): Record<string, TokenizerKey> {
  if (kindOf(json) !== 'bpe') throw unsuited('its model is no BPE');
  const ids = new Map(Object.entries(json.model.vocab as Record<string, number>));
  for (const { content, id } of json.added_tokens) ids.set(content, id);
  const tokens = Array.from(
    { length: Math.max(size, ...[...ids.values()].map((id) => id + 1)) },
    (_, id) => `[PAD${id}]`,
  );
  const types: number[] = tokens.map(() => TokenType.unused);
  for (const [token, id] of ids) {
    tokens[id] = token;
    types[id] = TokenType.normal;
  }
  for (const { id, special } of json.added_tokens)
    types[id] = special === true ? TokenType.control : TokenType.userDefined;
  const special = specialTokens(json, config, (token) => ids.get(token));
  const template = templateIn(config);
  const isOfScores = json.model.byte_fallback === true;
  return {
    ...(isOfScores ? keysOfScores(json, tokens, types) : keysOfBytes(json)),
    'tokenizer.ggml.tokens': { texts: tokens },
    'tokenizer.ggml.token_type': { int32s: types },
    ...idKeys(special),
    ...keysAround(json, special),
    ...(template !== undefined && { 'tokenizer.chat_template': { text: template } }),
  };
}

const unsuited = (why: string): ComplaintError => new ComplaintError(complaint('export-gguf-tokenizer', { why }));

const kindOf = ({ model }: TokenizerJson): string | undefined =>
  model.type?.toLowerCase() ?? ('merges' in model ? 'bpe' : undefined);

/** In older files a text with a blank between. */
const mergesOf = ({ model }: TokenizerJson): string[] =>
  (model.merges as (string | [string, string])[]).map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));

function keysOfBytes(json: TokenizerJson): Record<string, TokenizerKey> {
  const kind = preKindOf(json.normalizer, json.pre_tokenizer, json.model.ignore_merges === true);
  if (!kind) throw unsuited('it cuts texts up by rules of its own');
  return {
    'tokenizer.ggml.model': { text: 'gpt2' },
    'tokenizer.ggml.pre': { text: kind.names[0]! },
    'tokenizer.ggml.merges': { texts: mergesOf(json) },
  };
}

/** A token's score is the place of the first merge that makes it: SentencePiece joins what has the highest. */
function keysOfScores(json: TokenizerJson, tokens: readonly string[], types: number[]): Record<string, TokenizerKey> {
  const ranks = new Map<string, number>();
  mergesOf(json).forEach((merge, rank) => {
    const made = merge.replace(' ', '');
    if (!ranks.has(made)) ranks.set(made, rank);
  });
  tokens.forEach((token, id) => {
    if (/^<0x[0-9A-F]{2}>$/.test(token)) types[id] = TokenType.byte;
    if (token === json.model.unk_token) types[id] = TokenType.unknown;
  });
  return {
    'tokenizer.ggml.model': { text: 'llama' },
    'tokenizer.ggml.pre': { text: 'default' },
    'tokenizer.ggml.scores': { float32s: tokens.map((token) => -(ranks.get(token) ?? 0)) },
    'tokenizer.ggml.add_space_prefix': { bool: hasPrefix(json.normalizer) },
  };
}

/** Whether a blank is put before a text. Of what is done to a text before it is merged, SentencePiece knows this and blanks as `▁`. */
function hasPrefix(normalizer: Stage | null): boolean {
  const stages = normalizer?.type === 'Sequence' ? membersOf(normalizer) : normalizer ? [normalizer] : [];
  const isBlank = ({ type, content }: Stage): boolean => type === 'Replace' && content === '▁';
  const isPrefix = ({ type, prepend }: Stage): boolean => type === 'Prepend' && prepend === '▁';
  if (!stages.some(isBlank) || !stages.every((stage) => isBlank(stage) || isPrefix(stage))) {
    throw unsuited('it changes texts by rules of its own');
  }
  return stages.some(isPrefix);
}

function idKeys(special: SpecialTokens): Record<string, TokenizerKey> {
  const ids = {
    bos: special.beginOfText,
    eos: special.endOfText,
    unknown: special.unknown,
    padding: special.pad,
  };
  return Object.fromEntries(
    Object.entries(ids).flatMap(([role, id]) =>
      id === undefined ? [] : [[`tokenizer.ggml.${role}_token_id`, { uint32: id }] as const],
    ),
  );
}

/** Which tokens stand before and after every text. */
function keysAround(json: TokenizerJson, special: SpecialTokens): Record<string, TokenizerKey> {
  const parts = templateFor(json.post_processor).single;
  const at = parts.findIndex((part) => 'sequence' in part);
  const adds = (around: readonly Part[], id: number | undefined): boolean => {
    const [first, ...more] = around;
    if (first === undefined) return false;
    if (more.length === 0 && 'special' in first && first.special === id) return true;
    throw unsuited('it puts other tokens around a text than those that begin and end it');
  };
  return {
    'tokenizer.ggml.add_bos_token': { bool: adds(parts.slice(0, at), special.beginOfText) },
    'tokenizer.ggml.add_eos_token': { bool: adds(parts.slice(at + 1), special.endOfText) },
  };
}
