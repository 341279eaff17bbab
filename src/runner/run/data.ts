/** @file Reads what a run trains on: tokenizer, class names, examples. Rows are read as a stream; of them only tokens are kept. */

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { columnsOf, heldOutRows, unlabelledColumns } from '../../experiment/checks/check-dataset';
import { classesFrom } from '../../experiment/architecture';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { InputError, problemAt, type Problem } from '../../protocol/problem';
import { sortedLabels } from '../../protocol/format';
import { forEachRow, type Columns, type Row } from '../../dataset/dataset';
import {
  ExampleStore,
  Numbers,
  StoredExamples,
  type Examples,
  type ExamplesWithRows,
} from '../../dataset/example-store';
import { namesIn, notCounted, rowEncoder, type EncodeRowsOptions, type TokenExample } from '../../dataset/examples';
import { ExampleMaker, IndexedExamples, RowReader } from '../../dataset/indexed-examples';
import { NO_LABEL, type RowIndex } from '../../dataset/row-index';
import { findLargeRows } from '../../experiment/input-files';
import { randomStream, shuffled, shuffleInPlace } from '../../engine/random';
import { loadTokenizer } from '../../experiment/checks/model-folder';
import type { Tokenizer } from '../../tokenizer/tokenizer';
import { TokenizerTraining } from '../../tokenizer/train-tokenizer';

export interface RunData {
  tokenizer: Tokenizer;
  /** The teacher's id of each token, where the vocabulary is cut. */
  kept?: Int32Array | undefined;
  /** text-classification: class names by index. */
  labels?: string[] | undefined;
  /** What the student learns from: labelled rows, then those that only the teacher judges. Their rows are there where the teacher is behind a server. */
  train: ExamplesWithRows;
  /** Those of `train` whose label is known, which is all there is to learn from without a teacher. */
  labelled: Examples;
  /** How many labelled rows `trainRows` leaves out. */
  leftOut: number;
  validation: ExamplesWithRows;
  /** Rows that were left out or are odd. */
  problems: Problem[];
  /** Gives back what the examples take. */
  close: () => void;
}

/** Which rows are held out for validation does not depend on the training's seed. */
const HOLD_OUT_SEED = 0x401d;

/** Which rows of a part are taken does not depend on it either. */
const SUBSET_SEED = 0x5b5e;

/** A tokenizer is learnt from so much text at most, of rows spread evenly over all: more of a language teaches it no other words. */
const TOKENIZER_BYTES = 32 * 2 ** 20;

/** Problems that are kept of a file's rows. */
const MOST_PROBLEMS = 100;

export interface LoadDataOptions {
  /** The run's folder; examples that are too many for memory lie there. */
  folder: string;
  /** The folder of a teacher that already exists, or of what it is fine-tuned from. */
  teacherFolder?: string | undefined;
  /** Class names of a teacher that already exists, in its order. */
  teacherLabels?: readonly string[] | undefined;
  /** Class names of a checkpoint that is fine-tuned. */
  startLabels?: readonly string[] | undefined;
  /** A tokenizer that an earlier part of the run has made, and which of the teacher's tokens it has kept. */
  tokenizer?: Tokenizer | undefined;
  kept?: Int32Array | undefined;
  /** Asked at each row. */
  isStopping: () => boolean;
  /** Told of a row of which nothing can be learnt where rows are read when their batch comes; the others are in `problems`. */
  onProblem: (problem: Problem) => void;
}

/** Ends the reading of rows where the run is to stop. */
class Stopped extends Error {}

/** Undefined where the run was asked to stop meanwhile. */
export async function loadData(experiment: ResolvedExperiment, options: LoadDataOptions): Promise<RunData | undefined> {
  const close: (() => void)[] = [];
  try {
    return await load(experiment, options, close);
  } catch (error) {
    for (const one of close) one();
    if (error instanceof Stopped) return undefined;
    throw error;
  }
}

async function load(experiment: ResolvedExperiment, options: LoadDataOptions, close: (() => void)[]): Promise<RunData> {
  const { dataset, task } = experiment;
  const { teacherLabels, startLabels, isStopping } = options;
  const columns = columnsOf(experiment);
  const read: ReadRows = (files, wanted, onRow) =>
    forEachRow(files, wanted, (row) => {
      if (isStopping()) throw new Stopped();
      onRow(row);
    });
  /** The rows to learn from, one after the other: those of the training files, then those without labels. */
  const readTraining: ReadTraining = async (onRow) => [
    ...(await read(dataset.train, columns, onRow)),
    ...(dataset.unlabelled ? await read(dataset.unlabelled, unlabelledColumns(experiment), onRow) : []),
  ];
  const indexed = await findLargeRows(experiment);
  const reader = indexed && new RowReader(indexed);
  if (reader) close.push(() => reader.close());
  const parts = divideRows(
    experiment,
    indexed ? rowsOfIndexes(experiment, indexed) : await rowsRead(experiment, readTraining),
  );
  const { tokenizer, kept } = options.tokenizer
    ? { tokenizer: options.tokenizer, kept: options.kept }
    : await cutWhereAsked(
        experiment,
        await tokenizerOf(
          experiment,
          options.teacherFolder,
          parts,
          reader ? readSomeOf(reader, isStopping) : readEach(readTraining),
        ),
        readTraining,
        (files, onRow) => read(files, columns, onRow),
      );
  // Of numbers the name of their column, where the teacher has none for them.
  const named = dataset.labels === 'regression' ? [dataset.labelColumn] : parts.labels;
  const labels = task === 'text-classification' ? [...(teacherLabels ?? classesFrom(named, startLabels))] : undefined;
  const perToken = task !== 'text-classification';
  const storeOf = (name: string, keepsRows: boolean): ExampleStore => {
    const file = path.join(options.folder, `.${name}`);
    const store = new ExampleStore({
      path: file,
      vocabularySize: tokenizer.vocabularySize,
      perToken,
      labelNumbers: labelNumbersOf(experiment, labels),
      keepsRows,
    });
    close.push(() => store.close());
    return store;
  };
  const encoding: EncodeRowsOptions = {
    task,
    maxLength: dataset.maxLength,
    labelNames: labels,
    labels: dataset.labels,
  };
  // A server is asked about texts, all others about tokens.
  const [train, validation] = [storeOf('train', experiment.teacher.source === 'endpoint'), storeOf('validation', true)];
  const problems = new RowProblems();
  const learn = rowEncoder(tokenizer, { ...encoding, keepUnlabelled: true });
  const hold = rowEncoder(tokenizer, encoding);
  const readHeldOut = async (): Promise<Problem[]> => {
    if (!Array.isArray(dataset.validation)) return [];
    return read(dataset.validation, columns, (row) => {
      const made = hold(row);
      if ('code' in made) problems.add(made);
      else validation.add(made, row);
    });
  };
  if (indexed && reader) {
    const isUnknown = withUnknownLabels(indexed, labels);
    for (const row of isUnknown ? parts.labelled : [])
      if (isUnknown!(row)) problems.add(learn(reader.rowAt(row)) as Problem);
    const taken = isUnknown ? parts.labelled.filter((row) => !isUnknown(row)) : parts.labelled;
    for (const row of parts.heldOut ?? []) {
      if (isStopping()) throw new Stopped();
      const made = hold(reader.rowAt(row));
      if ('code' in made) problems.add(made);
      else validation.add(made, reader.rowAt(row));
    }
    const readProblems = [...indexed.flatMap(({ index }) => index.problems), ...(await readHeldOut())];
    const numbers = labelNumbersOf(experiment, labels);
    const maker = new ExampleMaker({
      reader,
      encode: learn,
      noLabels: () => noLabels(perToken, numbers),
      onProblem: options.onProblem,
    });
    const labelled = new IndexedExamples(maker, taken);
    const isOne = parts.unlabelled.length === 0;
    const all = isOne ? labelled : new IndexedExamples(maker, joined(taken, parts.unlabelled));
    const heldOut = new StoredExamples(validation);
    requireExamples(labelled, 'training', experiment);
    requireExamples(heldOut, 'validation', experiment);
    return {
      ...{ tokenizer, kept, labels, train: all, labelled, leftOut: parts.leftOut, validation: heldOut },
      problems: [...readProblems, ...problems.listed()],
      close: () => close.forEach((one) => one()),
    };
  }
  /** Of each row: its place in the store that it is in, from 1; 0 where it is in none. */
  const places = new Uint32Array(parts.roles.length);
  let next = 0;
  const readProblems = await readTraining((row) => {
    const number = next++;
    const role = parts.roles[number];
    if (role === LEFT_OUT) return;
    const made = role === LEARNT ? learn(row) : hold(row);
    if ('code' in made) problems.add(made);
    else places[number] = (role === LEARNT ? train : validation).add(made, row) + 1;
  });
  readProblems.push(...(await readHeldOut()));
  const placesOf = (rows: Uint32Array): Uint32Array =>
    rows.filter((row) => places[row]! > 0).map((row) => places[row]! - 1);
  const taken = placesOf(parts.labelled);
  const labelled = new StoredExamples(train, taken);
  const isAll = parts.unlabelled.length === 0;
  const all = isAll ? labelled : new StoredExamples(train, joined(taken, placesOf(parts.unlabelled)));
  const heldOut = new StoredExamples(validation, parts.heldOut && placesOf(parts.heldOut));
  requireExamples(labelled, 'training', experiment);
  requireExamples(heldOut, 'validation', experiment);
  return {
    tokenizer,
    kept,
    labels,
    train: all,
    labelled,
    leftOut: parts.leftOut,
    validation: heldOut,
    problems: [...readProblems, ...problems.listed()],
    close: () => close.forEach((one) => one()),
  };
}

type ReadRows = (files: readonly string[], columns: Columns, onRow: (row: Row) => void) => Promise<Problem[]>;

type ReadTraining = (onRow: (row: Row) => void) => Promise<Problem[]>;

/** What becomes of a row. */
const LEFT_OUT = 0;
const LEARNT = 1;
const HELD_OUT = 2;

/** Rows by their number, in the order in which `ReadTraining` gives them. */
interface RowParts {
  /** Of each row. */
  roles: Uint8Array;
  labelled: Uint32Array;
  unlabelled: Uint32Array;
  /** Absent where validation has files of its own. */
  heldOut?: Uint32Array | undefined;
  /** text-classification: the classes of the labelled rows that are not held out, those left out by `trainRows` included. */
  labels: string[];
  leftOut: number;
}

/** What there is to be divided, before any row is looked at closely. */
interface FoundRows {
  rows: number;
  withLabel: Uint32Array;
  without: Uint32Array;
  /** The class of each row that has a label: a place in `classes`. */
  classOf: (labelled: number) => number;
  /** text-classification: the names of a row's label as JSON; those that occur together are one. */
  classes: string[];
}

/** Reads the rows once. */
async function rowsRead({ task }: ResolvedExperiment, readTraining: ReadTraining): Promise<FoundRows> {
  const classes = new Map<string, number>();
  const [withLabel, without] = [new Numbers(Uint32Array), new Numbers(Uint32Array)];
  const classOf = new Numbers(Uint32Array);
  let rows = 0;
  await readTraining(({ label }) => {
    const number = rows++;
    if (task !== 'text-classification') withLabel.add(number);
    else if (label === undefined) without.add(number);
    else {
      const names = JSON.stringify(namesIn(label));
      if (!classes.has(names)) classes.set(names, classes.size);
      withLabel.add(number);
      classOf.add(classes.get(names)!);
    }
  });
  return {
    rows,
    withLabel: withLabel.all(),
    without: without.all(),
    classOf: (labelled) => classOf.at(labelled),
    classes: [...classes.keys()],
  };
}

/** The same from the indexes of the files. */
function rowsOfIndexes({ task }: ResolvedExperiment, indexed: readonly { index: RowIndex }[]): FoundRows {
  const all = countTo(indexed.reduce((sum, { index }) => sum + index.sizes.length, 0));
  const rows = all.length;
  const nothing = { rows, without: new Uint32Array(), classOf: () => 0, classes: [] };
  if (task !== 'text-classification') return { ...nothing, withLabel: all };
  const classes = new Map<string, number>();
  const files = filesOf(indexed).map(({ index, first }) => {
    // Of numbers there are no names.
    const numbers = (index.labels.length === 0 ? [[]] : index.labels).map((names) => {
      const key = JSON.stringify(names);
      if (!classes.has(key)) classes.set(key, classes.size);
      return classes.get(key)!;
    });
    return { index, first, numbers };
  });
  const fileOf = (row: number) => (files.length === 1 ? files[0]! : files.findLast(({ first }) => first <= row)!);
  const labelOf = (row: number): number => {
    const { index, first } = fileOf(row);
    return index.classes[row - first]!;
  };
  const without = all.filter((row) => labelOf(row) === NO_LABEL);
  const withLabel = without.length === 0 ? all : all.filter((row) => labelOf(row) !== NO_LABEL);
  const classOf = (labelled: number): number => {
    const row = withLabel[labelled]!;
    return fileOf(row).numbers[labelOf(row) - 1]!;
  };
  return { rows, withLabel, without, classOf, classes: [...classes.keys()] };
}

/** With the number of each one's first row. */
function filesOf(indexed: readonly { index: RowIndex }[]): { index: RowIndex; first: number }[] {
  let end = 0;
  return indexed.map(({ index }) => {
    end += index.sizes.length;
    return { index, first: end - index.sizes.length };
  });
}

/** Which rows have a label whose names are not all among `labels`, by their number; undefined where none has. */
function withUnknownLabels(
  indexed: readonly { index: RowIndex }[],
  labels: readonly string[] | undefined,
): ((row: number) => boolean) | undefined {
  if (labels === undefined) return undefined;
  const names = new Set(labels);
  const files = filesOf(indexed).map(({ index, first }) => {
    const unknown = new Set<number>();
    for (const [i, ofLabel] of index.labels.entries())
      if (!ofLabel.every((name) => names.has(name))) unknown.add(i + 1);
    return { index, unknown, first };
  });
  if (files.every(({ unknown }) => unknown.size === 0)) return undefined;
  return (row) => {
    const { index, unknown, first } = files.findLast((file) => file.first <= row)!;
    return unknown.has(index.classes[row - first]!);
  };
}

/** Decides what becomes of each row. */
function divideRows({ dataset }: ResolvedExperiment, found: FoundRows): RowParts {
  const { withLabel: numbers } = found;
  const isFraction = typeof dataset.validation === 'number';
  const order = countTo(numbers.length);
  const mixed = isFraction ? shuffleInPlace(order, randomStream(HOLD_OUT_SEED)) : order;
  const held = isFraction ? heldOutRows(numbers.length, dataset.validation as number) : 0;
  const kept = mixed.subarray(held);
  const numbersOf = (some: Uint32Array): Uint32Array =>
    numbers.length === found.rows ? some : some.map((index) => numbers[index]!);
  const taken = someOf(kept, dataset.trainRows);
  const parts: RowParts = {
    roles: new Uint8Array(found.rows),
    labelled: numbersOf(taken),
    unlabelled: someOf(found.without, dataset.unlabelledRows),
    heldOut: isFraction ? numbersOf(mixed.subarray(0, held)) : undefined,
    labels: classesOf(kept, found.classOf, found.classes),
    leftOut: kept.length - taken.length,
  };
  for (const row of parts.labelled) parts.roles[row] = LEARNT;
  for (const row of parts.unlabelled) parts.roles[row] = LEARNT;
  for (const row of parts.heldOut ?? []) parts.roles[row] = HELD_OUT;
  return parts;
}

/** The names of the classes that occur, in their order. @param names by the number, as JSON */
function classesOf(rows: Uint32Array, classOf: (row: number) => number, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const occurs = new Uint8Array(names.length);
  for (const row of rows) occurs[classOf(row)] = 1;
  return sortedLabels(names.filter((_, number) => occurs[number]).flatMap((some) => JSON.parse(some) as string[]));
}

/** How many numbers an example's label is; undefined where it is a class, or the task has none. */
function labelNumbersOf(
  { task, dataset }: Pick<ResolvedExperiment, 'task' | 'dataset'>,
  labels: readonly string[] | undefined,
): number | undefined {
  const isClass = task !== 'text-classification' || (dataset.labels ?? 'single') === 'single';
  return isClass ? undefined : labels!.length;
}

/** Of a row without any, as `Example` has them. @param numbers as `labelNumbersOf` */
function noLabels(perToken: boolean, numbers: number | undefined): TokenExample['labels'] {
  if (perToken) return new Int32Array();
  return numbers === undefined ? notCounted : new Float32Array(numbers).fill(NaN);
}

/** At most so many, in their order; of fewer none is taken that would not be among more. */
function someOf(rows: Uint32Array, most: number | undefined): Uint32Array {
  if (most === undefined || most >= rows.length) return rows;
  const order = shuffled(countTo(rows.length), randomStream(SUBSET_SEED));
  return order
    .subarray(0, most)
    .toSorted()
    .map((index) => rows[index]!);
}

/** Gives the rows that are wanted by their number, in their order. */
type ReadSome = (isWanted: (row: number) => boolean, onRow: (row: Row) => void) => Promise<void>;

/** All rows are read for those that are wanted. */
const readEach =
  (readTraining: ReadTraining): ReadSome =>
  async (isWanted, onRow) => {
    let next = 0;
    await readTraining((row) => {
      if (isWanted(next++)) onRow(row);
    });
  };

/** Only those that are wanted are read. */
const readSomeOf =
  (reader: RowReader, isStopping: () => boolean): ReadSome =>
  (isWanted, onRow) => {
    for (let row = 0; row < reader.length; row++) {
      if (isStopping()) return Promise.reject(new Stopped());
      if (isWanted(row)) onRow(reader.rowAt(row));
    }
    return Promise.resolve();
  };

/** The tokenizer of a run: learnt from its rows, or read from the folder that the experiment names. */
async function tokenizerOf(
  { tokenizer, file, dataset }: ResolvedExperiment,
  teacherFolder: string | undefined,
  { roles }: RowParts,
  readSome: ReadSome,
): Promise<Tokenizer> {
  if (tokenizer.source === 'path') return loadTokenizer(tokenizer.path);
  if (tokenizer.source === 'teacher') {
    if (teacherFolder !== undefined) return loadTokenizer(teacherFolder);
    throw InputError.at(file, 'tokenizer-not-named', {});
  }
  const sizes = await Promise.all([...dataset.train, ...(dataset.unlabelled ?? [])].map(async (one) => stat(one)));
  const share = TOKENIZER_BYTES / sizes.reduce((sum, { size }) => sum + size, 0);
  const training = new TokenizerTraining({ kind: tokenizer.kind, vocabularySize: tokenizer.vocabularySize });
  let learnt = 0;
  const isTaken = (row: number): boolean => {
    if (roles[row] !== LEARNT) return false;
    const number = learnt++;
    return share >= 1 || Math.floor((number + 1) * share) !== Math.floor(number * share);
  };
  await readSome(isTaken, ({ text, pair, prompt }) => {
    for (const part of [text, pair, prompt]) if (part !== undefined) training.add(part);
  });
  return training.finish();
}

/** A tokenizer without the tokens that no text of the dataset is made of, whatever becomes of its row, where the experiment asks for it. */
async function cutWhereAsked(
  { tokenizer: { source, ...spec }, dataset }: ResolvedExperiment,
  tokenizer: Tokenizer,
  readTraining: ReadTraining,
  readOthers: (files: readonly string[], onRow: (row: Row) => void) => Promise<unknown>,
): Promise<Pick<RunData, 'tokenizer' | 'kept'>> {
  if (source === 'train' || !('tokens' in spec) || spec.tokens !== 'used') return { tokenizer };
  const used = new Set<number>();
  const note = ({ text, pair, prompt }: Row): void => {
    for (const part of [text, pair, prompt]) {
      if (part === undefined) continue;
      for (const id of tokenizer.encode(part).ids) used.add(id);
    }
  };
  await readTraining(note);
  for (const files of [dataset.validation, dataset.test]) if (Array.isArray(files)) await readOthers(files, note);
  return tokenizer.cut(used);
}

/** The first problems of rows, and how many there were more. */
class RowProblems {
  private readonly first: Problem[] = [];
  private unreported = 0;
  private last: Problem | undefined;

  add(problem: Problem): void {
    if (this.first.length < MOST_PROBLEMS) this.first.push(problem);
    else this.unreported++;
    this.last = problem;
  }

  listed(): Problem[] {
    if (this.unreported === 0 || !this.last) return this.first;
    const { file, line } = this.last;
    return [
      ...this.first,
      problemAt({ file, line, column: 1 }, 'rows-unreported', { rows: this.unreported }, 'warning'),
    ];
  }
}

/** 0, 1, 2 … */
const countTo = (length: number): Uint32Array => Uint32Array.from({ length }, (_, i) => i);

function joined(first: Uint32Array, second: Uint32Array): Uint32Array {
  const both = new Uint32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** The test rows, read only when everything is trained. */
export async function loadTestExamples(
  experiment: ResolvedExperiment,
  data: Pick<RunData, 'tokenizer' | 'labels'>,
  folder: string,
): Promise<{ examples: ExamplesWithRows; close: () => void } | undefined> {
  const { dataset, task } = experiment;
  if (!dataset.test) return undefined;
  const { tokenizer, labels } = data;
  const encode = rowEncoder(tokenizer, {
    task,
    maxLength: dataset.maxLength,
    labelNames: labels,
    labels: dataset.labels,
  });
  const perToken = task !== 'text-classification';
  const store = new ExampleStore({
    path: path.join(folder, '.test'),
    vocabularySize: tokenizer.vocabularySize,
    perToken,
    labelNumbers: labelNumbersOf(experiment, labels),
    keepsRows: true,
  });
  await forEachRow(dataset.test, columnsOf({ task, dataset }), (row) => {
    const made = encode(row);
    if (!('code' in made)) store.add(made, row);
  });
  const examples = new StoredExamples(store);
  requireExamples(examples, 'test', experiment);
  return { examples, close: () => store.close() };
}

function requireExamples(examples: Examples, split: string, { file }: Pick<ResolvedExperiment, 'file'>): void {
  if (examples.length > 0) return;
  throw InputError.at(file, 'rows-unusable', { split, experiment: path.basename(file) });
}
