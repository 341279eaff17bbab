/** @file Tokenizers without the tokens that some texts do not use. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { cuttableKinds } from '../../src/tokenizer/cut-vocabulary';
import { Tokenizer } from '../../src/tokenizer/tokenizer';

const root = path.join(import.meta.dirname, '../golden/data/tokenizers');
const names = ['bert-uncased', 'bert-cased', 'gpt2', 'roberta', 'modernbert', 'llama2', 'llama2-metaspace', 'llama3'];
const more = ['qwen2', 'gemma', 'xlm-roberta', 't5'];

/** Every third of the recorded texts is used, so that much is not. */
function textsOf(name: string): { used: string[]; others: string[] } {
  const lines = readFileSync(path.join(root, name, 'encodings.json'), 'utf8').trim();
  const recorded = JSON.parse(lines) as { text: string }[];
  const texts = [...new Set(recorded.map(({ text }) => text))];
  return { used: texts.filter((_, i) => i % 3 === 0), others: texts.filter((_, i) => i % 3 !== 0) };
}

describe.each([...names, ...more])('%s without the tokens that some texts do not use', (name) => {
  it('cuts these texts into the same pieces, and all others into what is left', async () => {
    const whole = await Tokenizer.load(path.join(root, name));
    expect(cuttableKinds).toContain(whole.kind);
    const { used, others } = textsOf(name);
    const encoded = used.map((text) => whole.encode(text));
    const { tokenizer: cut, kept } = whole.cut(new Set(encoded.flatMap(({ ids }) => Array.from(ids))));
    expect(cut.vocabularySize).toBe(kept.length);
    expect(cut.vocabularySize).toBeLessThan(whole.vocabularySize);
    kept.forEach((old, id) => expect(cut.tokenText(id)).toBe(whole.tokenText(old)));
    for (const [i, text] of used.entries()) {
      const { ids, ...places } = cut.encode(text);
      const { ids: before, ...placesBefore } = encoded[i]!;
      expect(Array.from(ids, (id) => kept[id])).toEqual(Array.from(before));
      expect(places).toEqual(placesBefore);
    }
    for (const [role, id] of Object.entries(whole.special)) {
      expect(kept[cut.special[role as keyof typeof cut.special]!]).toBe(id);
    }
    const unknown = (tokenizer: Tokenizer, text: string): number =>
      tokenizer.encode(text).ids.filter((id) => id === tokenizer.special.unknown).length;
    for (const text of others) {
      expect(cut.decode(cut.encode(text).ids)).toBe(whole.decode(whole.encode(text).ids));
      expect(unknown(cut, text)).toBe(unknown(whole, text));
    }
  });
});

it('is not cut where its tokens depend on each other in another way', () => {
  const words = Tokenizer.fromJson({ model: { type: 'WordLevel', vocab: { '[UNK]': 0, a: 1 }, unk_token: '[UNK]' } });
  expect(() => words.cut([1])).toThrow('wordlevel');
});
