/** @file `export`: a copy of the model that a run has made, as a Hugging Face folder with its card. */

import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import { readRun } from '../../run-directory/run-directory';
import { complaint, InputError } from '../../protocol/problem';
import { findTraining } from '../serve/targets';

/** What this version writes, and what later ones will. */
export const exportFormats = ['huggingface', 'onnx', 'gguf', 'torchrun'] as const;

export interface ExportOptions {
  /** A folder that does not exist yet. NAME-student in the working directory when absent. */
  to?: string | undefined;
  format: (typeof exportFormats)[number];
}

export interface ExportResult {
  run: string;
  directory: string;
  format: string;
  files: string[];
}

/**
 * Copies the student of a run, of one of its seeds or a control. The folder is there when all of it is there.
 * @throws InputError where there is no finished model, the folder exists already, or this version does not write the format
 */
export async function exportModelOf(target: string, { to, format }: ExportOptions): Promise<ExportResult> {
  if (format !== 'huggingface') {
    throw InputError.of(complaint('export-format-missing', { format }), { file: '--format', line: 1, column: 1 });
  }
  const { run, training } = await findTraining(target);
  const model = await findCompleteDirectory(training.model);
  if (model === undefined) throw InputError.at(target, 'export-without-model', { run: run.id });
  const { record } = await readRun(run.directory);
  const directory = path.resolve(to ?? `${record.name.replace(/[^\p{L}\p{N}]+/gu, '-')}-student`);
  if (existsSync(directory)) throw InputError.at(directory, 'export-exists', {});
  await mkdir(path.dirname(directory), { recursive: true });
  const partial = await mkdtemp(`${directory}.partial-`);
  try {
    await cp(model, partial, { recursive: true });
    await rename(partial, directory);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
  return { run: run.id, directory, format, files: (await readdir(directory)).sort() };
}
