/** @file What the parts of a run share: its data, its batches, the teacher's folder. */

import path from 'node:path';
import {
  batchOfEachLength,
  epochBatches,
  evaluationBatches,
  evaluationBatchOfEachLength,
  type Batches,
  type BatchOptions,
  type EpochOptions,
} from '../../distill/training/epochs';
import { batchInputs } from '../../distill/batch-inputs';
import type { BatchShape } from '../../distill/specs';
import { KnownAnswers } from '../../distill/evaluation/evaluator';
import { problemTypeOf } from '../../model/architecture';
import type { BatchSource } from '../../distill/training/trainer';
import type { Executor } from '../../engine/executor';
import { LoadsAhead } from '../../engine/loads-ahead';
import { findCompleteDirectory, saveDirectoryAtomically } from '../../run-directory/atomic-directory';
import {
  classesOf,
  givenFolder,
  loadTokenizer,
  onnxIn,
  readArchitecture,
  teacherFolder,
} from '../../experiment/checks/model-folder';
import { readOnnxTeacher } from '../../experiment/checks/onnx-teacher';
import { rowIndexes } from '../../run-directory/row-index-files';
import { seedFolders, type RunPaths, type SeedPaths } from '../../run-directory/run-paths';
import { headOfTask } from '../../experiment/architecture';
import { membersOf } from '../../experiment/ensemble';
import type { SingleSpec } from '../../experiment/file/blocks/teacher';
import { longestRow } from '../../experiment/checks/check-dataset';
import type { TrainingSpec } from '../../experiment/file/blocks/training';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { formatCount } from '../../protocol/format';
import { InputError } from '../../protocol/problem';
import type { Role } from '../../protocol/records';
import type { Batch } from '../../dataset/batches';
import type { Examples } from '../../dataset/example-store';
import { withinSpans } from '../../dataset/within-spans';
import type { TextReading } from '../../dataset/examples';
import { Tokenizer } from '../../tokenizer/tokenizer';
import type { Torchrun } from '../torchrun/torchrun';
import { loadData, type RunData } from './data';
import { readKeptTokens, writeKeptTokens } from './kept-tokens';
import { ProgressPlan } from './progress-plan';
import type { RunControl } from './run-control';
import type { RunRecorder } from './run-recorder';

/** Rows of an evaluation batch; results do not depend on it. */
const EVALUATION_BATCH = 32;

export interface RunSetup {
  /** Computes all but the trainings where `torchrun` is there. */
  executor: Executor;
  /** Where trainings are Python's. */
  torchrun?: Torchrun | undefined;
  paths: RunPaths;
  experiment: ResolvedExperiment;
  recorder: RunRecorder;
  control: RunControl;
}

export interface PreparedRun extends RunSetup {
  data: RunData;
  /** Whose executor the run's is. */
  ahead: LoadsAhead;
  /** What the teacher says to the batches of validation. */
  known: KnownAnswers;
  plan: ProgressPlan;
  /** Where the student that is being trained goes: the run's own folder, or that of a further seed. */
  folder: SeedPaths;
  /** Which of several seeds, from 1. */
  seed?: { number: number; of: number };
}

/** The run for each of its seeds: with the training of that seed, and the place for its student. */
export function seedsOfRun(run: PreparedRun): PreparedRun[] {
  const { experiment, paths } = run;
  const { seeds, training } = experiment;
  if (!seeds) return [run];
  const folders = seedFolders(paths, seeds);
  return seeds.map((seed, index) => ({
    ...run,
    experiment: { ...experiment, training: { ...training, seed } },
    folder: folders[index]!,
    seed: { number: index + 1, of: seeds.length },
  }));
}

/** The run as its teacher reads it, where that has another tokenizer: the same rows as its tokens. */
export function asTeacherReads(run: PreparedRun): PreparedRun {
  const { data, experiment } = run;
  const { teacher, train, labelled, validation, ...others } = data;
  if (!teacher || !train.teachers || !labelled.teachers || !validation.teachers) return run;
  return {
    ...run,
    experiment: { ...experiment, dataset: { ...experiment.dataset, maxLength: teacher.maxLength } },
    data: {
      ...others,
      tokenizer: teacher.tokenizer,
      train: train.teachers,
      labelled: labelled.teachers,
      validation: validation.teachers,
    },
  };
}

/**
 * Reads the data and keeps the tokenizer, which an earlier part of the run may have made. Undefined where the run was asked to
 * stop meanwhile.
 */
export async function prepareRun(setup: RunSetup): Promise<PreparedRun | undefined> {
  const { experiment, paths, recorder } = setup;
  const labels = await classesOfTeacher(experiment);
  const tokenizerFolder = path.join(paths.directory, 'tokenizer');
  const savedTokenizer = await findCompleteDirectory(tokenizerFolder);
  const given = await givenFolder(experiment.teacher, path.dirname(experiment.file));
  const teacher = await teachersReading(experiment, paths);
  const loaded = await loadData(experiment, {
    folder: paths.directory,
    keptIn: rowIndexes(path.dirname(paths.directory)),
    isStopping: () => setup.control.stopping,
    onProblem: (problem) => void recorder.problem(problem),
    onNote: (line) => void recorder.note(line),
    teacherFolder: given,
    teacher,
    teacherLabels: labels,
    startLabels: labels === undefined && given !== undefined ? await classesOf(given) : undefined,
    tokenizer: savedTokenizer === undefined ? undefined : await Tokenizer.load(savedTokenizer),
    kept: savedTokenizer === undefined ? undefined : await readKeptTokens(savedTokenizer),
  });
  if (!loaded) return undefined;
  const data = { ...loaded, validation: withinSpans(loaded.validation) };
  if (savedTokenizer === undefined) {
    await saveDirectoryAtomically(tokenizerFolder, async (directory) => {
      await data.tokenizer.save(directory);
      if (data.kept) await writeKeptTokens(directory, data.kept);
    });
  }
  for (const problem of data.problems) await recorder.problem(problem);
  for (const { asked, commit, version, path: location } of experiment.models ?? []) {
    await recorder.note(`${asked}: ${commit === undefined ? `version ${version}` : `commit ${commit}`}, ${location}`);
  }
  const unlabelled = data.train.length - data.labelled.length;
  const training = `${data.labelled.length} training${unlabelled > 0 ? `, ${unlabelled} unlabelled` : ''}`;
  await recorder.note(
    `${training} and ${data.validation.length} validation examples, ${data.tokenizer.vocabularySize} tokens in the vocabulary${data.kept ? ', those that the dataset uses' : ''}`,
  );
  if (data.train.sample) {
    const rows = formatCount(data.train.sample.length);
    await recorder.note(
      `the dataset is large: its rows are read and tokenized when their batch comes, and padded to lengths that ${rows} of them have`,
    );
  }
  if (teacher) {
    const { tokenizer, maxLength } = teacher;
    await recorder.note(
      `the teacher reads the rows by its own tokenizer, of ${formatCount(tokenizer.vocabularySize)} tokens, up to ${maxLength} tokens of each`,
    );
  }
  const ahead = new LoadsAhead(setup.executor);
  return {
    ...setup,
    executor: ahead.executor,
    ahead,
    data,
    known: new KnownAnswers(),
    plan: new ProgressPlan(),
    folder: paths,
  };
}

/**
 * How the teacher reads the rows where it keeps its own tokenizer: as the run began, and no more of a text than the shortest of its members has
 * positions for. Undefined where it shares the student's.
 */
async function teachersReading(experiment: ResolvedExperiment, paths: RunPaths): Promise<TextReading | undefined> {
  if (experiment.distillation.vocabulary !== 'align') return undefined;
  const { teacher, dataset, file } = experiment;
  const base = path.dirname(file);
  const saved = await findCompleteDirectory(paths.teachersTokenizer);
  const folder = saved ?? (await givenFolder(teacher, base));
  if (folder === undefined) throw InputError.at(file, 'tokenizer-not-named', {});
  const tokenizer = await loadTokenizer(folder);
  if (saved === undefined) await saveDirectoryAtomically(paths.teachersTokenizer, (into) => tokenizer.save(into));
  const positions = await Promise.all(membersOf(teacher).map(({ member }) => positionsOf(member, experiment)));
  return { tokenizer, maxLength: Math.min(dataset.maxLength, ...positions) };
}

/** Tokens that a teacher, or a member of one, reads at once; as many as it likes where it is made for this. */
async function positionsOf(member: SingleSpec, experiment: ResolvedExperiment): Promise<number> {
  const { task, dataset, file } = experiment;
  const base = path.dirname(file);
  if (member.source === 'onnx') return (await onnxHeader(member.path, experiment)).model.maxPositions;
  const folder = await givenFolder(member, base);
  if (folder === undefined) return dataset.maxLength;
  return (await readArchitecture(folder, { head: headOfTask[task], labels: ['0', '1'] })).maxPositions;
}

function onnxHeader(written: string, { task, dataset, file }: ResolvedExperiment): ReturnType<typeof readOnnxTeacher> {
  const problemType = problemTypeOf[dataset.labels ?? 'single'];
  const rows = { labels: [], problemType, maxLength: dataset.maxLength, vocabularySize: undefined };
  return readOnnxTeacher(path.resolve(path.dirname(file), written), task, rows);
}

/** Of a teacher that was there before the run; undefined where nothing names them. */
async function classesOfTeacher(experiment: ResolvedExperiment): Promise<readonly string[] | undefined> {
  const folder = await existingTeacher(experiment);
  if (folder !== undefined) return (await readArchitecture(folder)).labels;
  const exported = onnxIn(experiment.teacher);
  if (exported === undefined) return undefined;
  const found = await onnxHeader(exported.path, experiment);
  return found.assumesClasses ? undefined : found.model.labels;
}

/** The folder of a teacher that was there before the run. */
export const existingTeacher = ({ teacher, file }: ResolvedExperiment): Promise<string | undefined> =>
  teacherFolder(teacher, path.dirname(file));

export function batchOptions({ experiment, data }: PreparedRun, batchSize: number): BatchOptions {
  const { tokenizer, teacher } = data;
  return { task: experiment.task, tokenizer, teacher, batchSize, maxLength: longestRow(experiment.dataset) };
}

function epochOptions(run: PreparedRun, spec: TrainingSpec): EpochOptions {
  const { epochs, gradientAccumulation, groupByLength, pack, seed, batchSize } = spec;
  return { ...batchOptions(run, batchSize), epochs, gradientAccumulation, groupByLength, pack, seed };
}

/**
 * The batches of a role's training: a student learns from all rows; a teacher that is trained here and a control from the
 * labelled ones alone, the control in as many updates as the student. Labelled rows that `trainRows` leaves out take no
 * updates with them: what fewer labels do shall not be what fewer steps do.
 */
export function trainingBatches(run: PreparedRun, spec: TrainingSpec, role: Role): BatchSource {
  const options = epochOptions(run, spec);
  const { train, labelled, leftOut } = run.data;
  const stepsOn = (examples: Examples): number =>
    Math.round((epochBatches(examples, options).steps * (examples.length + leftOut)) / examples.length);
  const steps = stepsOn(role === 'teacher' ? labelled : train);
  return epochBatches(role === 'student' ? train : labelled, { ...options, steps });
}

/** One of those batches for each length, the longest first. */
export function trainingBatchOfEachLength(run: PreparedRun, spec: TrainingSpec, role: Role): Batch[] {
  return batchOfEachLength(role === 'student' ? run.data.train : run.data.labelled, epochOptions(run, spec));
}

export const evaluationOptions = (run: PreparedRun): BatchOptions => batchOptions(run, EVALUATION_BATCH);

/** Of the batches of an evaluation on validation, the shortest first, as they come. */
export const evaluationShapes = (run: PreparedRun): BatchShape[] =>
  evaluationBatchOfEachLength(run.data.validation, evaluationOptions(run))
    .map((batch) => batchInputs(batch, run.experiment.task).shape)
    .reverse();

/** The batches of an evaluation. */
export function batchesOf(run: PreparedRun, examples: Examples): Batches {
  return evaluationBatches(examples, evaluationOptions(run));
}
