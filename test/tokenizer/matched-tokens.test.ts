/** @file Which tokens of two vocabularies are the same text, by tokenizers of published models (cut to some 900 tokens). */

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { matchTokens } from '../../src/tokenizer/matched-tokens';
import { Tokenizer } from '../../src/tokenizer/tokenizer';

const folder = fileURLToPath(new URL('../golden/data/tokenizers', import.meta.url));
const load = (name: string): Promise<Tokenizer> => Tokenizer.load(path.join(folder, name));

const pairsOf = async (student: string, teacher: string): Promise<Map<string, string>> => {
  const [own, theirs] = [await load(student), await load(teacher)];
  const matched = matchTokens(own, theirs);
  expect(new Set(matched.student).size).toBe(matched.student.length);
  expect(new Set(matched.teacher).size).toBe(matched.student.length);
  expect(matched.teacherSize).toBe(theirs.vocabularySize);
  return new Map(
    Array.from(matched.student, (id, i) => [own.tokenText(id), theirs.tokenText(matched.teacher[i]!)] as const),
  );
};

describe('tokens of two vocabularies', () => {
  it('are the same where their text is, however spaces and bytes are written', async () => {
    const pairs = await pairsOf('gpt2', 'llama2');
    expect(pairs.get(' the')).toBe(' the');
    expect(pairs.get('<0xC3>')).toBe('<0xC3>');
    // A letter is a letter, and not the byte that stands for it where there is none.
    expect(pairs.get('a')).toBe('a');
    for (const [own, theirs] of pairs) {
      const isNewline = own === '\n' || own === '\t';
      if (!isNewline && own !== '<|endoftext|>' && !theirs.startsWith('<0x')) expect(theirs).toBe(own);
    }
  });

  it('end a text in both, whatever they are called', async () => {
    expect((await pairsOf('gpt2', 'llama2')).get('<|endoftext|>')).toBe('</s>');
    expect((await pairsOf('qwen2', 'gpt2')).get('<|im_end|>')).toBe('<|endoftext|>');
    expect((await pairsOf('llama3', 'gemma')).get('<|end_of_text|>')).toBe('<eos>');
  });

  it('of word pieces are words with a space before them, and parts of words without', async () => {
    const pairs = await pairsOf('bert-cased', 'gpt2');
    expect(pairs.get('the')).toBe(' the');
    for (const [own, theirs] of pairs) {
      if (own.startsWith('##')) expect(theirs).toBe(own.slice(2));
    }
    expect([...pairs.keys()].some((own) => own.startsWith('##'))).toBe(true);
  });

  it('are all the same in one vocabulary, but for those that are the same as another', async () => {
    const own = await load('llama3');
    expect(matchTokens(own, own).student).toEqual(matchTokens(own, own).teacher);
    expect(matchTokens(own, own).student.length).toBeGreaterThan(0.98 * own.vocabularySize);
  });
});
