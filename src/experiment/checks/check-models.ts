/** @file Checks teacher, student and tokenizer against each other and against the dataset. */

import { join, resolve } from 'node:path';
import { type Architecture } from '../../model/architecture';
import { parameterCount } from '../../model/config';
import { initializationProblem } from '../../model/parameters';
import { Tokenizer } from '../../tokenizer/tokenizer';
import { buildArchitecture, headOfTask, type ArchitectureContext } from '../architecture';
import type { DatasetFacts } from './check-dataset';
import { isFile } from './dataset-files';
import type { Findings } from './findings';
import { inline, setValue } from '../file/fixes';
import { readArchitecture, teacherFolder } from './model-folder';
import type { Experiment } from '../file/schema';
import type { Path } from '../file/source';

/** The models of an experiment, as far as they can be known before the run. Folders are absolute. */
export interface ModelFacts {
  teacherFolder?: string;
  teacher?: Architecture;
  /** Absent where the tokenizer is trained by the run. */
  tokenizerFolder?: string;
  studentFolder?: string;
  student?: Architecture;
  /** The teacher's block for each of the student's, where it starts from them. */
  initialLayers?: number[];
}

/** `dataset` is what its files hold, where they could be read. */
export async function checkModels(
  experiment: Experiment,
  dataset: DatasetFacts | undefined,
  findings: Findings,
): Promise<ModelFacts> {
  const facts: ModelFacts = {};
  await findTeacher(experiment, facts, findings);
  const tokenizer = await findTokenizer(experiment, facts, findings);
  const vocabularySize = tokenizer?.vocabularySize ?? trainedVocabulary(experiment) ?? facts.teacher?.vocabularySize;
  if (vocabularySize === undefined) return facts;
  const context: ArchitectureContext = {
    task: experiment.task,
    vocabularySize,
    maxLength: experiment.dataset.maxLength,
    dropout: 0,
    // Where the labels are not known, two stand for them: only sizes are compared.
    labels: facts.teacher?.labels ?? dataset?.labels ?? ['0', '1'],
  };
  if (experiment.teacher.source === 'train')
    facts.teacher = buildArchitecture(experiment.teacher.architecture, context);
  await findStudent(experiment, context, facts, findings);
  if (tokenizer !== undefined) {
    checkVocabulary(experiment, tokenizer, facts, findings);
    await checkSameTokenizer(tokenizer, facts, findings);
  }
  if (dataset !== undefined) checkClasses(experiment, dataset, facts, findings);
  checkPair(experiment, facts, findings);
  return facts;
}

async function findTeacher(experiment: Experiment, facts: ModelFacts, findings: Findings): Promise<void> {
  const { teacher } = experiment;
  if (teacher.source === 'train') return;
  const path: Path = ['teacher', teacher.source === 'run' ? 'run' : 'path'];
  const folder = await findings.attempt(teacherFolder(teacher, findings.base), path);
  if (folder === undefined) return;
  const architecture = await findings.attempt(readArchitecture(folder), path);
  if (architecture === undefined) return;
  facts.teacherFolder = folder;
  if (architecture.head === headOfTask[experiment.task]) facts.teacher = architecture;
  else {
    const message = `The teacher is a ${architecture.head} model, which does not fit the task ${experiment.task}.`;
    findings.error(path, message, 'Choose a teacher that was trained for this task, or another task.');
  }
}

async function findTokenizer(
  experiment: Experiment,
  facts: ModelFacts,
  findings: Findings,
): Promise<Tokenizer | undefined> {
  const { tokenizer } = experiment;
  if (tokenizer.source === 'train') return undefined;
  const folder = tokenizer.source === 'path' ? resolve(findings.base, tokenizer.path) : facts.teacherFolder;
  if (folder === undefined) return undefined;
  facts.tokenizerFolder = folder;
  if (await isFile(join(folder, 'tokenizer.json'))) return findings.attempt(Tokenizer.load(folder));
  const isTeachers = tokenizer.source === 'teacher';
  findings.error(
    ['tokenizer', isTeachers ? 'source' : 'path'],
    isTeachers ? "The teacher's folder has no tokenizer.json." : 'This folder has no tokenizer.json.',
    isTeachers
      ? 'Put its tokenizer.json there, or write "tokenizer": {"source": "path", "path": …}.'
      : 'Name a folder that has one.',
  );
  return undefined;
}

function trainedVocabulary({ tokenizer }: Experiment): number | undefined {
  return tokenizer.source === 'train' ? tokenizer.vocabularySize : undefined;
}

async function findStudent(
  { student, task }: Experiment,
  context: ArchitectureContext,
  facts: ModelFacts,
  findings: Findings,
): Promise<void> {
  if (student.architecture !== undefined) facts.student = buildArchitecture(student.architecture, context);
  if (student.initialize.from !== 'checkpoint') return;
  const path: Path = ['student', 'initialize', 'path'];
  const folder = resolve(findings.base, student.initialize.path);
  facts.studentFolder = folder;
  const architecture = await findings.attempt(readArchitecture(folder), path);
  if (architecture === undefined) return;
  facts.student = architecture;
  if (architecture.head !== headOfTask[task]) {
    const message = `This is a ${architecture.head} model, which does not fit the task ${task}.`;
    findings.error(path, message, 'Name a model for this task.');
  }
}

function checkVocabulary(experiment: Experiment, tokenizer: Tokenizer, facts: ModelFacts, findings: Findings): void {
  const path: Path = ['tokenizer', experiment.tokenizer.source === 'path' ? 'path' : 'source'];
  const { task, dataset } = experiment;
  const needed = { 'masked-lm': 'mask', 'causal-lm': 'endOfText' }[task as string] as 'mask' | 'endOfText' | undefined;
  if (needed !== undefined && tokenizer.special[needed] === undefined) {
    const name = needed === 'mask' ? 'mask' : 'end-of-text';
    findings.error(path, `The tokenizer has no ${name} token, which ${task} needs.`, 'Use a tokenizer that has one.');
  }
  for (const role of ['teacher', 'student'] as const) {
    const model = facts[role];
    if (model === undefined) continue;
    if (tokenizer.vocabularySize > model.vocabularySize) {
      const message = `The tokenizer has ${count(tokenizer.vocabularySize)} tokens, the ${role} knows only ${count(model.vocabularySize)}.`;
      findings.error(path, message, 'Teacher and student need the tokenizer that they were trained with.');
    }
    if (model.maxPositions < dataset.maxLength) {
      const message = `Examples have up to ${dataset.maxLength} tokens, the ${role} has ${model.maxPositions} positions.`;
      findings.error(
        ['dataset', 'maxLength'],
        message,
        `Lower it to at most ${model.maxPositions}.`,
        setValue(['dataset', 'maxLength'], model.maxPositions),
      );
    }
  }
}

/** Teacher and student share one tokenizer: where their folders have another one, their ids mean other tokens. */
async function checkSameTokenizer(tokenizer: Tokenizer, facts: ModelFacts, findings: Findings): Promise<void> {
  const models: [string | undefined, string, Path][] = [
    [facts.teacherFolder, 'teacher', ['tokenizer', 'path']],
    [facts.studentFolder, 'student', ['student', 'initialize', 'path']],
  ];
  for (const [folder, role, path] of models) {
    if (folder === undefined || folder === facts.tokenizerFolder) continue;
    if (!(await isFile(join(folder, 'tokenizer.json')))) continue;
    const own = await findings.attempt(Tokenizer.load(folder));
    if (own === undefined || own.contentHash === tokenizer.contentHash || haveSameTokens(own, tokenizer)) continue;
    const message = `The ${role} was trained with another tokenizer, so that equal ids are not equal tokens.`;
    findings.error(path, message, 'Choose models that share a tokenizer, and use that one.');
  }
}

function haveSameTokens(a: Tokenizer, b: Tokenizer): boolean {
  if (a.vocabularySize !== b.vocabularySize) return false;
  for (let id = 0; id < a.vocabularySize; id++) if (a.tokenText(id) !== b.tokenText(id)) return false;
  return true;
}

function checkClasses(
  { task, teacher }: Experiment,
  dataset: DatasetFacts,
  facts: ModelFacts,
  findings: Findings,
): void {
  const classes = facts.teacher?.labels;
  if (task !== 'text-classification' || teacher.source === 'train' || classes === undefined) return;
  const unknown = dataset.labels.filter((label) => !classes.includes(label));
  if (unknown.length === 0) return;
  findings.error(
    ['dataset', 'train'],
    `The teacher has no class ${unknown
      .slice(0, 5)
      .map((label) => JSON.stringify(label))
      .join(', ')}.`,
    `Its classes are ${classes
      .slice(0, 20)
      .map((label) => JSON.stringify(label))
      .join(', ')}: rename the labels, or use another teacher.`,
  );
}

function checkPair(experiment: Experiment, facts: ModelFacts, findings: Findings): void {
  const { teacher, student } = facts;
  if (teacher === undefined || student === undefined) return;
  checkHiddenLayers(experiment, teacher, student, findings);
  checkInitialization(experiment, teacher, student, facts, findings);
  const [large, small] = [parameterCount(teacher), parameterCount(student)];
  if (small > large) {
    findings.warning(
      experiment.student.architecture === undefined ? ['student', 'initialize', 'path'] : ['student', 'architecture'],
      `The student has ${count(small)} parameters, more than the teacher's ${count(large)}.`,
      'Give the student fewer layers or a smaller width.',
    );
  }
}

function checkHiddenLayers(
  { distillation }: Experiment,
  teacher: Architecture,
  student: Architecture,
  findings: Findings,
): void {
  for (const [index, pair] of (distillation.hidden?.layers ?? []).entries()) {
    for (const [side, model] of [teacher, student].entries()) {
      const layer = pair[side]!;
      if (layer < model.layers) continue;
      const place = ['distillation', 'hidden', 'layers', index, side];
      findings.error(
        place,
        `The ${side === 0 ? 'teacher' : 'student'} has no block ${layer}: pairs count blocks from 0.`,
        `Use ${model.layers === 1 ? '0' : `0 to ${model.layers - 1}`}.`,
        setValue(place, model.layers - 1, `Use block ${model.layers - 1}, the last`),
      );
    }
  }
}

function checkInitialization(
  experiment: Experiment,
  teacher: Architecture,
  student: Architecture,
  facts: ModelFacts,
  findings: Findings,
): void {
  const { initialize } = experiment.student;
  if (initialize.from !== 'teacher') return;
  const layers = initialize.layers ?? spreadLayers(teacher.layers, student.layers);
  const problem = initializationProblem(student, teacher, layers);
  if (problem === undefined) facts.initialLayers = layers;
  else {
    const path = ['student', 'initialize', 'layers'];
    const spread = spreadLayers(teacher.layers, student.layers);
    const canSpread = initializationProblem(student, teacher, spread) === undefined;
    const fixes = canSpread ? [setValue(path, spread, `Spread the blocks evenly: ${inline(spread)}`)] : [];
    findings.error(path, problem.message, problem.remedy, ...fixes);
  }
}

/** A block of the teacher for each of the student's, from the first to the last at even distances. */
function spreadLayers(teacherLayers: number, studentLayers: number): number[] {
  if (studentLayers === 1) return [0];
  const step = (teacherLayers - 1) / (studentLayers - 1);
  return Array.from({ length: studentLayers }, (_, layer) => Math.round(layer * step));
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
