/** @file Checks the files of a dataset: that they are there, have the columns, and agree on the labels. */

import { extname } from 'node:path';
import { InputError } from '../../protocol/problem';
import { fileRecords, type Columns } from '../../dataset/dataset';
import { closestFile, findSplitFiles, type FileSplit } from './dataset-files';
import type { Findings } from './findings';
import { setValue } from '../file/fixes';
import type { Experiment } from '../file/schema';
import { summarizeSplit, type FirstOfLabel, type SplitSummary } from '../../dataset/split-summary';
import { closestName } from '../file/suggest';

/** What the files of a dataset hold, as far as they could be read. */
export interface DatasetFacts {
  /** Absolute paths; validation may be a fraction of the training rows. */
  files: { train: string[]; validation: string[] | number; test?: string[]; unlabelled?: string[] };
  /** Number of rows to train on, after a fraction is held out: those with a label, and those without. */
  trainingRows: { labelled: number; unlabelled: number };
  /** Classes of the training rows, sorted; text-classification only. */
  labels: string[];
}

const useTenth = setValue(['dataset', 'validation'], 0.1, 'Use 0.1 of the training rows as validation');

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

/** The columns of texts without labels: one that holds labels all the same is not read. */
export function unlabelledColumns(experiment: Pick<Experiment, 'task' | 'dataset'>): Columns {
  const { text, pair } = columnsOf(experiment);
  return { ...(text !== undefined && { text }), ...(pair !== undefined && { pair }) };
}

/** Undefined where the files themselves are not all there. */
export async function checkDataset(experiment: Experiment, findings: Findings): Promise<DatasetFacts | undefined> {
  const { validation = defaultValidation } = experiment.dataset;
  const train = await findFiles(experiment, 'train', findings);
  const held = typeof validation === 'number' ? validation : await findFiles(experiment, 'validation', findings);
  const test = await findFiles(experiment, 'test', findings);
  const more = await findFiles(experiment, 'unlabelled', findings);
  const lacks = (split: FileSplit, found: unknown): boolean =>
    found === undefined && experiment.dataset[split] !== undefined;
  if (train === undefined || held === undefined || lacks('test', test) || lacks('unlabelled', more)) return;
  const files = {
    train,
    validation: held,
    ...(test !== undefined && { test }),
    ...(more !== undefined && { unlabelled: more }),
  };
  warnOfSharedFiles(files, findings);

  const training = await readSplit(experiment, 'train', train, findings);
  const validating = typeof held === 'number' ? undefined : await readSplit(experiment, 'validation', held, findings);
  const testing = test === undefined ? undefined : await readSplit(experiment, 'test', test, findings);
  const texts = more === undefined ? undefined : await readSplit(experiment, 'unlabelled', more, findings);
  if (training === undefined || (more !== undefined && texts === undefined)) return;
  const labels = [...new Set(training.labels.map(({ label }) => label))].sort();
  if (experiment.task === 'text-classification') {
    checkLabels(labels, [...(validating?.labels ?? []), ...(testing?.labels ?? [])], findings);
    countUnlabelled(training, validating, testing, findings);
  }
  const labelled = checkHeldOut(training.rows - training.unlabelled, held, findings);
  return { files, trainingRows: { labelled, unlabelled: training.unlabelled + (texts?.rows ?? 0) }, labels };
}

/** Says how many rows have no label, and what becomes of them. */
function countUnlabelled(
  training: SplitSummary,
  validating: SplitSummary | undefined,
  testing: SplitSummary | undefined,
  findings: Findings,
): void {
  const share = ({ rows, unlabelled }: SplitSummary): string => `${unlabelled} of ${rows} rows have no label`;
  if (training.unlabelled > 0 && training.unlabelled < training.rows) {
    const message = `${share(training)}: the student learns the teacher's soft labels on them, and the student loss and the control leave them out.`;
    findings.warning(['dataset', 'train'], message, 'Label them, or let the teacher judge them as it is.');
  }
  for (const [split, summary] of [
    ['validation', validating],
    ['test', testing],
  ] as const) {
    if (summary === undefined || summary.unlabelled === 0) continue;
    const message = `${share(summary)}, so nothing can be measured on them: they are left out.`;
    findings.warning(['dataset', split], message, 'Label or remove them.');
  }
}

async function findFiles(experiment: Experiment, split: FileSplit, findings: Findings): Promise<string[] | undefined> {
  const named = experiment.dataset[split];
  if (named === undefined || typeof named === 'number') return undefined;
  const { files, missing } = await findSplitFiles(named, findings.base);
  for (const { name, index } of missing) {
    const path = typeof named === 'string' ? ['dataset', split] : ['dataset', split, index];
    const close = await closestFile(name, findings.base);
    findings.error(
      path,
      `There is no file ${JSON.stringify(name)}.`,
      close === undefined
        ? 'Correct the path; it is relative to the experiment file.'
        : `Did you mean ${JSON.stringify(close)}?`,
      ...(close === undefined ? [] : [setValue(path, close)]),
      ...(split === 'validation' ? [useTenth] : []),
    );
  }
  return missing.length > 0 ? undefined : files;
}

function warnOfSharedFiles(files: DatasetFacts['files'], findings: Findings): void {
  const training = new Set([...files.train, ...(files.unlabelled ?? [])]);
  for (const split of ['validation', 'test'] as const) {
    const others = files[split];
    if (!Array.isArray(others) || !others.some((file) => training.has(file))) continue;
    const message = `A file of "${split}" is trained on too, so it cannot tell how good the student is.`;
    findings.warning(
      ['dataset', split],
      message,
      'Name a file with other rows.',
      ...(split === 'validation' ? [useTenth] : []),
    );
  }
}

async function readSplit(
  experiment: Experiment,
  split: FileSplit,
  files: string[],
  findings: Findings,
): Promise<SplitSummary | undefined> {
  const columns = split === 'unlabelled' ? unlabelledColumns(experiment) : columnsOf(experiment);
  try {
    const summary = await summarizeSplit(files, columns);
    findings.add(...summary.problems);
    return summary;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (!(await reportMissingColumns(columns, files, findings))) findings.add(...error.problems);
    return undefined;
  }
}

/** Says at the experiment's key which column a file lacks and which is closest. Whether there was one to report. */
async function reportMissingColumns(columns: Columns, files: string[], findings: Findings): Promise<boolean> {
  const wanted = columnKeys(columns);
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
        ...(close === undefined ? present.slice(0, 5) : [close]).map((name) => setValue(['dataset', key], name)),
      );
    }
    if (missing.length > 0) return true;
  }
  return false;
}

function columnKeys({ text, label, pair, prompt, completion }: Columns): { key: string; column: string }[] {
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
  const names = new Set<string>();
  if (!['.jsonl', '.csv', '.tsv'].includes(extname(file).toLowerCase())) return [];
  let rows = 0;
  for await (const record of fileRecords(file)) {
    if ('fields' in record) for (const name of Object.keys(record.fields)) names.add(name);
    if (++rows === 100) break;
  }
  return [...names];
}

function checkLabels(known: readonly string[], others: readonly FirstOfLabel[], findings: Findings): void {
  if (known.length === 0) {
    const message =
      'No training row has a label, so the student loss and the control would have nothing to learn from.';
    findings.error(['dataset', 'train'], message, 'Label some rows, or choose another "labelColumn".');
    return;
  }
  if (known.length === 1) {
    const message = `All training rows have the label ${JSON.stringify(known[0])}, so there is nothing to tell apart.`;
    findings.error(['dataset', 'train'], message, 'Add rows of another class, or choose another "labelColumn".');
  }
  for (const { label, file, line } of others) {
    if (known.includes(label)) continue;
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
    findings.error(['dataset', 'validation'], message, 'Name a validation file, or another fraction.', useTenth);
  }
  return rows - heldOut;
}
