/** @file `export`: the model that a run has made, in one of several formats, with its card. */

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import { readRun } from '../../run-directory/run-directory';
import {
  type ExportFormat,
  exportFormatNames,
  type ExportReport,
  type laterExportFormats,
  type QuantizationCost,
  valuesOfFormat,
} from '../../protocol/export-formats';
import { ComplaintError, InputError } from '../../protocol/problem';
import { exportWriters } from '../export/writers';
import { findTraining } from '../serve/targets';

export interface ExportOptions {
  /** A folder that does not exist yet. NAME-student in the working directory when absent. */
  to?: string | undefined;
  format: ExportFormat | (typeof laterExportFormats)[number];
  /** How weights are stored; the format's usual way when absent. */
  values?: string | undefined;
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
export async function exportModelOf(target: string, { to, format, values }: ExportOptions): Promise<ExportResult> {
  if (!isWritten(format)) throw InputError.at('--format', 'export-format-missing', { format });
  const known = valuesOfFormat(format);
  if (values !== undefined && !known.includes(values)) {
    throw InputError.at('--values', 'export-values-unknown', {
      format,
      values,
      known: known.length > 0 ? known : undefined,
    });
  }
  const { run, training } = await findTraining(target);
  const model = await findCompleteDirectory(training.model);
  if (model === undefined) throw InputError.at(target, 'export-without-model', { run: run.id });
  const { record } = await readRun(run.directory);
  const directory = path.resolve(to ?? `${record.name.replace(/[^\p{L}\p{N}]+/gu, '-')}-student`);
  if (existsSync(directory)) throw InputError.at(directory, 'export-exists', {});
  await mkdir(path.dirname(directory), { recursive: true });
  const partial = await mkdtemp(`${directory}.partial-`);
  let report: ExportReport;
  try {
    report = await exportWriters[format](model, partial, values ?? known[0], run);
    await rename(partial, directory);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error instanceof ComplaintError
      ? InputError.of(error.complaint, { file: target, line: 1, column: 1 })
      : error;
  }
  return { run: run.id, directory, format, files: (await readdir(directory)).sort(), ...report };
}

const isWritten = (format: ExportOptions['format']): format is ExportFormat =>
  (exportFormatNames as readonly string[]).includes(format);
