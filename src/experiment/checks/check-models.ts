/** @file Checks teacher, student and tokenizer against each other and against the dataset. */

import { isOpaque, type TeacherModel } from '../../model/architecture';
import { parameterCount } from '../../model/layouts/config';
import { problemAt } from '../../protocol/problem';
import type { Tokenizer } from '../../tokenizer/tokenizer';
import { buildArchitecture, isDecoder, type ArchitectureContext } from '../architecture';
import { removeKey, setValue } from '../file/fixes';
import type { Experiment } from '../file/schema';
import { isTrained, isTrainedHere } from '../ensemble';
import type { Path } from '../file/source';
import type { DatasetFacts } from './check-dataset';
import type { Findings } from './findings';
import { type ModelFacts, problemTypeIn } from './model-facts';
import { findTeacher } from './find-teacher';
import { buildStudent, checkInitialization, readStudent } from './find-student';
import { checkSameTokenizer, checkTeachersTokenizer, checkVocabulary, findTokenizer } from './find-tokenizer';
import { checkImitated } from './check-imitated';
import { hasLabels, isPerToken } from '../../protocol/tasks';
import { checkSentenceTeacher } from './check-embeddings';
import { notCounted } from '../../dataset/examples';

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
    await findings.checkAsync(() => checkSameTokenizer(experiment, tokenizer, facts, findings));
  }
  if (!sizesAlone) await findings.checkAsync(() => checkTeachersTokenizer(experiment, facts, findings));
  if (dataset !== undefined) findings.check(() => checkClasses(experiment, dataset, facts, findings));
  if (dataset !== undefined) findings.check(() => checkVerbalizers(experiment, dataset, findings));
  await findings.checkAsync(() => checkSentenceTeacher(experiment, facts, findings));
  checkImitated(experiment, facts, findings);
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
    teacher: facts.teacher,
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
  context.teacher ??= facts.teacher;
}

function trainedVocabulary({ tokenizer }: Experiment): number | undefined {
  return tokenizer.source === 'train' ? tokenizer.vocabularySize : undefined;
}

/** Where rows share one, a text's logits are taken at its first token. */
function checkPackedClassifiers(experiment: Experiment, facts: ModelFacts, findings: Findings): void {
  const { task, teacher, training, distillation } = experiment;
  if (isPerToken(task)) return;
  const teachers = facts.members?.map(({ model }) => model) ?? [facts.teacher];
  const ofTeachers = teachers.map((model) => ({ role: 'teacher', model }));
  const trainings: [Path, boolean | undefined, { role: string; model: TeacherModel | undefined }[]][] = [
    [
      ['training', 'pack'],
      training.pack,
      // A teacher that reads its own tokens has rows of its own.
      [{ role: 'student', model: facts.student }, ...(distillation.vocabulary === 'align' ? [] : ofTeachers)],
    ],
    [['teacher', 'training', 'pack'], 'training' in teacher ? teacher.training?.pack : false, ofTeachers],
  ];
  for (const [path, pack, models] of trainings) {
    for (const { role, model } of pack ? models : []) {
      if (model === undefined || isOpaque(model)) continue;
      if (model.embedding) {
        if (model.embedding.pooling === 'max') findings.error(path, 'packing-of-max', { role }, removeKey(path));
      } else if (model.poolsMean) findings.error(path, 'packing-of-mean', { role }, removeKey(path));
      else if (isDecoder(model.family)) findings.error(path, 'packing-of-last', { role }, removeKey(path));
    }
  }
}

function checkClasses(
  { task, teacher }: Experiment,
  dataset: DatasetFacts,
  facts: ModelFacts,
  findings: Findings,
): void {
  const classes = facts.teacher?.labels;
  if (!hasLabels(task) || dataset.kind === 'regression') return;
  if (isTrainedHere(teacher) || classes === undefined) return;
  const known = knownLabels(task, classes);
  const told = { classes: classes.slice(0, 20) };
  const unknown = task === 'token-classification' ? [] : dataset.labels.filter((label) => !known.has(label));
  if (unknown.length > 0) {
    findings.error(['dataset', 'train'], 'teacher-lacks-class', { labels: unknown.slice(0, 5), ...told });
  }
  for (const { label, file, line } of dataset.measuredLabels) {
    if (known.has(label) || unknown.includes(label)) continue;
    findings.add(problemAt({ file, line, column: 1 }, 'teacher-lacks-class', { labels: [label], ...told }));
  }
}

/** Names of classes; of words their numbers too, which stand for them in Hugging Face's datasets. */
function knownLabels(task: Experiment['task'], classes: readonly string[]): ReadonlySet<string> {
  const numbers = task === 'token-classification' ? [...classes.keys(), notCounted].map(String) : [];
  return new Set([...classes, ...numbers]);
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
