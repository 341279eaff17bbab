/** @file Checks the files of a dataset: that they are there, have the columns, and agree on the labels. */

import { extname } from 'node:path';
import { InputError } from '../protocol/problem';
import { readCsvRecords } from '../text/csv-records';
import { readDataset, type Columns, type Row } from '../text/dataset';
import { readJsonRecords } from '../text/json-records';
import { findSplitFiles } from './dataset-files';
import type { Findings } from './findings';
import type { Experiment } from './schema';
import { closestName } from './suggest';

type FileSplit = 'train' | 'validation' | 'test';

/** What the files of a dataset hold, as far as they could be read. */
export interface DatasetFacts {
  /** Absolute paths; validation may be a fraction of the training rows. */
  files: { train: string[]; validation: string[] | number; test?: string[] };
  /** Number of rows to train on, after a fraction is held out. */
  trainingRows: number;
  /** Classes of the training rows, sorted; text-classification only. */
  labels: string[];
}

/** Fraction of the training rows that is held out where no validation is named. */
const defaultValidation = 0.1;

/** The columns of a dataset that its task reads. */
export function columnsOf({ task, dataset }: Pick<Experiment, 'task' | 'dataset'>): Columns {
  if (task === 'text-classification') {
    const pair = dataset.pairColumn === undefined ? {} : { pair: dataset.pairColumn };
    return { text: dataset.textColumn, label: dataset.labelColumn, ...pair };
  }
  if (task === 'masked-lm' || dataset.completionColumn === undefined) return { text: dataset.textColumn };
  const prompt = dataset.promptColumn === undefined ? {} : { prompt: dataset.promptColumn };
  return { completion: dataset.completionColumn, ...prompt };
}

/** Undefined where the files themselves are not all there. */
export async function checkDataset(experiment: Experiment, findings: Findings): Promise<DatasetFacts | undefined> {
  const { validation = defaultValidation } = experiment.dataset;
  const train = await findFiles(experiment, 'train', findings);
  const held = typeof validation === 'number' ? validation : await findFiles(experiment, 'validation', findings);
  const test = await findFiles(experiment, 'test', findings);
  if (train === undefined || held === undefined || (test === undefined && experiment.dataset.test !== undefined))
    return;
  const files = { train, validation: held, ...(test !== undefined && { test }) };
  warnOfSharedFiles(files, findings);

  const trainRows = await readSplit(experiment, train, findings);
  const validationRows = typeof held === 'number' ? [] : await readSplit(experiment, held, findings);
  const testRows = test === undefined ? [] : await readSplit(experiment, test, findings);
  if (trainRows === undefined) return;
  const labels = [...new Set(trainRows.map(({ label }) => label).filter((label) => label !== undefined))].sort();
  if (experiment.task === 'text-classification') {
    checkLabels(labels, [...(validationRows ?? []), ...(testRows ?? [])], findings);
  }
  return { files, trainingRows: checkHeldOut(trainRows.length, held, findings), labels };
}

async function findFiles(experiment: Experiment, split: FileSplit, findings: Findings): Promise<string[] | undefined> {
  const named = experiment.dataset[split];
  if (named === undefined || typeof named === 'number') return undefined;
  const { files, missing } = await findSplitFiles(named, findings.base);
  for (const { name, index } of missing) {
    findings.error(
      typeof named === 'string' ? ['dataset', split] : ['dataset', split, index],
      `There is no file ${JSON.stringify(name)}.`,
      'Correct the path; it is relative to the experiment file.',
    );
  }
  return missing.length > 0 ? undefined : files;
}

function warnOfSharedFiles(files: DatasetFacts['files'], findings: Findings): void {
  const training = new Set(files.train);
  for (const split of ['validation', 'test'] as const) {
    const others = files[split];
    if (!Array.isArray(others) || !others.some((file) => training.has(file))) continue;
    const message = `A file of "${split}" is trained on too, so it cannot tell how good the student is.`;
    findings.warning(['dataset', split], message, 'Name a file with other rows.');
  }
}

async function readSplit(experiment: Experiment, files: string[], findings: Findings): Promise<Row[] | undefined> {
  const columns = columnsOf(experiment);
  try {
    const { rows, problems } = await readDataset(files, columns);
    findings.add(...problems);
    return rows;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (!(await reportMissingColumns(experiment, files, findings))) findings.add(...error.problems);
    return undefined;
  }
}

/** Says at the experiment's key which column a file lacks and which is closest. Whether there was one to report. */
async function reportMissingColumns(experiment: Experiment, files: string[], findings: Findings): Promise<boolean> {
  const wanted = columnKeys(experiment);
  for (const file of files) {
    const present = await columnsIn(file);
    const missing = wanted.filter(({ column }) => present.length > 0 && !present.includes(column));
    for (const { key, column } of missing) {
      const close = closestName(column, present);
      findings.error(
        ['dataset', key],
        `${JSON.stringify(column)} is not a column of ${findings.show(file)}.`,
        close === undefined
          ? `Set "${key}" to one of ${present.map((name) => JSON.stringify(name)).join(', ')}.`
          : `Did you mean ${JSON.stringify(close)}?`,
      );
    }
    if (missing.length > 0) return true;
  }
  return false;
}

function columnKeys(experiment: Experiment): { key: string; column: string }[] {
  const { text, label, pair, prompt, completion } = columnsOf(experiment);
  return [
    { key: 'textColumn', column: text },
    { key: 'labelColumn', column: label },
    { key: 'pairColumn', column: pair },
    { key: 'promptColumn', column: prompt },
    { key: 'completionColumn', column: completion },
  ].filter((entry): entry is { key: string; column: string } => entry.column !== undefined);
}

/** Names of the columns of a file's first rows; none where it has no columns. */
async function columnsIn(file: string): Promise<string[]> {
  const records = readers[extname(file).toLowerCase()];
  const names = new Set<string>();
  let rows = 0;
  for await (const record of records?.(file) ?? []) {
    if ('fields' in record) for (const name of Object.keys(record.fields)) names.add(name);
    if (++rows === 100) break;
  }
  return [...names];
}

const readers: Record<string, typeof readJsonRecords> = {
  '.jsonl': readJsonRecords,
  '.csv': (file) => readCsvRecords(file, ','),
  '.tsv': (file) => readCsvRecords(file, '\t'),
};

function checkLabels(known: readonly string[], others: readonly Row[], findings: Findings): void {
  if (known.length === 1) {
    const message = `All training rows have the label ${JSON.stringify(known[0])}, so there is nothing to tell apart.`;
    findings.error(['dataset', 'train'], message, 'Add rows of another class, or choose another "labelColumn".');
  }
  const reported = new Set<string>();
  for (const { label, file, line } of others) {
    if (label === undefined || known.includes(label) || reported.has(`${file}\n${label}`)) continue;
    reported.add(`${file}\n${label}`);
    const close = closestName(label, known);
    findings.add({
      file,
      line,
      column: 1,
      severity: 'error',
      message: `No training row has the label ${JSON.stringify(label)}.`,
      remedy:
        close === undefined
          ? 'Correct it, or train on rows with this label.'
          : `Did you mean ${JSON.stringify(close)}? Otherwise train on rows with this label.`,
    });
  }
}

/** How many of the training rows a fraction holds out for validation. */
export function heldOutRows(rows: number, fraction: number): number {
  return Math.round(rows * fraction);
}

/** Rows that remain to be trained on. */
function checkHeldOut(rows: number, validation: string[] | number, findings: Findings): number {
  if (typeof validation !== 'number') return rows;
  const heldOut = heldOutRows(rows, validation);
  if (heldOut === 0 || heldOut === rows) {
    const message = `Of ${rows} training rows, the fraction ${validation} holds out ${heldOut === 0 ? 'none' : 'all'}.`;
    findings.error(['dataset', 'validation'], message, 'Name a validation file, or another fraction.');
  }
  return rows - heldOut;
}
