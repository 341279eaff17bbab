/** @file The tokenizer that a GGUF file's metadata describes, as the tokenizer.json that it means. */

import { InputError } from '../protocol/problem';
import { phrase } from '../protocol/problems/phrases';
import { preKinds, type PreKind } from './gguf-kinds';
import { Tokenizer } from './tokenizer';
import type { AddedTokenJson, ModelJson, Stage, TokenizerConfig, TokenizerJson } from './tokenizer-json';

/** Values by key, as GgufFile reads them. */
export type TokenizerMetadata = ReadonlyMap<string, unknown>;

/** `tokenizer.ggml.token_type` */
export const TokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Kinds of `tokenizer.ggml.model` that are read: merges of bytes, and SentencePiece's merges by scores. */
const BYTES = 'gpt2';
const SCORES = 'llama';

export const hasTokenizer = (metadata: TokenizerMetadata): boolean => metadata.has('tokenizer.ggml.tokens');

/**
 * @param file the path to name in problems
 * @throws InputError where there is none, it is of a kind that is not known, or it is incomplete
 */
export function tokenizerOfGguf(metadata: TokenizerMetadata, file: string): Tokenizer {
  const reader = new Reader(metadata, file);
  const { json, config } = reader.read();
  try {
    return Tokenizer.fromJson(json, config);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw InputError.at(file, 'tokenizer-unusable', { reason });
  }
}

class Reader {
  constructor(
    private readonly metadata: TokenizerMetadata,
    private readonly file: string,
  ) {}

  read(): { json: TokenizerJson; config: TokenizerConfig } {
    if (!hasTokenizer(this.metadata)) throw InputError.at(this.file, 'gguf-without-tokenizer', {});
    const kind = this.text('tokenizer.ggml.model');
    if (kind === BYTES) return this.ofBytes();
    if (kind === SCORES) return this.ofScores();
    throw InputError.at(this.file, 'gguf-tokenizer-unknown', { kind: kind ?? '', known: [BYTES, SCORES] });
  }

  private ofBytes(): { json: TokenizerJson; config: TokenizerConfig } {
    const kind = this.preKind();
    const tokens = this.tokens();
    const merges = this.list('tokenizer.ggml.merges', 'string').map((merge) => {
      // Neither half is empty, and a blank may be the first character of one.
      const at = merge.indexOf(' ', 1);
      return [merge.slice(0, at), merge.slice(at + 1)];
    });
    const model = {
      type: 'BPE',
      unk_token: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: kind.ignoresMerges ?? false,
      vocab: this.vocabulary(tokens),
      merges,
    };
    const trimming: Stage = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true };
    const around = this.aroundText(tokens, kind.addsBeginOfText ?? false);
    return {
      json: {
        version: '1.0',
        added_tokens: this.addedTokens(tokens),
        normalizer: kind.normalizer,
        pre_tokenizer: kind.preTokenizer,
        post_processor: around ? { type: 'Sequence', processors: [trimming, around] } : trimming,
        decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
        model,
      },
      config: this.config(tokens),
    };
  }

  private preKind(): PreKind {
    const pre = this.text('tokenizer.ggml.pre');
    // Older files do not say it; of GPT-2 itself it is known.
    const wanted = pre ?? (this.text('general.architecture') === 'gpt2' ? 'gpt-2' : undefined);
    const kind = preKinds.find(({ names }) => wanted !== undefined && names.includes(wanted));
    if (kind) return kind;
    throw InputError.at(this.file, 'gguf-pre-unknown', { pre, known: preKinds.flatMap(({ names }) => names) });
  }

  private ofScores(): { json: TokenizerJson; config: TokenizerConfig } {
    const tokens = this.tokens();
    const scores = this.list('tokenizer.ggml.scores', 'number', tokens.length);
    const unknown = tokens[this.tokenId('unknown') ?? -1] ?? null;
    const hasPrefix = this.flag('tokenizer.ggml.add_space_prefix') ?? true;
    const blank: Stage = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
    const prefix: Stage = { type: 'Prepend', prepend: '▁' };
    const decoders: Stage[] = [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      ...(hasPrefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
    ];
    const vocab = this.vocabulary(tokens);
    const model: ModelJson = {
      type: 'BPE',
      unk_token: unknown,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab,
      merges: mergesByScores(tokens, scores),
    };
    return {
      json: {
        version: '1.0',
        added_tokens: this.addedTokens(tokens),
        normalizer: hasPrefix ? { type: 'Sequence', normalizers: [prefix, blank] } : blank,
        pre_tokenizer: null,
        post_processor: this.aroundText(tokens, true) ?? null,
        decoder: { type: 'Sequence', decoders },
        model,
      },
      config: this.config(tokens),
    };
  }

  private tokens(): string[] {
    return this.list('tokenizer.ggml.tokens', 'string');
  }

  private vocabulary(tokens: readonly string[]): Record<string, number> {
    const ids = new Map<string, number>();
    tokens.forEach((token, id) => {
      if (ids.has(token)) throw InputError.at(this.file, 'gguf-name-twice', { name: JSON.stringify(token) });
      ids.set(token, id);
    });
    return Object.fromEntries(ids);
  }

  private addedTokens(tokens: readonly string[]): AddedTokenJson[] {
    const types = this.metadata.has('tokenizer.ggml.token_type')
      ? this.list('tokenizer.ggml.token_type', 'number', tokens.length)
      : [];
    const roles = new Set(ROLES.map(([role]) => this.tokenId(role)));
    const added: AddedTokenJson[] = [];
    tokens.forEach((content, id) => {
      const type = types[id] ?? (roles.has(id) ? TokenType.control : TokenType.normal);
      const special = type === TokenType.control || type === TokenType.unknown;
      if (!special && type !== TokenType.userDefined) return;
      added.push({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special });
    });
    return added;
  }

  /** Which tokens stand around every text; undefined: none. */
  private aroundText(tokens: readonly string[], beginsByDefault: boolean): Stage | undefined {
    const token = (role: Role, isThere: boolean): { id: number; text: string }[] => {
      const id = isThere ? this.tokenId(role) : undefined;
      const text = id === undefined ? undefined : tokens[id];
      return text === undefined ? [] : [{ id: id!, text }];
    };
    const begin = token('bos', this.flag('tokenizer.ggml.add_bos_token') ?? beginsByDefault);
    const end = token('eos', this.flag('tokenizer.ggml.add_eos_token') ?? false);
    if (begin.length + end.length === 0) return undefined;
    const around = (id: 'A' | 'B', type_id: number): object[] => [
      ...begin.map(({ text }) => ({ SpecialToken: { id: text, type_id } })),
      { Sequence: { id, type_id } },
      ...end.map(({ text }) => ({ SpecialToken: { id: text, type_id } })),
    ];
    const special = [...begin, ...end].map(({ id, text }) => [text, { id: text, ids: [id], tokens: [text] }] as const);
    return {
      type: 'TemplateProcessing',
      single: around('A', 0),
      pair: [...around('A', 0), ...around('B', 1)],
      special_tokens: Object.fromEntries(special),
    };
  }

  /** What Python transformers asks of a tokenizer_config.json. */
  private config(tokens: readonly string[]): TokenizerConfig {
    const named = ROLES.flatMap(([role, key]) => {
      const token = tokens[this.tokenId(role) ?? -1];
      return token === undefined ? [] : [[key, token] as const];
    });
    const template = this.text('tokenizer.chat_template');
    return {
      tokenizer_class: 'PreTrainedTokenizerFast',
      clean_up_tokenization_spaces: false,
      ...Object.fromEntries(named),
      ...(template !== undefined && { chat_template: template }),
    };
  }

  private tokenId(role: Role): number | undefined {
    const key = `tokenizer.ggml.${role}_token_id`;
    const value = this.metadata.get(key);
    if (value === undefined || typeof value === 'number') return value;
    throw InputError.at(this.file, 'gguf-value-wrong', { key, wanted: phrase('token-id') });
  }

  private text(key: string): string | undefined {
    const value = this.metadata.get(key);
    if (value === undefined || typeof value === 'string') return value;
    throw InputError.at(this.file, 'gguf-value-wrong', { key, wanted: phrase('a-string') });
  }

  private flag(key: string): boolean | undefined {
    const value = this.metadata.get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw InputError.at(this.file, 'gguf-value-wrong', { key, wanted: phrase('boolean') });
  }

  /** @param length that it must have */
  private list(key: string, of: 'string', length?: number): string[];
  private list(key: string, of: 'number', length?: number): number[];
  private list(key: string, of: 'string' | 'number', length?: number): unknown[] {
    const value = this.metadata.get(key);
    const isList = Array.isArray(value) && value.every((entry) => typeof entry === of);
    if (isList && value.length === (length ?? value.length)) return value as unknown[];
    throw InputError.at(this.file, 'gguf-tokenizer-incomplete', { key });
  }
}

/** Of llama.cpp's keys, and what tokenizer_config.json calls them. */
const ROLES = [
  ['bos', 'bos_token'],
  ['eos', 'eos_token'],
  ['unknown', 'unk_token'],
  ['padding', 'pad_token'],
] as const;

type Role = (typeof ROLES)[number][0];

/** Longer tokens are no words that were merged; SentencePiece's are at most 16 long unless asked. */
const LONGEST_MERGED = 128;

/**
 * SentencePiece joins the two neighbours whose token has the highest score; as merges that is every way to make each token of two, in the order of scores, as
 * transformers makes them (convert_slow_tokenizer.py, generate_merges).
 */
export function mergesByScores(tokens: readonly string[], scores: readonly number[]): [string, string][] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: { left: string; right: string; score: number }[] = [];
  tokens.forEach((token, id) => {
    if (token.length > LONGEST_MERGED) return;
    const ways: typeof merges = [];
    for (let at = 1; at < token.length; at++) {
      const [left, right] = [token.slice(0, at), token.slice(at)];
      if (ids.has(left) && ids.has(right)) ways.push({ left, right, score: scores[id]! });
    }
    ways.sort((a, b) => ids.get(a.left)! - ids.get(b.left)! || ids.get(a.right)! - ids.get(b.right)!);
    merges.push(...ways);
  });
  const width = (text: string): number => Array.from(text).length;
  merges.sort((a, b) => b.score - a.score || width(b.left) - width(a.left) || width(b.right) - width(a.right));
  return merges.map(({ left, right }) => [left, right]);
}
