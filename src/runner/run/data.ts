/** @file Reads what a run trains on: tokenizer, class names, examples. Rows are read as a stream; of them only tokens are kept. */

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { columnsOf, unlabelledColumns } from '../../experiment/checks/check-dataset';
import { classesFrom, trainedPadId } from '../../experiment/architecture';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { InputError, problemAt, type Problem } from '../../protocol/problem';
import type { Split } from '../../protocol/records';
import { Damaged } from '../../dataset/byte-reader';
import { forEachRow, type Columns, type Row } from '../../dataset/dataset';
import { ExampleStore, StoredExamples, type Examples, type ExamplesWithRows } from '../../dataset/example-store';
import {
  notCounted,
  rowEncoder,
  textsOf,
  type EncodeRowsOptions,
  type Example,
  type TextReading,
  type TokenExample,
} from '../../dataset/examples';
import { ExampleMaker, IndexedExamples, RowReader } from '../../dataset/indexed-examples';
import { findLargeRows } from '../../experiment/input-files';
import { loadTokenizer } from '../../experiment/checks/model-folder';
import { Tokenizer } from '../../tokenizer/tokenizer';
import { TokenizerTraining } from '../../tokenizer/train-tokenizer';
import { KeptRows, type KeptData, type OpenRows, type SplitStores } from './kept-rows';
import {
  divideRows,
  LEARNT,
  LEFT_OUT,
  rowsOfIndexes,
  rowsRead,
  withUnknownLabels,
  type IndexedFile,
  type ReadTraining,
  type RowParts,
} from './row-parts';
import { hasLabels, isOfEmbeddings, isPerToken } from '../../protocol/tasks';

export interface RunData {
  tokenizer: Tokenizer;
  /** How the teacher reads the rows, where it has another tokenizer. */
  teacher?: TextReading | undefined;
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
  /** How the teacher reads the rows, where it has another tokenizer. */
  teacher?: TextReading | undefined;
  /** Class names of a checkpoint that is fine-tuned. */
  startLabels?: readonly string[] | undefined;
  /** A tokenizer that an earlier part of the run has made, and which of the teacher's tokens it has kept. */
  tokenizer?: Tokenizer | undefined;
  kept?: Int32Array | undefined;
  /** Asked at each row. */
  isStopping: () => boolean;
  /** Where what is read is kept for the next run; nothing is kept without. */
  keptIn?: string | undefined;
  /** Told of a row of which nothing can be learnt where rows are read when their batch comes; the others are in `problems`. */
  onProblem: (problem: Problem) => void;
  /** Told what else a person may want to know. */
  onNote?: ((line: string) => void) | undefined;
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
  const { dataset } = experiment;
  const { isStopping } = options;
  const indexed = await findLargeRows(experiment);
  const { teacher } = options;
  const given = {
    teacherLabels: options.teacherLabels,
    startLabels: options.startLabels,
    padId: trainedPadId(experiment),
    ...(teacher && { teacher: [teacher.tokenizer.contentHash, teacher.maxLength] }),
  };
  const { keptIn } = options;
  const keeping = indexed || keptIn === undefined ? undefined : await KeptRows.of(experiment, keptIn, given);
  const again = await loadAgain(experiment, options, close, keeping);
  if (again) return again;

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
        (split, files, onRow) => read(files, columnsOf(experiment, split), onRow),
      );
  requireChatTemplate(experiment, tokenizer);
  const labels = labelsOf(experiment, parts.labels, options);
  const makeStores = storesOf(experiment, options, { tokenizer, labels }, close);
  const encoding: EncodeRowsOptions = {
    task: experiment.task,
    maxLength: dataset.maxLength,
    labelNames: labels,
    labels: dataset.labels,
    scoreRange: dataset.pairs?.range,
    chatTemplate: dataset.chatTemplate,
    teacher,
  };
  const validation = makeStores('validation', true);
  const problems = new RowProblems(Math.min(dataset.maxLength, teacher?.maxLength ?? Infinity));
  const learn = rowEncoder(tokenizer, { ...encoding, keepUnlabelled: true });
  const hold = rowEncoder(tokenizer, encoding);
  const readHeldOut = async (): Promise<Problem[]> => {
    if (!Array.isArray(dataset.validation)) return [];
    return read(dataset.validation, columnsOf(experiment, 'validation'), (row) => {
      const made = hold(row);
      if ('code' in made) problems.add(made);
      else {
        problems.countCut(made);
        addTo(validation, made, row);
      }
    });
  };
  const learnt = indexed && reader ? await readLater(indexed, reader) : await readNow();
  const { train, labelled, heldOut, readProblems } = learnt;
  requireExamples(labelled, 'training', experiment);
  requireExamples(heldOut, 'validation', experiment);
  return {
    ...{ tokenizer, teacher, kept, labels, train, labelled, leftOut: parts.leftOut, validation: heldOut },
    problems: [...readProblems, ...problems.listed()],
    close: () => close.forEach((one) => one()),
  };

  /** All rows are read, and their tokens kept. */
  async function readNow(): Promise<Learnt> {
    // A server is asked about texts, all others about tokens.
    const store = makeStores('train', experiment.teacher.source === 'endpoint');
    /** Of each row: its place in the store that it is in, from 1; 0 where it is in none. */
    const indices = new Uint32Array(parts.roles.length);
    let next = 0;
    const readProblems = await readTraining((row) => {
      const number = next++;
      const role = parts.roles[number];
      if (role === LEFT_OUT) return;
      const made = role === LEARNT ? learn(row) : hold(row);
      if ('code' in made) problems.add(made);
      else {
        problems.countCut(made);
        indices[number] = addTo(role === LEARNT ? store : validation, made, row) + 1;
      }
    });
    readProblems.push(...(await readHeldOut()));
    const storedIndices = (rows: Uint32Array): Uint32Array =>
      rows.filter((row) => indices[row]! > 0).map((row) => indices[row]! - 1);
    const found = {
      labelled: storedIndices(parts.labelled),
      unlabelled: storedIndices(parts.unlabelled),
      heldOut: parts.heldOut && storedIndices(parts.heldOut),
    };
    const stores = { train: store, validation };
    // One that an earlier version has learnt is not what this one would learn.
    if (keeping && !(experiment.tokenizer.source === 'train' && options.tokenizer)) {
      const all = [...readProblems, ...problems.listed()];
      const learntHere = experiment.tokenizer.source === 'train' ? tokenizer.files : undefined;
      const { labels: classes, leftOut } = parts;
      const refused = await keeping.keep({ classes, leftOut, problems: all, tokenizer: learntHere, ...found }, stores);
      if (refused !== undefined) options.onNote?.(`the tokens are not kept for the next run: ${refused}`);
    }
    return { ...examplesIn(stores, found), readProblems };
  }

  /** Of the rows to learn from none is read before it is asked for. */
  async function readLater(files: readonly IndexedFile[], rows: RowReader): Promise<Learnt> {
    const isUnknown = withUnknownLabels(files, labels);
    if (isUnknown) {
      for (const row of parts.labelled) if (isUnknown(row)) problems.add(learn(rows.rowAt(row)) as Problem);
    }
    const taken = isUnknown ? parts.labelled.filter((row) => !isUnknown(row)) : parts.labelled;
    for (const number of parts.heldOut ?? []) {
      if (isStopping()) throw new Stopped();
      const row = rows.rowAt(number);
      const made = hold(row);
      if ('code' in made) problems.add(made);
      else addTo(validation, made, row);
    }
    const readProblems = [...files.flatMap(({ index }) => index.problems), ...(await readHeldOut())];
    const numbers = labelNumbersOf(experiment, labels);
    const perToken = isPerToken(experiment.task);
    const maker = new ExampleMaker({
      reader: rows,
      encode: learn,
      noLabels: () => noLabels(perToken, numbers),
      onProblem: options.onProblem,
      isPaired: isPaired(experiment, 'train'),
    });
    const isForBoth = teacher !== undefined;
    const labelled = new IndexedExamples(maker, taken, isForBoth);
    const isAll = parts.unlabelled.length === 0;
    const train = isAll ? labelled : new IndexedExamples(maker, joined(taken, parts.unlabelled), isForBoth);
    return { train, labelled, heldOut: storedIn(validation), readProblems };
  }
}

/** What an earlier run of the same data has kept; undefined where there is none. */
async function loadAgain(
  experiment: ResolvedExperiment,
  options: LoadDataOptions,
  close: (() => void)[],
  keeping: KeptRows | undefined,
): Promise<RunData | undefined> {
  const rows = await keeping?.open();
  if (!rows) return undefined;
  const own: (() => void)[] = [];
  try {
    const tokenizer = options.tokenizer ?? (await knownTokenizer(experiment, options.teacherFolder, rows));
    // Another version may have learnt that of the run.
    if (options.tokenizer && rows.tokenizer && !isDeepStrictEqual(tokenizer.files, rows.tokenizer)) return undefined;
    requireChatTemplate(experiment, tokenizer);
    const labels = labelsOf(experiment, rows.classes, options);
    const makeStores = storesOf(experiment, options, { tokenizer, labels }, own);
    const stores = { train: makeStores('train', false), validation: makeStores('validation', true) };
    const { leftOut, problems, ...found } = await rows.read(stores, labels?.length ?? 0);
    const { train, labelled, heldOut } = examplesIn(stores, found);
    requireExamples(labelled, 'training', experiment);
    requireExamples(heldOut, 'validation', experiment);
    close.push(...own);
    const closing = (): void => close.forEach((one) => one());
    const { teacher } = options;
    return { tokenizer, teacher, labels, train, labelled, leftOut, validation: heldOut, problems, close: closing };
  } catch (error) {
    for (const one of own) one();
    if (!(error instanceof Damaged)) throw error;
    await keeping!.forget();
    return undefined;
  } finally {
    await rows.close();
  }
}

/** Read from where it was, or as it was learnt before. */
async function knownTokenizer(
  experiment: ResolvedExperiment,
  teacherFolder: string | undefined,
  { tokenizer }: OpenRows,
): Promise<Tokenizer> {
  if (experiment.tokenizer.source !== 'train') return namedTokenizer(experiment, teacherFolder);
  if (!tokenizer) throw new Damaged();
  try {
    return Tokenizer.fromJson(tokenizer.json, tokenizer.config);
  } catch {
    throw new Damaged();
  }
}

/** Class names in the order of their numbers. @param found in the rows */
function labelsOf(
  { task, dataset }: ResolvedExperiment,
  found: readonly string[],
  { teacherLabels, startLabels }: LoadDataOptions,
): string[] | undefined {
  if (!hasLabels(task)) return undefined;
  // Of numbers the name of their column, where the teacher has none for them.
  const named = dataset.labels === 'regression' ? [dataset.labelColumn] : found;
  return [...(teacherLabels ?? classesFrom(named, startLabels))];
}

/** Makes the stores of a split. @param close is told how they are closed */
function storesOf(
  experiment: Pick<ResolvedExperiment, 'task' | 'dataset'>,
  { folder, teacher }: Pick<LoadDataOptions, 'folder' | 'teacher'>,
  { tokenizer, labels }: Pick<RunData, 'tokenizer' | 'labels'>,
  close: (() => void)[],
): (name: Split, keepsRows: boolean) => SplitStores {
  const make = (split: Split, name: string, keepsRows: boolean, { vocabularySize }: Tokenizer): ExampleStore => {
    const store = new ExampleStore({
      path: path.join(folder, `.${name}`),
      vocabularySize,
      perToken: isPerToken(experiment.task),
      tokenClasses: isPerToken(experiment.task) && hasLabels(experiment.task),
      labelNumbers: labelNumbersOf(experiment, labels),
      isPaired: isPaired(experiment, split),
      hasSpans: teacher !== undefined && experiment.task === 'causal-lm',
      keepsRows,
    });
    close.push(() => store.close());
    return store;
  };
  return (name, keepsRows) => ({
    own: make(name, name, keepsRows, tokenizer),
    teachers: teacher && make(name, `${name}-of-teacher`, false, teacher.tokenizer),
  });
}

/** The index of the example. */
function addTo({ own, teachers }: SplitStores, made: Example, row: Row): number {
  teachers?.add(made.teacher!);
  return own.add(made, row);
}

const storedIn = ({ own, teachers }: SplitStores, indices?: Uint32Array): StoredExamples =>
  new StoredExamples(own, indices, teachers);

function examplesIn(
  { train: learnt, validation }: Record<'train' | 'validation', SplitStores>,
  { labelled: taken, unlabelled, heldOut }: Pick<KeptData, 'labelled' | 'unlabelled' | 'heldOut'>,
): Omit<Learnt, 'readProblems'> {
  const labelled = storedIn(learnt, taken);
  const train = unlabelled.length === 0 ? labelled : storedIn(learnt, joined(taken, unlabelled));
  return { train, labelled, heldOut: storedIn(validation, heldOut) };
}

interface Learnt {
  train: ExamplesWithRows;
  labelled: Examples;
  heldOut: ExamplesWithRows;
  /** What is wrong with rows that could not be read. */
  readProblems: Problem[];
}

type ReadRows = (files: readonly string[], columns: Columns, onRow: (row: Row) => void) => Promise<Problem[]>;

/** Whether the rows of a split are two texts, each with an embedding of its own. */
const isPaired = ({ dataset }: Pick<ResolvedExperiment, 'dataset'>, split: Split): boolean =>
  dataset.pairs?.splits.includes(split) ?? false;

/** How many numbers an example's label is; undefined where it is a class, or the task has none. */
function labelNumbersOf(
  { task, dataset }: Pick<ResolvedExperiment, 'task' | 'dataset'>,
  labels: readonly string[] | undefined,
): number | undefined {
  // The score of a pair, and of texts by themselves none.
  if (isOfEmbeddings(task)) return 1;
  const isClass = isPerToken(task) || (dataset.labels ?? 'single') === 'single';
  return isClass ? undefined : labels!.length;
}

/** Of a row without any, as `Example` has them. @param numbers as `labelNumbersOf` */
function noLabels(perToken: boolean, numbers: number | undefined): TokenExample['labels'] {
  if (perToken) return new Int32Array();
  return numbers === undefined ? notCounted : new Float32Array(numbers).fill(NaN);
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
  experiment: ResolvedExperiment,
  teacherFolder: string | undefined,
  { roles }: RowParts,
  readSome: ReadSome,
): Promise<Tokenizer> {
  const { tokenizer, dataset } = experiment;
  if (tokenizer.source !== 'train') return namedTokenizer(experiment, teacherFolder);
  const sizes = await Promise.all([...dataset.train, ...(dataset.unlabelled ?? [])].map(async (one) => stat(one)));
  const share = TOKENIZER_BYTES / sizes.reduce((sum, { size }) => sum + size, 0);
  const training = new TokenizerTraining({
    kind: tokenizer.kind,
    vocabularySize: tokenizer.vocabularySize,
    spacesWords: experiment.task === 'token-classification',
    padId: trainedPadId(experiment),
  });
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

async function namedTokenizer(
  { tokenizer, file }: ResolvedExperiment,
  teacherFolder: string | undefined,
): Promise<Tokenizer> {
  if (tokenizer.source === 'path') return loadTokenizer(tokenizer.path);
  if (teacherFolder !== undefined) return loadTokenizer(teacherFolder);
  throw InputError.at(file, 'tokenizer-not-named', {});
}

/** Checked before too, where its folder was there. */
function requireChatTemplate({ file, dataset }: ResolvedExperiment, tokenizer: Tokenizer): void {
  if (dataset.chatTemplate && tokenizer.chat === undefined) throw InputError.at(file, 'chat-template-missing', {});
}

/** A tokenizer without the tokens that no text of the dataset is made of, whatever becomes of its row, where the experiment asks for it. */
async function cutWhereAsked(
  { tokenizer: { source, ...spec }, dataset }: ResolvedExperiment,
  tokenizer: Tokenizer,
  readTraining: ReadTraining,
  readOthers: (split: Split, files: readonly string[], onRow: (row: Row) => void) => Promise<unknown>,
): Promise<Pick<RunData, 'tokenizer' | 'kept'>> {
  if (source === 'train' || !('tokens' in spec) || spec.tokens !== 'used') return { tokenizer };
  const used = new Set<number>();
  const chat = dataset.chatTemplate ? tokenizer.chat : undefined;
  const note = (row: Row): void => {
    if (row.words) for (const id of tokenizer.encodeWords(row.words).ids) used.add(id);
    else for (const text of textsOf(row, chat)) for (const id of tokenizer.encode(text).ids) used.add(id);
  };
  await readTraining(note);
  for (const split of ['validation', 'test'] as const) {
    const files = dataset[split];
    if (Array.isArray(files)) await readOthers(split, files, note);
  }
  return tokenizer.cut(used);
}

/** The first problems of rows, and how many there were more. */
class RowProblems {
  private readonly first: Problem[] = [];
  private unreported = 0;
  private last: Problem | undefined;
  /** Words that are beyond the greatest length, the rows that have them, and the first of these. */
  private cut: { words: number; rows: number; file: string; line: number } | undefined;

  constructor(private readonly maxLength: number) {}

  countCut({ cutWords, row: { file, line } }: Example): void {
    if (cutWords === undefined) return;
    this.cut ??= { words: 0, rows: 0, file, line };
    this.cut.words += cutWords;
    this.cut.rows++;
  }

  add(problem: Problem): void {
    if (this.first.length < MOST_PROBLEMS) this.first.push(problem);
    else this.unreported++;
    this.last = problem;
  }

  listed(): Problem[] {
    return [...this.ofRows(), ...this.ofCutWords()];
  }

  private ofCutWords(): Problem[] {
    if (!this.cut) return [];
    const { file, line, ...counts } = this.cut;
    return [problemAt({ file, line, column: 1 }, 'words-cut', { ...counts, maxLength: this.maxLength }, 'warning')];
  }

  private ofRows(): Problem[] {
    if (this.unreported === 0 || !this.last) return this.first;
    const { file, line } = this.last;
    return [
      ...this.first,
      problemAt({ file, line, column: 1 }, 'rows-unreported', { rows: this.unreported }, 'warning'),
    ];
  }
}

function joined(first: Uint32Array, second: Uint32Array): Uint32Array {
  const both = new Uint32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** The test rows, read only when everything is trained. */
export async function loadTestExamples(
  experiment: ResolvedExperiment,
  data: Pick<RunData, 'tokenizer' | 'labels' | 'teacher'>,
  folder: string,
): Promise<{ examples: ExamplesWithRows; close: () => void } | undefined> {
  const { dataset, task } = experiment;
  if (!dataset.test) return undefined;
  const { tokenizer, labels, teacher } = data;
  const encode = rowEncoder(tokenizer, {
    task,
    maxLength: dataset.maxLength,
    labelNames: labels,
    labels: dataset.labels,
    scoreRange: dataset.pairs?.range,
    chatTemplate: dataset.chatTemplate,
    teacher,
  });
  const close: (() => void)[] = [];
  const stores = storesOf(experiment, { folder, teacher }, data, close)('test', true);
  await forEachRow(dataset.test, columnsOf({ task, dataset }, 'test'), (row) => {
    const made = encode(row);
    if (!('code' in made)) addTo(stores, made, row);
  });
  const examples = storedIn(stores);
  requireExamples(examples, 'test', experiment);
  return { examples, close: () => close.forEach((one) => one()) };
}

function requireExamples(examples: Examples, split: string, { file }: Pick<ResolvedExperiment, 'file'>): void {
  if (examples.length > 0) return;
  throw InputError.at(file, 'rows-unusable', { split, experiment: path.basename(file) });
}
