/** @file Reads what a run trains on: tokenizer, class names, examples. */

import path from 'node:path';
import { columnsOf, heldOutRows, unlabelledColumns } from '../../experiment/checks/check-dataset';
import { classesFrom } from '../../experiment/architecture';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { InputError, type Problem } from '../../protocol/problem';
import { readDataset, type Row } from '../../dataset/dataset';
import { encodeRows, labelNamesOf, type Example } from '../../dataset/examples';
import { randomStream, shuffled } from '../../engine/random';
import { Tokenizer } from '../../tokenizer/tokenizer';
import { trainTokenizer } from '../../tokenizer/train-tokenizer';

export interface RunData {
  tokenizer: Tokenizer;
  /** text-classification: class names by index. */
  labels?: string[] | undefined;
  /** What the student learns from: labelled rows, then those that only the teacher judges. */
  train: Example[];
  /** Those of `train` whose label is known, which is all there is to learn from without a teacher. */
  labelled: Example[];
  /** How many labelled rows `trainRows` leaves out. */
  leftOut: number;
  validation: Example[];
  /** Rows that were left out or are odd. */
  problems: Problem[];
}

/** Which rows are held out for validation does not depend on the training's seed. */
const HOLD_OUT_SEED = 0x401d;

/** Which rows of a part are taken does not depend on it either. */
const SUBSET_SEED = 0x5b5e;

/** The tokenizer of a run: learnt from its rows, or read from the folder that the experiment names. */
async function tokenizerOf(
  experiment: ResolvedExperiment,
  rows: readonly Row[],
  teacherFolder: string | undefined,
): Promise<Tokenizer> {
  const { tokenizer } = experiment;
  if (tokenizer.source === 'path') return Tokenizer.load(tokenizer.path);
  if (tokenizer.source === 'teacher') {
    if (teacherFolder !== undefined) return Tokenizer.load(teacherFolder);
    throw InputError.at(experiment.file, 'tokenizer-not-named', {});
  }
  const texts = rows.flatMap(({ text, pair, prompt }) => [text, pair, prompt].filter((part) => part !== undefined));
  return trainTokenizer(texts, { kind: tokenizer.kind, vocabularySize: tokenizer.vocabularySize });
}

export interface LoadDataOptions {
  /** The folder of a teacher that already exists, or of what it is fine-tuned from. */
  teacherFolder?: string | undefined;
  /** Class names of a teacher that already exists, in its order. */
  teacherLabels?: readonly string[] | undefined;
  /** Class names of a checkpoint that is fine-tuned. */
  startLabels?: readonly string[] | undefined;
  /** A tokenizer that an earlier part of the run has made. */
  tokenizer?: Tokenizer | undefined;
}

export async function loadData(experiment: ResolvedExperiment, options: LoadDataOptions): Promise<RunData> {
  const { dataset, task } = experiment;
  const columns = columnsOf(experiment);
  const train = await readDataset(dataset.train, columns);
  const more = dataset.unlabelled
    ? await readDataset(dataset.unlabelled, unlabelledColumns(experiment))
    : { rows: [], problems: [] };
  const isLabelled = ({ label }: Row): boolean => task !== 'text-classification' || label !== undefined;
  const labelledRows = train.rows.filter(isLabelled);
  const unlabelledRows = [...train.rows.filter((row) => !isLabelled(row)), ...more.rows];
  const heldOut = Array.isArray(dataset.validation)
    ? { kept: labelledRows, ...(await readDataset(dataset.validation, columns)) }
    : { ...holdOut(labelledRows, dataset.validation), problems: [] };
  const taken = someOf(heldOut.kept, dataset.trainRows);
  const trainRows = [...taken, ...someOf(unlabelledRows, dataset.unlabelledRows)];
  const tokenizer = options.tokenizer ?? (await tokenizerOf(experiment, trainRows, options.teacherFolder));
  const labels =
    task === 'text-classification'
      ? [...(options.teacherLabels ?? classesFrom(labelNamesOf(heldOut.kept), options.startLabels))]
      : undefined;
  const encoding = { task, maxLength: dataset.maxLength, labelNames: labels };
  const trainExamples = encodeRows(trainRows, tokenizer, { ...encoding, keepUnlabelled: true });
  const labelled = trainExamples.examples.filter(({ row }) => isLabelled(row));
  const validationExamples = encodeRows(heldOut.rows, tokenizer, encoding);
  requireExamples(labelled, 'training', experiment);
  requireExamples(validationExamples.examples, 'validation', experiment);
  return {
    tokenizer,
    labels,
    train: trainExamples.examples,
    labelled,
    leftOut: heldOut.kept.length - taken.length,
    validation: validationExamples.examples,
    problems: [
      ...train.problems,
      ...more.problems,
      ...heldOut.problems,
      ...trainExamples.problems,
      ...validationExamples.problems,
    ],
  };
}

/** The test rows, read only when everything is trained. */
export async function loadTestExamples(experiment: ResolvedExperiment, data: RunData): Promise<Example[] | undefined> {
  const { dataset, task } = experiment;
  if (!dataset.test) return undefined;
  const { rows } = await readDataset(dataset.test, columnsOf(experiment));
  const labels = data.labels && { labelNames: data.labels };
  const { examples } = encodeRows(rows, data.tokenizer, { task, maxLength: dataset.maxLength, ...labels });
  requireExamples(examples, 'test', experiment);
  return examples;
}

function holdOut(rows: readonly Row[], fraction: number): { kept: Row[]; rows: Row[] } {
  const order = shuffled(rows, randomStream(HOLD_OUT_SEED));
  const count = heldOutRows(rows.length, fraction);
  return { rows: order.slice(0, count), kept: order.slice(count) };
}

/** At most so many, in their order; of fewer none is taken that would not be among more. */
function someOf(rows: readonly Row[], most: number | undefined): readonly Row[] {
  if (most === undefined || most >= rows.length) return rows;
  const order = shuffled([...rows.keys()], randomStream(SUBSET_SEED));
  return order
    .slice(0, most)
    .sort((a, b) => a - b)
    .map((index) => rows[index]!);
}

function requireExamples(examples: readonly Example[], split: string, experiment: ResolvedExperiment): void {
  if (examples.length > 0) return;
  throw InputError.at(experiment.file, 'rows-unusable', { split, experiment: path.basename(experiment.file) });
}
