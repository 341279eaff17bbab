/** @file A RoBERTa with a tokenizer of its own, of bytes, as a teacher of students that have another. */

import { mkdirSync } from 'node:fs';
import { saveCheckpoint } from '../../src/model/files/checkpoint';
import type { Architecture } from '../../src/model/architecture';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { trainTokenizer } from '../../src/tokenizer/train-tokenizer';

interface TokenizerJson {
  added_tokens: object[];
  post_processor: object;
  model: { vocab: Record<string, number> };
}

/** Byte-level, learnt from these texts, with RoBERTa's special tokens around a text. */
export function robertaTokenizer(texts: readonly string[], vocabularySize = 400): Tokenizer {
  const { json } = trainTokenizer(texts, { kind: 'bpe', vocabularySize, spacesWords: true }).files;
  const made = json as TokenizerJson;
  const names = ['<s>', '<pad>', '</s>'] as const;
  const first = Object.keys(made.model.vocab).length;
  const [begin, , end] = names.map((name, i) => [name, first + i] as const);
  for (const [i, content] of names.entries()) {
    made.model.vocab[content] = first + i;
    made.added_tokens.push({ id: first + i, content, special: true });
  }
  made.post_processor = { type: 'RobertaProcessing', cls: begin, sep: end, trim_offsets: true, add_prefix_space: true };
  const tokens = { bos_token: '<s>', cls_token: '<s>', pad_token: '<pad>', sep_token: '</s>', eos_token: '</s>' };
  return Tokenizer.fromJson(made, { ...tokens, add_prefix_space: true });
}

/** Its folder, with random weights that are sure enough of what they say. */
export async function writeRoberta(
  folder: string,
  tokenizer: Tokenizer,
  options: Pick<Architecture, 'head' | 'labels'> & Partial<Architecture>,
  seed = 1,
): Promise<Architecture> {
  const architecture = createArchitecture({
    family: 'roberta',
    hiddenSize: 32,
    layers: 1,
    heads: 4,
    vocabularySize: tokenizer.vocabularySize,
    maxPositions: 64,
    initializerRange: 0.5,
    padId: tokenizer.padId,
    ...options,
  });
  mkdirSync(folder, { recursive: true });
  await saveCheckpoint(folder, architecture, initializeParameters(architecture, seed));
  await tokenizer.save(folder);
  return architecture;
}
