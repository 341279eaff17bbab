/** @file Checks the files of a dataset: that they are there, have the columns, and agree on the labels. */

import { extname, resolve } from 'node:path';
import { sortedLabels } from '../../protocol/format';
import { complaintAbout, InputError, problemAt, type Problem } from '../../protocol/problem';
import type { ProblemCode } from '../../protocol/problems/catalogue';
import type { LabelKind, Split } from '../../protocol/records';
import { phrase } from '../../protocol/problems/phrases';
import { labelKindIn } from '../../dataset/label-kind';
import { fileRecords, type Columns, type ReadingOptions } from '../../dataset/dataset';
import { isTrainedHere } from '../ensemble';
import { closestFile, findSplitFiles, type FileSplit } from './dataset-files';
import { checkLabelKind } from './check-labels';
import type { Findings } from './findings';
import { setValue } from '../file/fixes';
import type { Experiment } from '../file/schema';
import { summarizeIndexes, summarizeSplit, type FirstOfLabel, type SplitSummary } from '../../dataset/split-summary';
import { areLarge, rowIndexesOf } from '../large-rows';
import { closestName } from '../file/suggest';
import { hasLabels, isOfEmbeddings, wordColumns } from '../../protocol/tasks';
import { scoreRangeOf, withPairs } from './pairs';

/** What the files of a dataset hold, as far as they could be read. */
export interface DatasetFacts {
  /** Absolute paths; validation may be a fraction of the training rows. */
  files: {
    train: string[];
    validation: string[] | number;
    test?: string[] | undefined;
    unlabelled?: string[] | undefined;
  };
  /** Number of rows to train on, after a fraction is held out: those with a label, and those without. */
  trainingRows: { labelled: number; unlabelled: number };
  /** The columns of text and labels, as the file says or as they were found. */
  columns: Pick<Experiment['dataset'], 'textColumn' | 'labelColumn' | 'pairs'>;
  /** What the labels are, as the experiment says or as it was seen from the rows; text-classification, and sentence-embedding with scores. */
  kind?: LabelKind | undefined;
  /** Classes of the training rows, or of their words, sorted. Of numbers the name of their column. */
  labels: string[];
  /** Classes of the rows of validation and test files, where each occurs first; of words those of training files too. */
  measuredLabels: FirstOfLabel[];
}

const useTenth = setValue(['dataset', 'validation'], 0.1, phrase('hold-out-tenth'));

/** Fraction of the training rows that is held out where no validation is named. */
const defaultValidation = 0.1;

/** They are evaluated again and again, and more of them hardly narrow an interval any further: at most so many are held out unasked. */
const MOST_HELD_OUT = 10_000;

/** The columns of a dataset that its task reads. @param split of which */
export function columnsOf({ task, dataset }: Pick<Experiment, 'task' | 'dataset'>, split: Split = 'train'): Columns {
  if (task === 'text-classification') {
    const { pairColumn, labels, labelSeparator } = dataset;
    return {
      text: dataset.textColumn,
      label: dataset.labelColumn,
      pair: pairColumn,
      labels,
      labelSeparator,
    };
  }
  if (task === 'token-classification') {
    return { text: dataset.textColumn, label: dataset.labelColumn, words: true };
  }
  if (task === 'sentence-embedding') {
    const { textColumn: text, pairColumn: pair, labelColumn: label, pairs } = dataset;
    if (!pairs?.splits.includes(split)) return { text };
    return { text, pair, ...(pairs.scored.includes(split) && { label, labels: 'similarity' }) };
  }
  if (task === 'masked-lm' || dataset.completionColumn === undefined) return { text: dataset.textColumn };
  const prompt = dataset.promptColumn === undefined ? {} : { prompt: dataset.promptColumn };
  return { completion: dataset.completionColumn, ...prompt };
}

/** Tokens of the longest row: of a pair both texts may be as long as one may be. */
export const longestRow = ({ maxLength, pairs }: Pick<Experiment['dataset'], 'maxLength' | 'pairs'>): number =>
  pairs ? 2 * maxLength : maxLength;

/** The columns of texts without labels: one that holds labels all the same is not read. */
export function unlabelledColumns(experiment: Pick<Experiment, 'task' | 'dataset'>): Columns {
  const { text, pair } = columnsOf(experiment);
  return { text, pair };
}

/** Undefined where the files themselves are not all there, or could not be read. What is there is checked whatever else is not. */
export async function checkDataset(
  written: Experiment,
  findings: Findings,
  options: Pick<ReadingOptions, 'mostBytes'> = {},
): Promise<DatasetFacts | undefined> {
  const find = (split: FileSplit): Promise<string[] | undefined> =>
    findings.checkAsync(() => findFiles(written, split, findings));
  const train = await find('train');
  const named = await findings.checkAsync(async () => {
    const { validation = defaultValidation } = written.dataset;
    return typeof validation === 'number' ? validation : findFiles(written, 'validation', findings);
  });
  const test = await find('test');
  const inWords = (await findings.checkAsync(() => withWordColumns(written, train, findings))) ?? written;
  const filesOf = { train, ...(Array.isArray(named) && { validation: named }), ...(test && { test }) };
  const experiment =
    (await findings.checkAsync(() => withPairs(inWords, filesOf, findings).catch(() => inWords))) ?? inWords;
  const more = await find('unlabelled');
  const kind = await findings.checkAsync(
    async () => (await kindOfLabels(experiment, train)) ?? kindOfScores(experiment),
  );
  warnOfSharedFiles({ train, validation: named, test, unlabelled: more }, findings);

  const read = (split: FileSplit, files: string[] | undefined): Promise<SplitSummary | undefined> =>
    findings.checkAsync(async () => files && readSplit(experiment, split, files, kind, findings, options));
  const training = await read('train', train);
  const validating = typeof named === 'number' ? undefined : await read('validation', named);
  const testing = await read('test', test);
  const texts = await read('unlabelled', more);
  if (training === undefined) return undefined;
  if (kind !== undefined) checkLabelKind(experiment, kind, findings);
  const labels =
    kind === 'regression' ? [experiment.dataset.labelColumn] : sortedLabels(training.labels.map(({ label }) => label));
  const ofWords = findings.check(() => experiment.task) === 'token-classification';
  const measuredLabels = [
    ...(ofWords ? training.labels : []),
    ...(validating?.labels ?? []),
    ...(testing?.labels ?? []),
  ];
  // What was not read may have other labels, and labels at all.
  const isPart = [training, validating, testing, texts].some((summary) => summary?.part !== undefined);
  if (!isPart && findings.check(() => hasLabels(experiment.task))) {
    if (kind === 'regression') checkNumbers(training, findings);
    else checkLabels(labels, kind, findings);
    if (kind !== 'regression' && findings.check(() => isTrainedHere(experiment.teacher)))
      checkTrained(labels, measuredLabels, findings);
    countUnlabelled(ofWords, training, validating, testing, findings);
  }
  if (train === undefined || named === undefined) return undefined;
  // As many as it takes for all that is asked of them.
  const unlabelled = findings.check(() => isOfEmbeddings(experiment.task)) ? 0 : training.unlabelled;
  const withLabel = training.part === undefined ? training.rows - unlabelled : Infinity;
  const isAsked = findings.check(() => experiment.dataset.validation !== undefined);
  const held = typeof named !== 'number' || isAsked ? named : Math.min(named, MOST_HELD_OUT / Math.max(1, withLabel));
  const labelled = withLabel === Infinity ? withLabel : checkHeldOut(withLabel, held, findings);
  const lacks = (split: FileSplit, found: unknown): boolean =>
    findings.check(() => found === undefined && experiment.dataset[split] !== undefined) !== false;
  if (lacks('test', test) || lacks('unlabelled', texts)) return undefined;
  return {
    files: {
      train,
      validation: held,
      test,
      unlabelled: more,
    },
    trainingRows: {
      labelled: Math.min(labelled, experiment.dataset.trainRows ?? Infinity),
      unlabelled: Math.min(unlabelled + (texts?.rows ?? 0), experiment.dataset.unlabelledRows ?? Infinity),
    },
    columns: {
      textColumn: experiment.dataset.textColumn,
      labelColumn: experiment.dataset.labelColumn,
      ...(experiment.dataset.pairs && {
        pairs: {
          ...experiment.dataset.pairs,
          range: scoreRangeOf([training, validating, testing].map((summary) => summary?.range)),
        },
      }),
    },
    kind,
    labels,
    measuredLabels,
  };
}

/** With the columns that hold words and tags, which have other names than those of texts and classes. */
async function withWordColumns(
  experiment: Experiment,
  train: string[] | undefined,
  findings: Findings,
): Promise<Experiment> {
  if (experiment.task !== 'token-classification') return experiment;
  const present = await columnsIn(train?.[0] ?? '').catch((): string[] => []);
  const looked: [string, readonly string[]][] = [
    ['textColumn', wordColumns.words],
    ['labelColumn', wordColumns.tags],
  ];
  const named = looked
    .filter(([key]) => !findings.isWritten(['dataset', key]))
    .map(([key, usual]): [string, string] => [key, usual.find((name) => present.includes(name)) ?? usual[0]!]);
  return { ...experiment, dataset: { ...experiment.dataset, ...Object.fromEntries(named) } };
}

/** Undefined for another task than text-classification. */
async function kindOfLabels(
  { task, dataset }: Experiment,
  train: string[] | undefined,
): Promise<LabelKind | undefined> {
  if (task !== 'text-classification') return undefined;
  return dataset.labels ?? labelKindIn(train ?? [], dataset.labelColumn);
}

/** Embeddings are judged by scores where validation has them. */
const kindOfScores = ({ dataset }: Experiment): LabelKind | undefined =>
  dataset.pairs?.scored.includes('validation') ? 'similarity' : undefined;

/** Says how many rows have no label, and what becomes of them. */
function countUnlabelled(
  ofWords: boolean,
  training: SplitSummary,
  validating: SplitSummary | undefined,
  testing: SplitSummary | undefined,
  findings: Findings,
): void {
  const { rows, unlabelled } = training;
  if (unlabelled > 0 && unlabelled < rows) {
    findings.warning(['dataset', 'train'], ofWords ? 'rows-untagged' : 'rows-unlabelled', { rows, unlabelled });
  }
  for (const [split, summary] of [
    ['validation', validating],
    ['test', testing],
  ] as const) {
    if (summary === undefined || summary.unlabelled === 0) continue;
    const counts = { rows: summary.rows, unlabelled: summary.unlabelled };
    findings.warning(['dataset', split], 'rows-not-measured', counts);
  }
}

async function findFiles(experiment: Experiment, split: FileSplit, findings: Findings): Promise<string[] | undefined> {
  const named = experiment.dataset[split];
  if (named === undefined || typeof named === 'number') return undefined;
  const found = await findings.attempt(findSplitFiles(named, findings.base), ['dataset', split]);
  if (found === undefined) return undefined;
  const { files, missing } = found;
  for (const { name, index } of missing) {
    const path = typeof named === 'string' ? ['dataset', split] : ['dataset', split, index];
    const close = await closestFile(name, findings.base);
    findings.error(
      path,
      'dataset-file-missing',
      { name, close },
      ...(close === undefined ? [] : [setValue(path, close)]),
      ...(split === 'validation' ? [useTenth] : []),
    );
  }
  return missing.length > 0 ? undefined : files;
}

interface FoundFiles {
  train: string[] | undefined;
  validation: string[] | number | undefined;
  test: string[] | undefined;
  unlabelled: string[] | undefined;
}

function warnOfSharedFiles(files: FoundFiles, findings: Findings): void {
  const training = new Set([...(files.train ?? []), ...(files.unlabelled ?? [])]);
  for (const split of ['validation', 'test'] as const) {
    const others = files[split];
    if (!Array.isArray(others) || !others.some((file) => training.has(file))) continue;
    const fixes = split === 'validation' ? [useTenth] : [];
    findings.warning(['dataset', split], 'dataset-shared-file', { split }, ...fixes);
  }
}

async function readSplit(
  experiment: Experiment,
  split: FileSplit,
  files: string[],
  kind: LabelKind | undefined,
  findings: Findings,
  { mostBytes }: Pick<ReadingOptions, 'mostBytes'>,
): Promise<SplitSummary | undefined> {
  const columns =
    split === 'unlabelled'
      ? unlabelledColumns(experiment)
      : { ...columnsOf(experiment, split), ...(kind !== undefined && kind !== 'single' && { labels: kind }) };
  try {
    const summary =
      (mostBytes === undefined &&
      (split === 'train' || split === 'unlabelled') &&
      !columns.words &&
      (await areLarge(files))
        ? await summarizeLarge(files, columns, findings)
        : undefined) ?? (await summarizeSplit(files, columns, { mostBytes }));
    findings.add(...summary.problems);
    if (summary.part !== undefined) {
      const part = { file: findings.show(summary.part), megabytes: mostBytes! / 2 ** 20 };
      findings.warning(['dataset', split], 'dataset-read-in-part', part);
    }
    return summary;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (error.problems.some(isOfPath)) {
      for (const problem of error.problems) {
        const at = isOfPath(problem) ? namedAt(experiment.dataset[split], problem.file, findings) : [];
        findings.object(['dataset', split, ...at], complaintAbout(findings.show(problem.file), problem));
      }
    } else if (!(await reportMissingColumns(columns, files, findings))) findings.add(...error.problems);
    return undefined;
  }
}

/** Whoever carries the experiment out needs the indexes again: they are kept. Undefined where there can be none. */
async function summarizeLarge(
  files: readonly string[],
  columns: Columns,
  findings: Findings,
): Promise<SplitSummary | undefined> {
  const indexes = await rowIndexesOf(files, columns, { folder: findings.base, keep: false });
  return indexes && summarizeIndexes(indexes, columns);
}

/** What a file is not, in which there is nothing to correct: its name in the experiment is what is wrong. */
const problemsOfPath: ReadonlySet<string> = new Set<ProblemCode>([
  'dataset-file-gone',
  'dataset-is-folder',
  'dataset-not-permitted',
  'dataset-of-unknown-kind',
  'dataset-without-columns',
  'parquet-damaged',
  'parquet-encrypted',
  'parquet-claims-rows',
  'parquet-footer-long',
  'parquet-page-large',
  'parquet-not-read',
]);

const isOfPath = ({ code }: Problem): boolean => problemsOfPath.has(code);

/** The entry of a list that names a file; nothing where it is no list, or a pattern that found it. */
function namedAt(named: unknown, file: string, findings: Findings): number[] {
  if (!Array.isArray(named)) return [];
  const index = named.findIndex((name) => resolve(findings.base, String(name)) === file);
  return index === -1 ? [] : [index];
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
        'column-missing',
        { column, file: findings.show(file), close, key, columns: present },
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
  if (!['.jsonl', '.csv', '.tsv', '.parquet'].includes(extname(file).toLowerCase())) return [];
  let rows = 0;
  for await (const record of fileRecords(file)) {
    if ('fields' in record) for (const name of Object.keys(record.fields)) names.add(name);
    if (++rows === 100) break;
  }
  return [...names];
}

function checkNumbers({ rows, unlabelled, range }: SplitSummary, findings: Findings): void {
  if (rows === unlabelled) findings.error(['dataset', 'train'], 'labels-missing', {});
  if (range && range[0] === range[1]) {
    findings.error(['dataset', 'train'], 'labels-of-one-number', { value: range[0] });
  }
}

function checkLabels(known: readonly string[], kind: LabelKind | undefined, findings: Findings): void {
  if (known.length === 0) {
    findings.error(['dataset', 'train'], 'labels-missing', {});
    return;
  }
  // One label that applies or not can be told apart.
  if (known.length === 1 && kind !== 'multiple') {
    findings.error(['dataset', 'train'], 'label-alone', { label: known[0]! });
  }
}

/** The classes of models that are trained here are those of the training rows; others' come with the teacher. */
function checkTrained(known: readonly string[], measured: readonly FirstOfLabel[], findings: Findings): void {
  if (known.length === 0) return;
  for (const { label, file, line } of measured) {
    if (known.includes(label)) continue;
    const close = closestName(label, known);
    findings.add(problemAt({ file, line, column: 1 }, 'label-not-trained', { label, close }));
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
    const code = heldOut === 0 ? 'holds-out-none' : 'holds-out-all';
    findings.error(['dataset', 'validation'], code, { rows, fraction: validation }, useTenth);
  }
  return rows - heldOut;
}
