/** @file `export`: the model that a run has made, in one of several formats, with its card. */

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import { readRun } from '../../run-directory/run-directory';
import {
  experimentFormat,
  type ExportFormat,
  type QuantizationCost,
  valuesOfFormat,
} from '../../protocol/export-formats';
import { ComplaintError, InputError } from '../../protocol/problem';
import { exportWriters } from '../export/writers';
import type { Scheduler } from '../../protocol/torchrun';
import { exportForTorchrun } from '../torchrun/export';
import { findTraining } from '../serve/targets';

export interface ExportOptions {
  /** A folder that does not exist yet. NAME-student in the working directory when absent. */
  to?: string | undefined;
  format: ExportFormat | typeof experimentFormat;
  /** How weights are stored; the format's usual way when absent. */
  values?: string | undefined;
  /** Of an experiment: the scheduler that is to start it, whatever its file names. */
  where?: Scheduler | undefined;
}

export interface ExportResult {
  run: string;
  directory: string;
  format: string;
  files: string[];
  /** What is to be known of it, a sentence each. */
  notes: readonly string[];
  /** What rounding its weights costs, where that was measured. */
  cost?: QuantizationCost | undefined;
}

/**
 * Writes the student of a run, of one of its seeds or a control. The folder is there when all of it is there.
 * @throws InputError where there is no finished model, the folder exists already, or the format cannot hold it
 */
export async function exportModelOf(
  target: string,
  { to, format, values, where }: ExportOptions,
): Promise<ExportResult> {
  const known = format === experimentFormat ? [] : valuesOfFormat(format);
  if (values !== undefined && !known.includes(values)) {
    throw InputError.at('--values', 'export-values-unknown', {
      format,
      values,
      known: known.length > 0 ? known : undefined,
    });
  }
  if (format === experimentFormat) return exportExperiment(target, to, where);
  const { run, training } = await findTraining(target);
  const model = await findCompleteDirectory(training.model);
  if (model === undefined) throw InputError.at(target, 'export-without-model', { run: run.id });
  const { record } = await readRun(run.directory);
  const directory = path.resolve(to ?? `${fileNameOf(record.name)}-student`);
  const write = exportWriters[format];
  const report = await writeWhole(target, directory, (folder) => write(model, folder, values ?? known[0], run));
  return { run: run.id, directory, format, files: (await readdir(directory)).sort(), ...report };
}

const fileNameOf = (name: string): string => name.replace(/[^\p{L}\p{N}]+/gu, '-');

/** Everything to train an experiment on PyTorch elsewhere, from its file or from a run. */
async function exportExperiment(target: string, to: string | undefined, where?: Scheduler): Promise<ExportResult> {
  const name = path.basename(target).replace(/(\.distill)?\.jsonc?$/i, '');
  const directory = path.resolve(to ?? `${fileNameOf(name)}-torchrun`);
  const { notes } = await writeWhole(target, directory, (folder) => exportForTorchrun(target, folder, where));
  return { run: name, directory, format: experimentFormat, files: (await readdir(directory)).sort(), notes };
}

/** Writes a folder that is there when all of it is there. What has no place of its own is told at `target`. */
async function writeWhole<T>(target: string, directory: string, write: (folder: string) => Promise<T>): Promise<T> {
  if (existsSync(directory)) throw InputError.at(directory, 'export-exists', {});
  await mkdir(path.dirname(directory), { recursive: true });
  const partial = await mkdtemp(`${directory}.partial-`);
  try {
    const report = await write(partial);
    await rename(partial, directory);
    return report;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error instanceof ComplaintError
      ? InputError.of(error.complaint, { file: target, line: 1, column: 1 })
      : error;
  }
}
