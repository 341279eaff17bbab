/** @file Which ids play the roles of padding, unknown, separator and so on. */

import { isRecord, type TokenizerConfig, type TokenizerJson } from './tokenizer-json';

/** Ids; a role that the tokenizer has no token for is absent. */
export interface SpecialTokens {
  pad?: number;
  unknown?: number;
  classification?: number;
  separator?: number;
  mask?: number;
  beginOfText?: number;
  endOfText?: number;
}

/** For each role its name in tokenizer_config.json, and what the token is called where that file says nothing. */
const roles: Record<keyof SpecialTokens, { field: string; usual: readonly string[] }> = {
  pad: { field: 'pad_token', usual: ['[PAD]', '<pad>', '<|padding|>'] },
  unknown: { field: 'unk_token', usual: ['[UNK]', '<unk>'] },
  classification: { field: 'cls_token', usual: ['[CLS]'] },
  separator: { field: 'sep_token', usual: ['[SEP]'] },
  mask: { field: 'mask_token', usual: ['[MASK]', '<mask>'] },
  beginOfText: { field: 'bos_token', usual: ['<s>', '<bos>', '<|begin_of_text|>', '<|endoftext|>'] },
  endOfText: { field: 'eos_token', usual: ['</s>', '<eos>', '<|end_of_text|>', '<|endoftext|>'] },
};

/**
 * Names in `config` win. Without any, the usual names are looked for among the added tokens.
 * @param idOf id of a token's text, if it has one.
 */
export function specialTokens(
  json: TokenizerJson,
  config: TokenizerConfig,
  idOf: (token: string) => number | undefined,
): SpecialTokens {
  const added = new Map(json.added_tokens.map(({ content, id }) => [content, id]));
  const named = Object.values(roles).some(({ field }) => contentOf(config[field]) !== undefined);
  const result: SpecialTokens = {};
  for (const [role, { field, usual }] of Object.entries(roles) as [keyof SpecialTokens, (typeof roles)['pad']][]) {
    const content = contentOf(config[field]);
    const id = named
      ? content !== undefined && (added.get(content) ?? idOf(content))
      : usual.map((name) => added.get(name)).find((found) => found !== undefined);
    if (typeof id === 'number') result[role] = id;
  }
  return result;
}

/** What tokenizer_config.json has to add to name these tokens: those that `config` does not name yet. */
export function namedTokens(
  special: SpecialTokens,
  config: TokenizerConfig,
  textOf: (id: number) => string | undefined,
): TokenizerConfig {
  const named: TokenizerConfig = {};
  for (const [role, { field }] of Object.entries(roles) as [keyof SpecialTokens, (typeof roles)['pad']][]) {
    const id = special[role];
    const text = id === undefined || contentOf(config[field]) !== undefined ? undefined : textOf(id);
    if (text !== undefined) named[field] = text;
  }
  return named;
}

/** Texts of the special tokens by their names in tokenizer_config.json, as chat templates call them. */
export function tokenTexts(
  special: SpecialTokens,
  config: TokenizerConfig,
  textOf: (id: number) => string | undefined,
): Record<string, string> {
  const named = { ...config, ...namedTokens(special, config, textOf) };
  const texts = Object.values(roles).map(({ field }) => [field, contentOf(named[field])] as const);
  return Object.fromEntries(texts.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** A token is written as its text, or as an object with the text in `content`. */
function contentOf(token: unknown): string | undefined {
  const content = isRecord(token) ? token.content : token;
  return typeof content === 'string' ? content : undefined;
}
