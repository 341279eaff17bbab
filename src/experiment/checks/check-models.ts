/** @file Checks teacher, student and tokenizer against each other and against the dataset. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type Architecture,
  headSizeOf,
  isOpaque,
  keyValueHeadsOf,
  type ProblemType,
  problemTypeOf,
  type TeacherModel,
} from '../../model/architecture';
import { relatedVectors, relationHeads } from '../../model/block-pairs';
import { requireParameters } from '../../model/files/checkpoint';
import { type NewHead, parameterCount } from '../../model/layouts/config';
import { initializationProblem, spreadLayers, withSettingsOf } from '../../model/parameters';
import { type Complaint, ComplaintError, problemAt } from '../../protocol/problem';
import type { StudentPreset } from '../../protocol/student-presets';
import { studentAlternatives, studentOf, type StudentAlternative } from '../student-alternatives';
import { imitationNames } from '../../protocol/imitation';
import { phrase } from '../../protocol/problems/phrases';
import { cuttableKinds } from '../../tokenizer/cut-vocabulary';
import type { Tokenizer } from '../../tokenizer/tokenizer';
import { buildArchitecture, classesFrom, headOfTask, isDecoder, type ArchitectureContext } from '../architecture';
import type { DatasetFacts } from './check-dataset';
import { checkHead } from './check-labels';
import { nearestDivisors } from './check-settings';
import { isFolder } from './dataset-files';
import type { Findings } from './findings';
import { removeKey, setValue } from '../file/fixes';
import { classesOf, givenFolder, isWithTokenizer, loadTokenizer, readArchitecture } from './model-folder';
import { locateModel } from './locate-model';
import { readOnnxTeacher, type OnnxTeacher } from './onnx-teacher';
import type { ArchitectureSpec } from '../file/blocks/architecture';
import type { EnsembleSpec, MemberSpec, OnnxSpec } from '../file/blocks/teacher';
import type { Experiment } from '../file/schema';
import { isTrained, isTrainedHere } from '../ensemble';
import type { Path } from '../file/source';

/** The models of an experiment, as far as they can be known before the run. Folders are absolute. */
export interface ModelFacts {
  teacherFolder?: string;
  teacher?: TeacherModel;
  /** Of ONNX files: themselves, and those that their weights lie in. */
  teacherFiles?: readonly string[];
  /** An ensemble's members that are there before the run, and where the experiment names them; `teacher` stands for all. */
  members?: { folder: string; model: TeacherModel; path: Path }[];
  /** Absent where the tokenizer is trained by the run. */
  tokenizerFolder?: string;
  studentFolder?: string;
  student?: Architecture;
  /** The teacher's block for each of the student's, where it starts from them. */
  initialLayers?: number[];
  /** How a student starts that the experiment names by a preset. */
  presetStart?: StudentAlternative['initialize'];
}

/**
 * `dataset` is what its files hold, where they could be read. What can be known of one model is checked whatever the other is.
 * @param sizesAlone whether models' folders need not have weights and a tokenizer
 */
export async function checkModels(
  experiment: Experiment,
  dataset: DatasetFacts | undefined,
  findings: Findings,
  sizesAlone = false,
): Promise<ModelFacts> {
  const facts: ModelFacts = {};
  await findings.checkAsync(() => findTeacher(experiment, dataset, facts, findings, sizesAlone));
  const tokenizer = await findings.checkAsync(() => findTokenizer(experiment, facts, findings, sizesAlone));
  const context = findings.check(() => contextOf(experiment, tokenizer, dataset, facts, findings));
  if (context !== undefined) findings.check(() => buildTeacher(experiment, context, facts, findings));
  if (context !== undefined) findings.check(() => buildStudent(experiment, context, facts, findings));
  await findings.checkAsync(() => readStudent(experiment, dataset, facts, findings, sizesAlone));
  if (tokenizer !== undefined) {
    findings.check(() => checkVocabulary(experiment, tokenizer, facts, findings));
    await checkSameTokenizer(tokenizer, facts, findings);
  }
  if (dataset !== undefined) findings.check(() => checkClasses(experiment, dataset, facts, findings));
  if (dataset !== undefined) findings.check(() => checkVerbalizers(experiment, dataset, findings));
  findings.check(() => checkImitatedBlocks(experiment, facts, findings));
  findings.check(() => checkHeads(experiment, facts, findings));
  findings.check(() => checkRelationHeads(experiment, facts, findings));
  findings.check(() => checkInitialization(experiment, facts, findings));
  findings.check(() => checkPackedClassifiers(experiment, facts, findings));
  findings.check(() => checkSizes(experiment, facts, findings));
  findings.check(() => checkFrozenBlocks(experiment, facts, findings));
  return facts;
}

/** What the models' sizes follow from beside the experiment's; undefined where nothing tells the vocabulary. */
function contextOf(
  experiment: Experiment,
  tokenizer: Tokenizer | undefined,
  dataset: DatasetFacts | undefined,
  facts: ModelFacts,
  findings: Findings,
): ArchitectureContext | undefined {
  // A tokenizer that may not be trained has been objected to already.
  const trained = findings.isFaulty(['tokenizer']) ? undefined : trainedVocabulary(experiment);
  const vocabularySize = tokenizer?.vocabularySize ?? trained ?? facts.teacher?.vocabularySize;
  if (vocabularySize === undefined) return undefined;
  return {
    task: experiment.task,
    vocabularySize,
    maxLength: experiment.dataset.maxLength,
    dropout: 0,
    // Where the labels are not known, two stand for them: only sizes are compared.
    labels: facts.teacher?.labels ?? dataset?.labels ?? ['0', '1'],
    problemType: problemTypeIn(dataset),
  };
}

/** What is wrong with sizes alone would only be said again in other words. */
function buildTeacher(
  { teacher }: Experiment,
  context: ArchitectureContext,
  facts: ModelFacts,
  findings: Findings,
): void {
  if (findings.isFaulty(['teacher'])) return;
  const trained =
    teacher.source === 'ensemble' ? teacher.teachers.find((member) => member.source === 'train') : teacher;
  if (trained?.source === 'train') facts.teacher ??= buildArchitecture(trained.architecture, context);
}

function buildStudent(
  experiment: Experiment,
  context: ArchitectureContext,
  facts: ModelFacts,
  findings: Findings,
): void {
  const { student } = experiment;
  if (student.preset !== undefined) {
    buildPreset(experiment, student.preset, facts, findings);
    return;
  }
  if (student.architecture === undefined || findings.isFaulty(['student', 'architecture'])) return;
  const { initialize } = student;
  const { teacher } = facts;
  if (initialize.from !== 'teacher' || teacher === undefined || isOpaque(teacher)) {
    facts.student = buildArchitecture(student.architecture, context);
    return;
  }
  const spec = { intermediateSize: innerSizeLike(teacher, student.architecture), ...student.architecture };
  const layers = initialize.layers ?? spreadLayers(teacher.layers, spec.layers);
  facts.student = withSettingsOf(teacher, buildArchitecture(spec, context), layers);
}

function buildPreset(
  { task, teacher: { source } }: Experiment,
  preset: StudentPreset,
  facts: ModelFacts,
  findings: Findings,
): void {
  const { teacher } = facts;
  const path: Path = ['student', 'preset'];
  if (source === 'endpoint') {
    findings.error(path, 'endpoint-without-sizes', {});
    return;
  }
  if (teacher === undefined || findings.isFaulty(['student'])) return;
  if (isOpaque(teacher)) {
    findings.error(path, 'teacher-without-sizes', {});
    return;
  }
  const found = studentOf(preset, teacher, task, source === 'ensemble');
  if (!found) {
    const others = studentAlternatives(teacher, task, source === 'ensemble').map((one) => one.preset);
    const named = others.map((one) => JSON.stringify(one));
    const what = { preset: JSON.stringify(preset), others: named.length > 0 ? named : undefined };
    findings.error(path, 'preset-impossible', what, ...others.map((one) => setValue(path, one)));
    return;
  }
  facts.student = found.model;
  facts.presetStart = found.initialize;
}

/** Of an MLP whose width is not named: as large a share of the teacher's as the hidden states have of its. */
function innerSizeLike(teacher: Architecture, { family, hiddenSize }: ArchitectureSpec): number | undefined {
  if (family !== teacher.family) return undefined;
  return Math.max(1, Math.round((teacher.intermediateSize * hiddenSize) / teacher.hiddenSize));
}

/** Classes of the rows. Where they are not known, two stand for them: only sizes are compared. */
const classesIn = (dataset: DatasetFacts | undefined): readonly string[] =>
  dataset !== undefined && dataset.labels.length > 0 ? dataset.labels : ['0', '1'];

const problemTypeIn = (dataset: DatasetFacts | undefined): ProblemType => problemTypeOf[dataset?.kind ?? 'single'];

/** The head that a checkpoint gets, and for which classes. */
async function headFor(task: Experiment['task'], folder: string, dataset: DatasetFacts | undefined): Promise<NewHead> {
  const labels = classesFrom(classesIn(dataset), await classesOf(folder));
  return { head: headOfTask[task], labels, problemType: problemTypeIn(dataset) };
}

/** As `readArchitecture`, where the weights are those that the config means: a run would say so only once it is about to train. */
async function readModel(folder: string, wanted: NewHead | undefined, sizesAlone: boolean): Promise<Architecture> {
  const architecture = await readArchitecture(folder, wanted, sizesAlone);
  if (!sizesAlone) await requireParameters(folder, architecture, wanted !== undefined);
  return architecture;
}

async function findTeacher(
  experiment: Experiment,
  dataset: DatasetFacts | undefined,
  facts: ModelFacts,
  findings: Findings,
  sizesAlone: boolean,
): Promise<void> {
  const { teacher } = experiment;
  if (teacher.source === 'ensemble') return findMembers(experiment, teacher, dataset, facts, findings, sizesAlone);
  if (teacher.source === 'onnx') return findOnnx(experiment, teacher, dataset, facts, findings);
  if (teacher.source === 'train' || teacher.source === 'endpoint') return;
  const path: Path = ['teacher', teacher.source === 'run' ? 'run' : 'path'];
  const folder = await findings.attempt(givenFolder(teacher, findings.base), path);
  if (folder === undefined) return;
  const { task } = experiment;
  const wanted = isTrained(teacher) ? await headFor(task, folder, dataset) : undefined;
  const architecture = await findings.attempt(readModel(folder, wanted, sizesAlone), path);
  if (architecture === undefined) return;
  facts.teacherFolder = folder;
  const { head } = architecture;
  if (head === headOfTask[task]) {
    facts.teacher = architecture;
    if (dataset?.kind) checkHead(architecture, dataset.kind, path, findings);
  } else {
    const fixes = teacher.source === 'checkpoint' ? [setValue(['teacher', 'training'], { epochs: 3 })] : [];
    findings.error(path, 'teacher-unfit-for-task', { head, task }, ...fixes);
  }
}

/** An ONNX file, of which the header alone is read. */
async function findOnnx(
  { task, dataset: { maxLength } }: Experiment,
  teacher: OnnxSpec,
  dataset: DatasetFacts | undefined,
  facts: ModelFacts,
  findings: Findings,
): Promise<void> {
  const rows = { labels: classesIn(dataset), problemType: problemTypeIn(dataset), maxLength };
  const found = await onnxAt(['teacher', 'path'], teacher.path, task, rows, dataset, findings);
  if (found === undefined) return;
  facts.teacherFolder = found.folder;
  facts.teacherFiles = [found.file.path, ...found.file.external];
  facts.teacher = found.model;
}

/** What its header says; undefined where that cannot be a teacher. */
async function onnxAt(
  path: Path,
  written: string,
  task: Experiment['task'],
  rows: { labels: readonly string[]; problemType: ProblemType; maxLength: number },
  dataset: DatasetFacts | undefined,
  findings: Findings,
): Promise<OnnxTeacher | undefined> {
  const { labels } = rows;
  const file = resolve(findings.base, written);
  const found = await findings.attempt(readOnnxTeacher(file, task, { ...rows, vocabularySize: undefined }), path);
  if (found === undefined) return undefined;
  const { model, width } = found;
  if (dataset?.kind) checkHead(model, dataset.kind, path, findings);
  if (found.assumesClasses && dataset !== undefined) {
    // What the model says of classes is not known to be of these: that is told, and a number that cannot be is refused.
    if (width !== undefined && width !== labels.length) {
      findings.error(path, 'onnx-other-classes', { width, classes: labels.length });
      return undefined;
    }
    findings.warning(path, 'onnx-classes-assumed', { classes: labels.slice(0, 20) });
  }
  return found;
}

async function findMembers(
  { task, dataset }: Experiment,
  { teachers }: EnsembleSpec,
  data: DatasetFacts | undefined,
  facts: ModelFacts,
  findings: Findings,
  sizesAlone: boolean,
): Promise<void> {
  // Those that are given name the classes of those that are fine-tuned, and of ONNX files that name none.
  const turn = (member: MemberSpec): number => (isTrained(member) ? 2 : Number(member.source === 'onnx'));
  const entries = [...teachers.entries()].sort(([, a], [, b]) => turn(a) - turn(b));
  const add = (folder: string, model: TeacherModel, path: Path): void => {
    const { labels = [], maxPositions } = model;
    const first = facts.teacher?.labels;
    if (first !== undefined && JSON.stringify(first) !== JSON.stringify(labels)) {
      findings.error(path, 'ensemble-classes', { classes: labels.slice(0, 20), first: first.slice(0, 20) });
    }
    if (facts.teacher !== undefined && maxPositions < dataset.maxLength) {
      const sizes = { maxLength: dataset.maxLength, positions: maxPositions, role: 'teacher' };
      findings.error(['dataset', 'maxLength'], 'examples-longer-than-model', sizes);
    }
    facts.members = [...(facts.members ?? []), { folder, model, path }];
    facts.teacherFolder ??= folder;
    facts.teacher ??= model;
  };
  for (const [i, member] of entries) {
    if (member.source === 'train') continue;
    const path: Path = ['teacher', 'teachers', i, member.source === 'run' ? 'run' : 'path'];
    if (member.source === 'onnx') {
      const labels = facts.teacher?.labels ?? classesIn(data);
      const rows = { labels, problemType: problemTypeIn(data), maxLength: dataset.maxLength };
      const found = await onnxAt(path, member.path, task, rows, data, findings);
      if (found === undefined) continue;
      facts.teacherFiles = [...(facts.teacherFiles ?? []), found.file.path, ...found.file.external];
      add(found.folder, found.model, path);
      continue;
    }
    const isTuned = isTrained(member);
    const folder = await findings.attempt(givenFolder(member, findings.base), path);
    const classes = facts.teacher?.labels;
    const wanted =
      isTuned && folder !== undefined
        ? { ...(await headFor(task, folder, data)), ...(classes && { labels: classes }) }
        : undefined;
    const architecture = folder && (await findings.attempt(readModel(folder, wanted, sizesAlone), path));
    if (folder === undefined || !architecture) continue;
    const { head } = architecture;
    if (head !== headOfTask[task]) {
      findings.error(path, 'teacher-unfit-for-task', { head, task });
      continue;
    }
    if (data?.kind) checkHead(architecture, data.kind, path, findings);
    add(folder, architecture, path);
  }
}

async function findTokenizer(
  experiment: Experiment,
  facts: ModelFacts,
  findings: Findings,
  sizesAlone: boolean,
): Promise<Tokenizer | undefined> {
  const { tokenizer } = experiment;
  if (tokenizer.source === 'train') return undefined;
  const folder =
    tokenizer.source === 'path'
      ? (await findings.attempt(locateModel(tokenizer.path, findings.base), ['tokenizer', 'path']))?.path
      : facts.teacherFolder;
  if (folder === undefined) return undefined;
  facts.tokenizerFolder = folder;
  const path: Path = ['tokenizer', tokenizer.source === 'path' ? 'path' : 'source'];
  const isThere = await findings.attempt(isWithTokenizer(folder), path);
  if (isThere === undefined || (!isThere && sizesAlone)) return undefined;
  // A tokenizer.json is a text to look into; a model's file is not.
  if (isThere) {
    const found = await findings.attempt(loadTokenizer(folder), (await isFolder(folder)) ? undefined : path);
    if (found && tokenizer.tokens === 'used' && !cuttableKinds.includes(found.kind)) {
      findings.error(['tokenizer', 'tokens'], 'tokens-of-kind-not-cut', { kind: found.kind, known: cuttableKinds });
    }
    if (found && experiment.dataset.chatTemplate && !findings.isFaulty(['dataset', 'chatTemplate']))
      checkChatTemplate(found, findings);
    return found;
  }
  if (tokenizer.source === 'teacher') findings.error(['tokenizer', 'source'], 'teacher-without-tokenizer', {});
  else findings.error(path, existsSync(folder) ? 'tokenizer-not-in-folder' : 'model-folder-missing', {});
  return undefined;
}

function checkChatTemplate(tokenizer: Tokenizer, findings: Findings): void {
  const path: Path = ['dataset', 'chatTemplate'];
  try {
    // Any will do: what is wrong with one of the rows is found where that is read.
    if (tokenizer.chat) tokenizer.chat.turn('Hello', 'Hello');
    else findings.error(path, 'chat-template-missing', {}, removeKey(path));
  } catch (error) {
    if (!(error instanceof ComplaintError)) throw error;
    findings.object(path, error.complaint);
  }
}

function trainedVocabulary({ tokenizer }: Experiment): number | undefined {
  return tokenizer.source === 'train' ? tokenizer.vocabularySize : undefined;
}

/** Where rows share one, a text's logits are taken at its first token. */
function checkPackedClassifiers({ task, teacher, training }: Experiment, facts: ModelFacts, findings: Findings): void {
  if (task !== 'text-classification') return;
  const teachers = facts.members?.map(({ model }) => model) ?? [facts.teacher];
  const ofTeachers = teachers.map((model) => ({ role: 'teacher', model }));
  const trainings: [Path, boolean | undefined, { role: string; model: TeacherModel | undefined }[]][] = [
    [['training', 'pack'], training.pack, [{ role: 'student', model: facts.student }, ...ofTeachers]],
    [['teacher', 'training', 'pack'], 'training' in teacher ? teacher.training?.pack : false, ofTeachers],
  ];
  for (const [path, pack, models] of trainings) {
    for (const { role, model } of pack ? models : []) {
      if (model === undefined || isOpaque(model)) continue;
      if (model.poolsMean) findings.error(path, 'packing-of-mean', { role }, removeKey(path));
      else if (isDecoder(model.family)) findings.error(path, 'packing-of-last', { role }, removeKey(path));
    }
  }
}

/** Of a student that starts from a folder, which names its sizes. */
async function readStudent(
  { student, task }: Experiment,
  dataset: DatasetFacts | undefined,
  facts: ModelFacts,
  findings: Findings,
  sizesAlone: boolean,
): Promise<void> {
  if (student.initialize.from !== 'checkpoint') return;
  const path: Path = ['student', 'initialize', 'path'];
  const found = await findings.attempt(locateModel(student.initialize.path, findings.base), path);
  if (found === undefined) return;
  const folder = found.path;
  facts.studentFolder = folder;
  const labels = facts.teacher?.labels ?? classesIn(dataset);
  const architecture = await findings.attempt(
    readModel(folder, { head: headOfTask[task], labels, problemType: problemTypeIn(dataset) }, sizesAlone),
    path,
  );
  if (architecture === undefined) return;
  facts.student = architecture;
  findings.check(() => checkAgreement(student.architecture, architecture, findings));
}

const sizes = ['family', 'hiddenSize', 'layers', 'heads', 'keyValueHeads', 'intermediateSize', 'maxPositions'] as const;

/** Sizes that an experiment names beside the folder's must be the same. */
function checkAgreement(named: ArchitectureSpec | undefined, found: Architecture, findings: Findings): void {
  if (named === undefined) return;
  const path: Path = ['student', 'architecture'];
  for (const key of sizes) {
    findings.check(() => {
      const value = named[key];
      const wanted = key === 'keyValueHeads' ? keyValueHeadsOf(found) : found[key];
      if (value === undefined || value === wanted) return;
      const fixes = [setValue([...path, key], wanted), removeKey(path)];
      findings.error([...path, key], 'architecture-differs', { key, value, found: wanted }, ...fixes);
    });
  }
}

function checkVocabulary(experiment: Experiment, tokenizer: Tokenizer, facts: ModelFacts, findings: Findings): void {
  const path: Path = ['tokenizer', experiment.tokenizer.source === 'path' ? 'path' : 'source'];
  const { task, dataset } = experiment;
  const needed = { 'masked-lm': 'mask', 'causal-lm': 'endOfText' }[task as string] as 'mask' | 'endOfText' | undefined;
  if (needed !== undefined && tokenizer.special[needed] === undefined) {
    const token = needed === 'mask' ? 'mask' : 'end-of-text';
    findings.error(path, 'tokenizer-lacks-token', { token, task });
  }
  for (const { model, path: ofMember } of facts.members?.slice(1) ?? []) {
    if (tokenizer.vocabularySize <= model.vocabularySize) continue;
    const sizes = { tokens: tokenizer.vocabularySize, known: model.vocabularySize };
    findings.error(ofMember, 'tokenizer-larger-than-model', { ...sizes, role: 'teacher' });
  }
  for (const role of ['teacher', 'student'] as const) {
    const model = facts[role];
    if (model === undefined) continue;
    if (tokenizer.vocabularySize > model.vocabularySize) {
      const sizes = { tokens: tokenizer.vocabularySize, known: model.vocabularySize };
      findings.error(path, 'tokenizer-larger-than-model', { ...sizes, role });
    }
    if (model.maxPositions < dataset.maxLength) {
      const at = ['dataset', 'maxLength'];
      const sizes = { maxLength: dataset.maxLength, positions: model.maxPositions };
      findings.error(at, 'examples-longer-than-model', { ...sizes, role }, setValue(at, model.maxPositions));
    }
  }
}

/** Teacher and student share one tokenizer: where their folders have another one, their ids mean other tokens. */
async function checkSameTokenizer(tokenizer: Tokenizer, facts: ModelFacts, findings: Findings): Promise<void> {
  const models: [string | undefined, string, Path][] = [
    ...(facts.members?.map(({ folder, path }): [string, string, Path] => [folder, 'teacher', path]) ?? [
      [facts.teacherFolder, 'teacher', ['tokenizer', 'path']] as [string | undefined, string, Path],
    ]),
    [facts.studentFolder, 'student', ['student', 'initialize', 'path']],
  ];
  for (const [folder, role, path] of models) {
    if (folder === undefined || folder === facts.tokenizerFolder) continue;
    if (!(await findings.attempt(isWithTokenizer(folder)))) continue;
    const own = await findings.attempt(loadTokenizer(folder));
    if (own === undefined || own.contentHash === tokenizer.contentHash || haveSameTokens(own, tokenizer)) continue;
    findings.error(path, 'tokenizer-of-another-model', { role });
  }
}

function haveSameTokens(a: Tokenizer, b: Tokenizer): boolean {
  const size = tokensWithoutPadding(a);
  if (size !== tokensWithoutPadding(b)) return false;
  for (let id = 0; id < size; id++) if (a.tokenText(id) !== b.tokenText(id)) return false;
  return true;
}

/** A GGUF file has a name for each row of the embeddings; those that no token has are called by their id, which no text becomes. */
function tokensWithoutPadding(tokenizer: Tokenizer): number {
  let size = tokenizer.vocabularySize;
  while (size > 0 && tokenizer.tokenText(size - 1) === `[PAD${size - 1}]`) size--;
  return size;
}

function checkClasses(
  { task, teacher }: Experiment,
  dataset: DatasetFacts,
  facts: ModelFacts,
  findings: Findings,
): void {
  const classes = facts.teacher?.labels;
  if (task !== 'text-classification' || dataset.kind === 'regression') return;
  if (isTrainedHere(teacher) || classes === undefined) return;
  const known = new Set(classes);
  const told = { classes: classes.slice(0, 20) };
  const unknown = dataset.labels.filter((label) => !known.has(label));
  if (unknown.length > 0) {
    findings.error(['dataset', 'train'], 'teacher-lacks-class', { labels: unknown.slice(0, 5), ...told });
  }
  for (const { label, file, line } of dataset.measuredLabels) {
    if (known.has(label) || unknown.includes(label)) continue;
    findings.add(problemAt({ file, line, column: 1 }, 'teacher-lacks-class', { labels: [label], ...told }));
  }
}

/** A server is asked how probable each label is after a text: for one class of several alone that is a distribution. */
function checkVerbalizers(
  { teacher, task, dataset }: Experiment,
  { kind, labels }: DatasetFacts,
  findings: Findings,
): void {
  if (teacher.source !== 'endpoint' || task !== 'text-classification') return;
  // Where the file says so, it has been objected to.
  if (kind !== undefined && kind !== 'single' && dataset.labels === undefined) {
    findings.error(['teacher', 'source'], 'endpoint-labels', { labels: kind });
  }
  for (const label of Object.keys(teacher.verbalizers ?? {})) {
    if (labels.length === 0 || labels.includes(label)) continue;
    const path = ['teacher', 'verbalizers', label];
    findings.error(path, 'endpoint-verbalizer-of-none', { label, labels: labels.slice(0, 20) }, removeKey(path));
  }
}

function checkFrozenBlocks(experiment: Experiment, { teacher, student }: ModelFacts, findings: Findings): void {
  const check = (path: Path, frozenBlocks: number, model: TeacherModel | undefined): void => {
    if (model === undefined || isOpaque(model) || frozenBlocks <= model.layers) return;
    const { layers } = model;
    findings.error(path, 'blocks-frozen-beyond', { frozenBlocks, layers }, setValue(path, layers));
  };
  check(['training', 'frozenBlocks'], experiment.training.frozenBlocks, student);
  if (experiment.teacher.source === 'ensemble' || !isTrained(experiment.teacher)) return;
  check(['teacher', 'training', 'frozenBlocks'], experiment.teacher.training.frozenBlocks, teacher);
}

function checkSizes({ student: spec }: Experiment, { teacher, student }: ModelFacts, findings: Findings): void {
  if (teacher === undefined || student === undefined) return;
  const ofTeacher = isOpaque(teacher) ? teacher.parameters : parameterCount(teacher);
  if (ofTeacher === undefined) return;
  const sizes = { teacher: ofTeacher, student: parameterCount(student) };
  if (sizes.student <= sizes.teacher) return;
  const named = spec.architecture === undefined ? ['initialize', 'path'] : ['architecture'];
  const path = ['student', ...(spec.preset === undefined ? named : ['preset'])];
  findings.warning(path, 'student-larger-than-teacher', sizes);
}

function checkImitatedBlocks(experiment: Experiment, facts: ModelFacts, findings: Findings): void {
  const { teacher, student, distillation } = experiment;
  if (teacher.source === 'ensemble' || teacher.source === 'onnx' || teacher.source === 'endpoint') return;
  const { teacher: found } = facts;
  const known = found !== undefined && !isOpaque(found) ? found.layers : undefined;
  const depths = {
    teacher: findings.check(() => (teacher.source === 'train' ? teacher.architecture.layers : known)),
    student: findings.check(() => facts.student?.layers ?? student.architecture?.layers),
  };
  for (const key of imitationNames) {
    const layers = findings.check(() => distillation[key]?.layers) ?? [];
    if (typeof layers === 'string') continue;
    for (const [index, pair] of layers.entries()) {
      for (const [side, role] of (['teacher', 'student'] as const).entries()) {
        findings.check(() =>
          checkLayer(['distillation', key, 'layers', index, side], role, pair[side]!, depths[role], findings),
        );
      }
    }
  }
}

/** Scores of attention are a head's, and no head of one model is known to do what one of another place does in the other. */
function checkHeads({ distillation, student: spec }: Experiment, facts: ModelFacts, findings: Findings): void {
  const { teacher, student } = facts;
  if (distillation.attention === undefined || teacher === undefined || student === undefined) return;
  if (isOpaque(teacher) || teacher.heads === student.heads) return;
  const at: Path = ['student', 'architecture', 'heads'];
  const isNamed = spec.preset === undefined && spec.architecture !== undefined;
  const fits = isNamed && student.hiddenSize % teacher.heads === 0;
  const path: Path = isNamed ? at : ['distillation', 'attention'];
  const heads = { student: student.heads, teacher: teacher.heads };
  const fixes = fits ? [setValue(at, teacher.heads)] : [removeKey(['distillation', 'attention'])];
  findings.error(path, 'attention-of-other-heads', heads, ...fixes);
}

/** Relation heads are made anew of both models' vectors, whatever their heads are: they need but divide each. */
function checkRelationHeads({ distillation }: Experiment, { teacher, student }: ModelFacts, findings: Findings): void {
  const { relations } = distillation;
  if (relations === undefined || teacher === undefined || student === undefined || isOpaque(teacher)) return;
  const vectors = relatedVectors(relations.of, { teacher, student });
  const heads = relationHeads(relations, student);
  const undivided = vectors.find(({ width }) => width % heads !== 0);
  if (undivided === undefined) return;
  const at: Path = ['distillation', 'relations', 'heads'];
  const divisors = nearestDivisors(vectors.map(({ width }) => width).reduce(commonDivisor), heads);
  const fixes = divisors.map((one) => setValue(at, one));
  const { role, kind, width } = undivided;
  const told = { heads, role, kind, width, divisors };
  if (relations.heads === undefined) findings.error(at.slice(0, -1), 'relation-heads-of-student', told, ...fixes);
  else findings.error(at, 'relation-heads-do-not-divide', told, ...fixes);
}

/** The greatest (Euclid). */
const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

function checkLayer(
  path: Path,
  role: 'teacher' | 'student',
  layer: number,
  layers: number | undefined,
  findings: Findings,
): void {
  if (layers === undefined || layer < layers) return;
  const last = layers - 1;
  const fix = setValue(path, last, phrase('use-last-block', { layer: last }));
  findings.error(path, 'layer-out-of-range', { role, layer, last: last === 0 ? undefined : last }, fix);
}

function checkInitialization(experiment: Experiment, facts: ModelFacts, findings: Findings): void {
  const { student: spec } = experiment;
  const { teacher, student } = facts;
  if (teacher === undefined || isOpaque(teacher) || student === undefined) return;
  if (experiment.teacher.source === 'ensemble') return;
  const initialize = facts.presetStart ?? spec.initialize;
  if (initialize.from !== 'teacher') return;
  const layers = initialize.layers ?? spreadLayers(teacher.layers, student.layers);
  const problem = initializationProblem(student, teacher, layers);
  if (problem === undefined) facts.initialLayers = layers;
  else if (sizeInComplaint(problem) !== undefined) {
    const size = sizeInComplaint(problem)!;
    const { fitting, keyValueHeads, teacher: wanted } = problem.arguments;
    const value = fitting ?? keyValueHeads ?? wanted;
    const path: Path = ['student', 'architecture'];
    const heads = student.hiddenSize / headSizeOf(teacher);
    const isOfHeads = fitting !== undefined && Number.isInteger(heads) && heads <= teacher.heads;
    const fixes = [setValue([...path, size], value), ...(isOfHeads ? [setValue([...path, 'heads'], heads)] : [])];
    findings.object([...path, size], problem, ...fixes);
  } else {
    const path = ['student', 'initialize', 'layers'];
    const spread = spreadLayers(teacher.layers, student.layers);
    const canSpread = initializationProblem(student, teacher, spread) === undefined;
    const fixes = canSpread ? [setValue(path, spread, phrase('spread-blocks', { layers: spread }))] : [];
    findings.object(path, problem, ...fixes);
  }
}

/** The size of the student's architecture that keeps it from starting so. */
function sizeInComplaint({ code, arguments: { width } }: Complaint): (typeof sizes)[number] | undefined {
  if (code === 'start-of-other-head-size') return 'hiddenSize';
  if (code === 'start-with-more-queries-shared') return 'keyValueHeads';
  return sizes.find((size) => size === width);
}
