/** @file Short pieces are encoded without the library, and as the library encodes them. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../src/engine/random';
import { shortPieceEncoder } from '../../src/tokenizer/short-pieces';
import { checkTokenizerJson, type ModelJson } from '../../src/tokenizer/tokenizer-json';

const root = path.join(import.meta.dirname, '../golden/data/tokenizers');
const jsonOf = (name: string) =>
  checkTokenizerJson(JSON.parse(readFileSync(path.join(root, name, 'tokenizer.json'), 'utf8')));

function encodersOf(name: string, model: Partial<ModelJson> = {}) {
  const read = jsonOf(name);
  const json = { ...read, model: { ...read.model, ...model } };
  const library = new LibraryTokenizer(json, {}).model!;
  const slowly = (piece: string): string[] => library([piece]);
  return { library, slowly, short: shortPieceEncoder(library, json.model) };
}

/** Of a vocabulary whole tokens, two of them as one word, and letters in any order. */
function* piecesOf(vocabulary: readonly string[]): Generator<string> {
  const random = randomStream(7);
  const pick = <T>(list: ArrayLike<T>): T => list[Math.floor(random() * list.length)]!;
  const letters = [...new Set(vocabulary.filter((token) => token.length === 1))];
  for (let i = 0; i < 3000; i++) {
    yield pick(vocabulary);
    yield pick(vocabulary) + pick(vocabulary).replace(/^##/, '');
    yield Array.from({ length: 1 + Math.floor(random() * 20) }, () => pick(letters)).join('');
  }
}

describe.each(['bert-uncased', 'bert-cased', 'gpt2', 'roberta', 'llama2', 'llama3', 'qwen2'])('%s', (name) => {
  it('has the tokens that the library finds, and each begins where the one before ends', () => {
    const { library, slowly, short } = encodersOf(name);
    const wrong: unknown[] = [];
    let [known, all] = [0, 0];
    for (const piece of piecesOf(library.vocab)) {
      all++;
      const found = short(piece);
      if (!found) continue;
      known++;
      const texts = slowly(piece);
      const isSame = texts.map((text) => library.tokens_to_ids.get(text)).join() === found.ids.join();
      const parts = found.ends.map((end, i) => piece.slice(found.ends[i - 1] ?? 0, end));
      const spelled = texts.map((text, i) => (i > 0 ? text.replace(/^##/, '') : text));
      if (!isSame || parts.join('\n') !== spelled.join('\n')) wrong.push({ piece, texts, found });
    }
    expect(wrong).toEqual([]);
    expect(known / all).toBeGreaterThan(0.5);
  });
});

describe('the library is asked', () => {
  it.each([
    ['about what has no token of its own', 'bert-uncased', {}, '\u2603'],
    ['about what is outside the basic plane', 'bert-uncased', {}, 'a\u{1f600}'],
    ['about a long piece', 'gpt2', {}, 'a'.repeat(65)],
    ['about a word of more letters than the file allows', 'bert-uncased', { max_input_chars_per_word: 3 }, 'sail'],
    ['where the end of a word is marked', 'gpt2', { end_of_word_suffix: '</w>' }, 'sail'],
    ['where what is joined is no token', 'gpt2', { merges: [['q', 'q']] }, 'sail'],
    ['where prefixes are not named', 'bert-uncased', { continuing_subword_prefix: null }, 'sail'],
    ['for other kinds of models', 'xlm-roberta', {}, 'sail'],
  ])('%s', (_, name, model, piece) => {
    expect(encodersOf(name, model).short(piece)).toBeUndefined();
  });

  it('no more than it must be: a word that is a token is one where merges are left out for such', () => {
    const whole = encodersOf('gpt2', { ignore_merges: true, merges: [] });
    expect(whole.short('Ġthe')).toEqual({ ids: [whole.library.tokens_to_ids.get('Ġthe')], ends: [4] });
    expect(whole.slowly('Ġthe')).toEqual(['Ġthe']);
  });
});
