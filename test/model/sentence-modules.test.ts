/** @file Folders of sentence-transformers in the forms that its versions have written. */

import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readSentenceModules } from '../../src/model/files/sentence-modules';
import { makeFolder } from '../experiment/workspace';
import { goldenFolder } from '../golden/compare';

const older = goldenFolder('mpnet-sentence-embedding');

/** As version 6.2.0 saves that folder with `max_seq_length` 16. @param most `model_max_length` of the tokenizer */
function newer(most: number): string {
  const folder = makeFolder();
  cpSync(older, folder, { recursive: true });
  const write = (name: string, value: unknown): void => writeFileSync(join(folder, name), JSON.stringify(value));
  write('modules.json', [
    { idx: 0, name: '0', path: '', type: 'sentence_transformers.base.modules.transformer.Transformer' },
    {
      idx: 1,
      name: '1',
      path: '1_Pooling',
      type: 'sentence_transformers.sentence_transformer.modules.pooling.Pooling',
    },
    { idx: 2, name: '2', path: '2_Normalize', type: 'sentence_transformers.base.modules.normalize.Normalize' },
  ]);
  write('1_Pooling/config.json', { embedding_dimension: 32, pooling_mode: 'mean', include_prompt: true });
  write('sentence_bert_config.json', {
    transformer_task: 'feature-extraction',
    module_output_name: 'token_embeddings',
  });
  write('config_sentence_transformers.json', { prompts: { query: '', document: '' }, default_prompt_name: null });
  write('tokenizer_config.json', { model_max_length: most });
  return folder;
}

it('mean the same, the longest text among it, which since version 6 the tokenizer alone has', async () => {
  const embedding = { pooling: 'mean', isNormalized: true };
  expect(await readSentenceModules(older)).toEqual({ embedding: { ...embedding, maxTokens: 48 }, dense: undefined });
  expect(await readSentenceModules(newer(16))).toEqual({
    embedding: { ...embedding, maxTokens: 16 },
    dense: undefined,
  });
  // transformers' number for a tokenizer without a limit.
  expect(await readSentenceModules(newer(1e30))).toEqual({ embedding, dense: undefined });
});
