/** @file Tokenizers as GGUF files have them: the same tokens as the tokenizer.json that they come from, and what is refused. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { InputError } from '../../src/protocol/problem';
import { ggufOfTokenizer } from '../../src/tokenizer/gguf-export';
import { mergesByScores, tokenizerOfGguf } from '../../src/tokenizer/gguf-tokenizer';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { checkTokenizerJson, type TokenizerJson } from '../../src/tokenizer/tokenizer-json';
import { trainTokenizer } from '../../src/tokenizer/train-tokenizer';

const golden = path.join(import.meta.dirname, '../golden/data/tokenizers');
const read = (name: string, file: string): unknown =>
  JSON.parse(readFileSync(path.join(golden, name, file), 'utf8')) as unknown;

interface Recorded {
  text: string;
  pair?: string;
  add_special_tokens: boolean;
  truncation?: object;
  padding?: object;
  ids: number[];
  decoded: string;
}

/** As a reader of the file gives it. */
function metadataOf(json: TokenizerJson, config: Record<string, unknown> = {}, size = 0): Map<string, unknown> {
  const keys = ggufOfTokenizer(json, config, size);
  return new Map(Object.entries(keys).map(([key, value]) => [key, Object.values(value)[0]]));
}

function goldenMetadata(name: string): Map<string, unknown> {
  const config = {
    ...(read(name, 'special_tokens_map.json') as object),
    ...(read(name, 'tokenizer_config.json') as object),
  };
  return metadataOf(checkTokenizerJson(read(name, 'tokenizer.json')), config);
}

function refusal(metadata: Map<string, unknown>): string {
  try {
    tokenizerOfGguf(metadata, 'model.gguf');
  } catch (error) {
    return (error as InputError).problems[0].code;
  }
  return 'none';
}

describe('a tokenizer that went through a GGUF file', () => {
  it.each(['gpt2', 'llama3', 'qwen2', 'llama2', 'gemma'])('%s: makes the recorded ids, and texts of them', (name) => {
    const tokenizer = tokenizerOfGguf(goldenMetadata(name), 'model.gguf');
    const records = (read(name, 'encodings.json') as Recorded[]).filter((one) => !one.truncation && !one.padding);
    expect(records.length).toBeGreaterThan(50);
    for (const { text, pair, add_special_tokens: addSpecialTokens, ids, decoded } of records) {
      const encoding = tokenizer.encode(text, { pair, addSpecialTokens });
      expect(Array.from(encoding.ids), JSON.stringify(text)).toEqual(ids);
      // The library's byte-fallback decoder drops a byte order mark.
      if (pair === undefined && !text.includes('\ufeff')) expect(tokenizer.decode(ids)).toBe(decoded);
    }
  });

  it('of one that was trained here, has its special tokens, and unused ones where the model has more rows', () => {
    const texts = Array.from({ length: 200 }, (_, i) => `Call me Ishmael ${i}, some years ago.`);
    const trained = trainTokenizer(texts, { kind: 'bpe', vocabularySize: 300 });
    const json = checkTokenizerJson(JSON.parse(trained.jsonText));
    const metadata = metadataOf(json, { eos_token: '<|endoftext|>', chat_template: '{{ messages }}' }, 310);
    const tokenizer = tokenizerOfGguf(metadata, 'model.gguf');
    expect(tokenizer.vocabularySize).toBe(310);
    expect(tokenizer.special.endOfText).toBe(trained.special.endOfText);
    expect(tokenizer.encode('Call me<|endoftext|>').ids).toEqual(trained.encode('Call me<|endoftext|>').ids);
    expect(metadata.get('tokenizer.chat_template')).toBe('{{ messages }}');
    expect((metadata.get('tokenizer.ggml.tokens') as string[]).at(-1)).toBe('[PAD309]');
    expect((metadata.get('tokenizer.ggml.token_type') as number[]).at(-1)).toBe(5);
  });

  it('is not made of one that llama.cpp has no rules for', () => {
    const json = checkTokenizerJson(read('gpt2', 'tokenizer.json'));
    const digits = { type: 'Digits', individual_digits: false };
    const other = { ...json, pre_tokenizer: { type: 'Sequence', pretokenizers: [digits, json.pre_tokenizer!] } };
    expect(() => metadataOf(other)).toThrow('it cuts texts up by rules of its own');
    expect(() => metadataOf(checkTokenizerJson(read('bert-cased', 'tokenizer.json')))).toThrow('its model is no BPE');
    const lower = { ...checkTokenizerJson(read('llama2', 'tokenizer.json')), normalizer: { type: 'Lowercase' } };
    expect(() => metadataOf(lower)).toThrow('it changes texts by rules of its own');
  });
});

describe('a tokenizer of a GGUF file', () => {
  it('merges by scores, the highest first, of equals the one with the longer left part', () => {
    const tokens = ['a', 'b', 'ab', 'ba', 'aba'];
    expect(mergesByScores(tokens, [0, 0, -2, -2, -1])).toEqual([
      ['ab', 'a'],
      ['a', 'ba'],
      ['a', 'b'],
      ['b', 'a'],
    ]);
  });

  it('of GPT-2 itself needs no name of its rules', () => {
    const metadata = goldenMetadata('gpt2');
    metadata.delete('tokenizer.ggml.pre');
    expect(refusal(metadata)).toBe('gguf-pre-unknown');
    metadata.set('general.architecture', 'gpt2');
    expect(tokenizerOfGguf(metadata, 'model.gguf')).toBeInstanceOf(Tokenizer);
  });

  it('is refused where it is missing, of another kind, incomplete or contradicts itself', () => {
    const changed = (key: string, value: unknown): string =>
      refusal(new Map([...goldenMetadata('llama2'), [`tokenizer.ggml.${key}`, value]]));
    expect(refusal(new Map())).toBe('gguf-without-tokenizer');
    expect(changed('model', 'bert')).toBe('gguf-tokenizer-unknown');
    expect(changed('scores', [1, 2])).toBe('gguf-tokenizer-incomplete');
    expect(changed('tokens', [1, 2])).toBe('gguf-tokenizer-incomplete');
    expect(changed('token_type', ['a'])).toBe('gguf-tokenizer-incomplete');
    expect(changed('bos_token_id', '1')).toBe('gguf-value-wrong');
    expect(changed('add_bos_token', 1)).toBe('gguf-value-wrong');
    const bytes = goldenMetadata('gpt2');
    expect(refusal(new Map([...bytes, ['tokenizer.ggml.pre', 'unheard-of']]))).toBe('gguf-pre-unknown');
    const twice = [...(bytes.get('tokenizer.ggml.tokens') as string[])];
    twice[3] = twice[2]!;
    expect(refusal(new Map([...bytes, ['tokenizer.ggml.tokens', twice]]))).toBe('gguf-name-twice');
  });
});
