/** @file A WordPiece tokenizer as BERT's, of any words. */

export const specialWords = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

/** In `tokenizer.json`'s words. @param added tokens that are taken as they stand, among the words */
export function wordPieceJson(words: readonly string[], added: readonly string[] = specialWords): object {
  const sequence = (name: string) => ({ Sequence: { id: name, type_id: name === 'A' ? 0 : 1 } });
  const token = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map((content) => ({
      id: words.indexOf(content),
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [token('[CLS]', 0), sequence('A'), token('[SEP]', 0)],
      pair: [token('[CLS]', 0), sequence('A'), token('[SEP]', 0), sequence('B'), token('[SEP]', 1)],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(words.map((word, id) => [word, id])),
    },
  };
}

/** A tokenizer of 99 tokens, as the golden models have them: special ones, and characters. */
export function characterTokenizer(): object {
  const characters = Array.from('abcdefghijklmnopqrstuvwxyz0123456789.,;!?');
  const words = [...specialWords, ...characters, ...characters.map((one) => `##${one}`)];
  // The end-of-text token of the golden GPT-2 is its last.
  const all = [...words, ...Array.from({ length: 98 - words.length }, (_, i) => `[X${i}]`), '<|endoftext|>'];
  return wordPieceJson(all, [...specialWords, '<|endoftext|>']);
}
