/** @file The table of formats that a model is exported in. */

import type { ExportFormat, ExportReport } from '../../protocol/export-formats';
import type { RunPaths } from '../../run-directory/run-paths';
import { writeGgufFile } from './gguf';
import { copyFolder } from './huggingface';
import { writeOnnxFolder } from './onnx';

/**
 * Writes a finished model.
 * @param model its Hugging Face folder, with tokenizer and card
 * @param folder an empty one, which is made whole or not at all by whoever calls
 * @param values one of the format's `values`
 * @param run that has made it, for what is to be measured on its rows
 */
export type ExportWriter = (
  model: string,
  folder: string,
  values: string | undefined,
  run: RunPaths,
) => Promise<ExportReport>;

/** One of which nothing is to be said. */
const plain =
  (write: (model: string, folder: string, values: string | undefined) => Promise<void>): ExportWriter =>
  async (model, folder, values) => {
    await write(model, folder, values);
    return { notes: [] };
  };

export const exportWriters: Record<ExportFormat, ExportWriter> = {
  huggingface: plain(copyFolder),
  onnx: writeOnnxFolder,
  gguf: plain(writeGgufFile),
};
