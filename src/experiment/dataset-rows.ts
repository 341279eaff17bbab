/** @file Rows of a run's dataset, for views that look at one of them. */

import path from 'node:path';
import { InputError } from '../protocol/problem';
import { forEachRow, type Row } from '../dataset/dataset';
import type { Split } from '../protocol/records';
import { columnsOf } from './checks/check-dataset';
import type { ResolvedExperiment } from './file/schema';

/** The row that begins at a line of a file. Throws an InputError where the run has not read the file or has no such row. */
export async function readDatasetRow(experiment: ResolvedExperiment, file: string, line: number): Promise<Row> {
  const wanted = path.resolve(path.dirname(experiment.file), file);
  if (!experiment.inputs.some((input) => path.resolve(input.path) === wanted)) {
    throw InputError.at(file, 'row-of-another-file', {});
  }
  let row: Row | undefined;
  const split = splitOf(experiment, wanted);
  await forEachRow([wanted], { ...columnsOf(experiment, split), labelIsOptional: true }, (one) => {
    if (one.line === line) row = one;
    return one.line < line;
  });
  if (!row) throw InputError.at(file, 'row-not-on-line', { line }, line);
  return row;
}

/** The split that a file of the run is of. */
export function splitOf({ dataset, file: experiment }: ResolvedExperiment, file: string): Split {
  const isIn = (files: readonly string[] | undefined): boolean =>
    files?.some((one) => path.resolve(path.dirname(experiment), one) === file) ?? false;
  if (isIn(dataset.test)) return 'test';
  return Array.isArray(dataset.validation) && isIn(dataset.validation) ? 'validation' : 'train';
}

/** The first rows that were held out from training, where they have files of their own; else of the training's. */
export async function readHeldOutRows({ dataset, task }: ResolvedExperiment, most: number): Promise<Row[]> {
  const files = dataset.test ?? (Array.isArray(dataset.validation) ? dataset.validation : dataset.train);
  const rows: Row[] = [];
  const split = dataset.test ? 'test' : Array.isArray(dataset.validation) ? 'validation' : 'train';
  await forEachRow(files.slice(0, 1), columnsOf({ task, dataset }, split), (row) => rows.push(row) < most);
  return rows;
}
