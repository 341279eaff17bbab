/** @file A model as a GGUF file for llama.cpp, with its tokenizer and chat template in it and its card beside it. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeAtomically } from '../../model/files/atomic';
import { loadCheckpoint } from '../../model/files/checkpoint';
import { requireGgufArchitecture, saveGguf } from '../../model/files/gguf-save';
import type { WrittenTypeName } from '../../model/files/gguf-writer';
import { ggufOfTokenizer } from '../../tokenizer/gguf-export';
import { readTokenizerFiles } from '../../tokenizer/tokenizer-files';
import { checkTokenizerJson } from '../../tokenizer/tokenizer-json';

const FILE = 'model.gguf';
const CARD = 'README.md';

/** @throws ComplaintError where llama.cpp has no such model or tokenizer */
export async function writeGgufFile(model: string, folder: string, values: string | undefined): Promise<void> {
  const { architecture, parameters } = await loadCheckpoint(model);
  // That it is no decoder tells more than that its tokenizer is another.
  requireGgufArchitecture(architecture);
  const { json, config } = await readTokenizerFiles(model);
  const type = values as WrittenTypeName;
  const card = await readFile(path.join(model, CARD), 'utf8').catch(() => undefined);
  const more = {
    ...(card !== undefined && { 'general.name': { text: titleOf(card) } }),
    ...ggufOfTokenizer(checkTokenizerJson(json), config, architecture.vocabularySize),
  };
  await saveGguf(path.join(folder, FILE), architecture, parameters, { type, more });
  if (card !== undefined) await writeAtomically(path.join(folder, CARD), cardOfFile(card, type));
}

const titleOf = (card: string): string => /^# (.*)$/m.exec(card)?.[1] ?? 'student';

/** The folder's card, of a file for another program. */
function cardOfFile(card: string, type: WrittenTypeName): string {
  const told = `This is a GGUF file, ${type.toUpperCase()}: \`llama-cli -m ${FILE}\`.`;
  return card
    .replace('library_name: transformers', 'library_name: gguf')
    .replace(/^(# .*)$/m, (title) => `${title}\n\n${told}`);
}
