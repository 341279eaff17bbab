/** @file The table of formats that a model is exported in. */

import type { ExportFormat } from '../../protocol/export-formats';
import { writeGgufFile } from './gguf';
import { copyFolder } from './huggingface';

/**
 * Writes a finished model.
 * @param model its Hugging Face folder, with tokenizer and card
 * @param folder an empty one, which is made whole or not at all by whoever calls
 * @param values one of the format's `values`
 */
export type ExportWriter = (model: string, folder: string, values: string | undefined) => Promise<void>;

export const exportWriters: Record<ExportFormat, ExportWriter> = {
  huggingface: copyFolder,
  gguf: writeGgufFile,
};
