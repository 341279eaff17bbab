/** @file What inspection and completion look at: a run, a control of a run, any Hugging Face folder or GGUF file, or a model by its name or id. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Executor } from '../../engine/executor';
import { Predictor, type TextPredictor } from '../../distill/evaluation/predictor';
import { OpaquePredictor } from '../../distill/teacher/opaque-teacher';
import { columnsOf } from '../../experiment/checks/check-dataset';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import { findRun } from '../../run-directory/run-directory';
import { readRunExperiment } from '../../experiment/experiment-record';
import { controlPaths, runPaths, type RunPaths, type TrainingPaths } from '../../run-directory/run-paths';
import { type Architecture, isOpaque, labelKindOf, type TeacherModel } from '../../model/architecture';
import { InputError } from '../../protocol/problem';
import type { LabelKind, Split, Task } from '../../protocol/records';
import type { Columns } from '../../dataset/dataset';
import type { TextReading } from '../../dataset/examples';
import { JoinedVocabulary } from '../../tokenizer/joined-vocabulary';
import type { Tokenizer } from '../../tokenizer/tokenizer';
import { readKeptTokens } from '../run/kept-tokens';
import { loadModel } from '../run/models';
import { openOnnx, type OnnxSetting } from '../run/onnx-teacher';
import { onnxFileOf } from '../../experiment/checks/onnx-teacher';
import { isWithTokenizer, loadTokenizer, membersOfRun, teacherOfRun } from '../../experiment/checks/model-folder';
import { locateModel } from '../../experiment/checks/locate-model';
import { findGguf } from '../../model/files/gguf-checkpoint';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import type { FrozenModel } from '../../model/parameters';
import { initialValue } from '../../distill/training/schedules';
import { EnsemblePredictor } from '../../distill/teacher/ensemble-predictor';
import { MeanPredictor } from '../../distill/teacher/opaque-ensemble';

export interface TargetModels {
  task: Task;
  /** Absent for a folder or file without one; then only token ids can be given. */
  tokenizer: Tokenizer | undefined;
  labels: readonly string[] | undefined;
  /** What they are; absent for a language model. */
  labelKind?: LabelKind | undefined;
  maxLength: number;
  /** sentence-embedding: as of `EncodeRowsOptions`. */
  scoreRange?: readonly [number, number] | undefined;
  /** Where the columns of a dataset row are. */
  columns: Columns;
  /** Whether prompts are written by the tokenizer's chat template. */
  chatTemplate?: boolean | undefined;
  teacher?: TextPredictor | undefined;
  /** How it reads texts, where it has another tokenizer than the student. */
  teacherReads?: TextReading | undefined;
  /** Of such language models the tokens of both. */
  joined?: JoinedVocabulary | undefined;
  student?: TextPredictor | undefined;
}

const tasks: Record<Architecture['head'], Task> = {
  'sequence-classification': 'text-classification',
  'causal-lm': 'causal-lm',
  'masked-lm': 'masked-lm',
  'token-classification': 'token-classification',
  'sentence-embedding': 'sentence-embedding',
};

/** A folder, or an ONNX file. */
type EnsembleMember = { weight: number } & ({ folder: string } | { onnx: Omit<OnnxSetting, 'tokenizer' | 'labels'> });

/** Where the models of a target are. */
export interface TargetFolders {
  teacher: string | undefined;
  /** Of an ensemble, in place of `teacher`: its members, and the temperature at which their mean is shown exactly. */
  ensemble?: { members: EnsembleMember[]; temperature: number } | undefined;
  /** Of a teacher that is an ONNX file, in place of `teacher`. */
  onnx?: Omit<OnnxSetting, 'tokenizer' | 'labels'> | undefined;
  student?: string | undefined;
  tokenizer: string | undefined;
  /** Of a teacher that has another one. */
  teachersTokenizer?: string | undefined;
  /** The teacher's tokens that the run's tokenizer has, where its vocabulary is cut: the teacher's own folder has all. */
  kept?: Int32Array | undefined;
  maxLength?: number;
  scoreRange?: readonly [number, number] | undefined;
  columns: Columns;
  chatTemplate?: boolean;
}

/** Loads the models of a target. Throws an InputError where it is neither a run nor a model's folder. */
export async function openTarget(target: string, executor: Executor): Promise<TargetModels> {
  return openModels(executor, await locateTarget(target));
}

/** The folders of a target as they are now: those of a run that is going on change. Throws an InputError as openTarget. */
export async function locateTarget(target: string): Promise<TargetFolders> {
  const folder = path.resolve(target);
  const isModel = existsSync(path.join(folder, 'config.json')) || (await findGguf(folder)) !== undefined;
  if (isModel) return { teacher: folder, tokenizer: folder, columns: {} };
  const named = await locateModel(target, process.cwd());
  if (named.origin) return { teacher: named.path, tokenizer: named.path, columns: {} };
  const { run, training } = await findTraining(target);
  const experiment = await readRunExperiment(run);
  const ensemble = await ensembleOf(run, experiment);
  const { source } = experiment.teacher;
  const hasFolder = source !== 'ensemble' && source !== 'onnx' && source !== 'endpoint';
  const teacher = hasFolder ? await findCompleteDirectory(await teacherOfRun(run)) : undefined;
  const student = await latestModel(training);
  const tokenizer = await findCompleteDirectory(path.join(run.directory, 'tokenizer'));
  const teachersTokenizer = await findCompleteDirectory(run.teachersTokenizer);
  const kept = tokenizer === undefined ? undefined : await readKeptTokens(tokenizer);
  const onnx = await onnxOf(experiment);
  // A server is asked by runs alone: each of its answers may cost.
  if (source === 'endpoint' && student === undefined) throw InputError.at(target, 'teacher-of-run-is-endpoint', {});
  if (teacher === undefined && ensemble === undefined && onnx === undefined && student === undefined) {
    throw InputError.at(target, 'run-without-model', {});
  }
  const { maxLength, chatTemplate } = experiment.dataset;
  const columns = columnsOf(experiment, mostToldOf(experiment));
  const scoreRange = experiment.dataset.pairs?.range;
  const reading = { tokenizer, teachersTokenizer, kept, maxLength, scoreRange, columns, chatTemplate };
  if (experiment.task === 'causal-lm' && teachersTokenizer !== undefined && student === undefined) {
    // There is nobody yet who predicts the student's tokens.
    const { teachersTokenizer: _, ...alone } = reading;
    return { teacher, ...alone, tokenizer: teachersTokenizer };
  }
  return { teacher, ensemble, onnx, student, ...reading };
}

/** The split whose rows say the most: pairs with scores may be in some alone. */
function mostToldOf({ dataset: { pairs } }: ResolvedExperiment): Split | undefined {
  return pairs?.scored[0] ?? pairs?.splits[0];
}

/** Undefined where the teacher is something else, or its file is gone: the student can be asked all the same. */
async function onnxOf({ teacher, file, task, dataset, threads }: ResolvedExperiment): Promise<TargetFolders['onnx']> {
  if (teacher.source !== 'onnx') return undefined;
  const found = await onnxFileOf(path.resolve(path.dirname(file), teacher.path));
  return existsSync(found) ? { path: found, task, maxLength: dataset.maxLength, threads } : undefined;
}

/** Undefined where the teacher is a single model, or a member is still to be trained. */
async function ensembleOf(run: RunPaths, experiment: ResolvedExperiment): Promise<TargetFolders['ensemble']> {
  const members = await membersOfRun(run);
  if (!members) return undefined;
  const found: EnsembleMember[] = [];
  const { task, dataset, threads } = experiment;
  for (const { folder, onnx, weight } of members) {
    if (onnx !== undefined) {
      const file = await onnxFileOf(onnx);
      if (!existsSync(file)) return undefined;
      found.push({ onnx: { path: file, task, maxLength: dataset.maxLength, threads }, weight });
      continue;
    }
    const whole = await findCompleteDirectory(folder);
    if (whole === undefined) return undefined;
    found.push({ folder: whole, weight });
  }
  return { members: found, temperature: initialValue(experiment.distillation.temperature) };
}

async function openEnsemble(
  executor: Executor,
  { members, temperature }: NonNullable<TargetFolders['ensemble']>,
  kept: Int32Array | undefined,
  openFile: (setting: Omit<OnnxSetting, 'tokenizer' | 'labels'>) => Promise<TextPredictor>,
): Promise<TextPredictor> {
  const weights = members.map(({ weight }) => weight);
  if (members.every((member) => 'folder' in member)) {
    const models: FrozenModel[] = [];
    for (const { folder } of members) models.push(await loadModel(executor, folder, kept));
    return new EnsemblePredictor(executor, models, weights, temperature);
  }
  const predictors: TextPredictor[] = [];
  for (const member of members) {
    if ('onnx' in member) predictors.push(await openFile(member.onnx));
    else {
      const { architecture, parameters } = await loadModel(executor, member.folder, kept);
      predictors.push(new Predictor(executor, architecture, parameters));
    }
  }
  return new MeanPredictor(predictors, weights, temperature);
}

/** Of a folder of sentence-transformers. */
const maxTokensOf = (model: TeacherModel): number | undefined =>
  isOpaque(model) ? undefined : model.embedding?.maxTokens;

/** Frees the memory of a target's models. */
export async function releaseTarget({ teacher, student }: TargetModels): Promise<void> {
  await teacher?.release();
  await student?.release();
}

/** A run, `RUN/seeds/N`, or `controls/NAME` below one of these. */
export async function findTraining(target: string): Promise<{ run: RunPaths; training: TrainingPaths }> {
  const parts = /^(.*?)(?:[\\/]+seeds[\\/]+([^\\/]+))?(?:[\\/]+controls[\\/]+([^\\/]+))?[\\/]*$/.exec(target)!;
  const [, name, seed, control] = parts;
  if (seed === undefined && control === undefined) {
    const run = await findRun(target);
    return { run, training: run };
  }
  const run = await findRun(name!);
  const ofSeed = seed === undefined ? run : runPaths(path.join(run.directory, 'seeds', seed));
  if (!existsSync(ofSeed.directory)) throw InputError.at(target, 'seed-missing', { seed: seed! });
  const training = control === undefined ? ofSeed : controlPaths(ofSeed, control);
  if (!existsSync(training.directory)) throw InputError.at(target, 'control-missing', { control: control! });
  return { run, training };
}

/** The exported model, or what a run that is still going has kept so far. */
async function latestModel(training: TrainingPaths): Promise<string | undefined> {
  for (const folder of [training.model, training.bestCheckpoint, training.lastCheckpoint]) {
    const found = await findCompleteDirectory(folder);
    if (found !== undefined) return found;
  }
  return undefined;
}

export async function openModels(executor: Executor, folders: TargetFolders): Promise<TargetModels> {
  const open = async (folder: string | undefined, kept?: Int32Array): Promise<Predictor | undefined> => {
    if (folder === undefined) return undefined;
    const { architecture, parameters } = await loadModel(executor, folder, kept);
    return new Predictor(executor, architecture, parameters);
  };
  const student = await open(folders.student);
  const hasTokenizer = folders.tokenizer !== undefined && (await isWithTokenizer(folders.tokenizer));
  const tokenizer = hasTokenizer ? await loadTokenizer(folders.tokenizer!) : undefined;
  const ofTeacher =
    folders.teachersTokenizer === undefined ? tokenizer : await loadTokenizer(folders.teachersTokenizer);
  const openTeacher = async (): Promise<TextPredictor | undefined> => {
    const { kept } = folders;
    const openFile = async (setting: Omit<OnnxSetting, 'tokenizer' | 'labels'>): Promise<TextPredictor> => {
      // Where no file names the classes, the student has the names that the run gave them.
      const { labels = [], problemType } = student?.architecture ?? {};
      const { model, source } = await openOnnx({ ...setting, tokenizer: ofTeacher!, labels, problemType });
      return new OpaquePredictor(model, source);
    };
    if (folders.ensemble) return openEnsemble(executor, folders.ensemble, kept, openFile);
    return folders.onnx && tokenizer ? openFile(folders.onnx) : open(folders.teacher, kept);
  };
  const teacher = await openTeacher();
  const { architecture } = (teacher ?? student)!;
  const { head, labels } = architecture;
  const lengthOf = (model: TeacherModel): number =>
    Math.min(model.maxPositions, folders.maxLength ?? maxTokensOf(model) ?? Infinity);
  const readsOwn = ofTeacher !== tokenizer && ofTeacher !== undefined && teacher !== undefined;
  // Who is asked about its own tokens says nothing of how many others there may be.
  const asked = (readsOwn && student ? student : (teacher ?? student)!).architecture;
  const isJoined = readsOwn && student !== undefined && tokenizer !== undefined && head === 'causal-lm';
  return {
    task: tasks[head],
    tokenizer,
    labels,
    labelKind: labelKindOf(architecture),
    maxLength: lengthOf(asked),
    ...(readsOwn && {
      teacherReads: { tokenizer: ofTeacher, maxLength: lengthOf(teacher.architecture) },
    }),
    ...(isJoined && { joined: new JoinedVocabulary(tokenizer, ofTeacher) }),
    scoreRange: folders.scoreRange,
    columns: folders.columns,
    chatTemplate: folders.chatTemplate,
    teacher,
    student,
  };
}
