/** @file New Experiment: looks at a dataset and proposes a complete experiment file for it. */

import { l10n, ProgressLocation, Range, Uri, window, workspace, WorkspaceEdit, type QuickPickItem } from 'vscode';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describeDataset, type DatasetDescription } from '../../dataset/dataset-description';
import {
  columnRoles,
  possibleTasks,
  proposeExperiment,
  siblingSplits,
  type ColumnRoles,
  type Proposal,
  type ProposedTeacher,
} from '../../experiment/propose';
import { inLabel } from '../../protocol/escapes';
import { formatBytes, formatCount, formatLarge } from '../../protocol/format';
import type { ModelRecord } from '../../protocol/machine-records';
import type { Task } from '../../protocol/records';
import type { StudentPreset } from '../../protocol/student-presets';
import { datasetGlob, experimentSuffix, fileInFront } from '../base/documents';
import { fileChoices, pick, pickFile } from '../base/pick';
import { requireTrust } from '../base/require-trust';
import { inEditorWords, inOneLine } from '../base/problem-words';
import type { ModelList } from '../models/model-list';
import type { CheckExperiment } from './experiment-problems';
import { presetChoices, type AskStudents } from './student-presets';
import { hasLabels, isOfEmbeddings } from '../../protocol/tasks';

export interface NewExperimentParts {
  models: ModelList;
  askStudents: AskStudents;
  check: CheckExperiment;
}

/** To the questions that would be asked. */
interface Answers {
  task?: Task;
  /** Of a model that is here, its name in the list of models. */
  teacher?: typeof TRAINED | ProposedTeacher;
  /** Of a model that is here and smaller, as the experiment writes it. */
  student?: string;
}

const TRAINED = 'trained';

/** `given` is the dataset. `answers` are to some of the questions. */
export async function newExperiment(parts: NewExperimentParts, given: unknown, answers: unknown): Promise<void> {
  requireTrust();
  const dataset = await chooseDataset(given);
  if (!dataset) return;
  const title = l10n.t('Reading {0} …', path.basename(dataset.fsPath));
  const description = await window.withProgress({ location: ProgressLocation.Window, title }, () =>
    describeDataset(dataset.fsPath),
  );
  const roles = columnRoles(description);
  // Where the list cannot be had, a teacher is trained as ever.
  await parts.models.ready().catch(() => undefined);
  const known = (parts.models.models ?? []).flatMap(({ tasks, hasTokenizer }) => (hasTokenizer ? tasks : []));
  const tasks = possibleTasks(description, roles, known);
  if (tasks.length === 0) throw new Error(whyNothing(description));
  const { task, teacher, student } = (answers ?? {}) as Answers;
  const chosen = tasks.find((possible) => possible === task) ?? (await chooseTask(tasks, roles));
  if (chosen === undefined) return;
  const proposal = await draft(dataset, chosen, roles, description);
  const model = await chooseTeacher(parts, chosen, experimentFolder(dataset), teacher);
  if (model === undefined) return;
  if (model !== TRAINED) {
    proposal.teacher = model;
    const wish = await chooseStudent(parts, dataset, proposal, student);
    if (wish === undefined) return;
    Object.assign(proposal, wish);
  }
  await showProposal(dataset, proposal, description);
}

/**
 * A model that is here and can teach this, or one that is trained; without a question where there is none. Undefined where none is chosen.
 * @param folder of the experiment, to which paths are relative
 */
async function chooseTeacher(
  { models }: NewExperimentParts,
  task: Task,
  folder: string,
  answer: Answers['teacher'],
): Promise<ProposedTeacher | typeof TRAINED | undefined> {
  if (answer === TRAINED) return answer;
  const here = (models.models ?? []).flatMap((model) =>
    waysToTeach(model, task).map((isTuned) => ({
      ...modelWords(model),
      detail: isTuned ? l10n.t('fine-tuned on these rows first') : l10n.t('frozen, as it is'),
      value: { path: pathOf(model, folder), isTuned, maxPositions: model.maxPositions },
      name: model.id,
    })),
  );
  const named = here.find(({ name, value }) => name === answer?.path && value.isTuned === answer.isTuned);
  if (named) return named.value;
  if (here.length === 0) return TRAINED;
  const trained = {
    label: l10n.t('A model that is trained here'),
    description: l10n.t('on these rows alone'),
    value: TRAINED as typeof TRAINED,
  };
  const choices = isOfEmbeddings(task) ? here : [trained, ...here];
  return pick<ProposedTeacher | typeof TRAINED>(choices, l10n.t('The teacher'), { stays: true });
}

/** Whether it would be fine-tuned first. Which classes a classifier knows is not in the list: it may be frozen as it is, or learn those of the rows. */
function waysToTeach({ tasks, startsFor, hasTokenizer }: ModelRecord, task: Task): boolean[] {
  if (!hasTokenizer) return [];
  const isFrozen = tasks.includes(task);
  const isTuned = startsFor.includes(task) && (!isFrozen || hasLabels(task)) && !isOfEmbeddings(task);
  return [...(isFrozen ? [false] : []), ...(isTuned ? [true] : [])];
}

/** As the experiment writes it. */
const pathOf = ({ id, source, path: model }: ModelRecord, folder: string): string =>
  source === 'folder' ? path.relative(folder, model).split(path.sep).join('/') : id;

/** What a proposal says of its student; of one from random weights nothing. */
type StudentWish = Pick<Proposal, 'preset' | 'student'>;

/** By how much smaller than the teacher, each with its size and what its training takes, or a smaller model that is here. Undefined where none is chosen. */
async function chooseStudent(
  parts: NewExperimentParts,
  dataset: Uri,
  proposal: Proposal,
  answer: Answers['student'],
): Promise<StudentWish | undefined> {
  const folder = experimentFolder(dataset);
  const file = path.join(folder, `${proposal.name}${experimentSuffix}`);
  const title = l10n.t('Reading {0} …', proposal.teacher!.path);
  const figures = await window.withProgress({ location: ProgressLocation.Window, title }, () =>
    parts.askStudents(file, proposeExperiment(proposal)).then(undefined, () => []),
  );
  // What is wrong with the teacher is said in the file.
  if (figures.length === 0) return {};
  const choices = presetChoices(figures).map(({ preset, detail = '' }) => ({
    label: presetWords(preset),
    detail,
    value: { preset },
  }));
  const here = smallerModels(parts.models.models ?? [], folder, proposal).map((model) => ({
    ...modelWords(model),
    detail: [formatBytes(model.bytes), l10n.t('a model that is here, with its own weights')].join(' · '),
    value: {
      student: { path: pathOf(model, folder), hasOtherTokens: false, maxPositions: model.maxPositions },
    },
  }));
  const small = {
    label: l10n.t('A small model from random weights'),
    detail: l10n.t('its sizes are in the file'),
    value: {},
  };
  const chosen =
    here.find(({ value }) => value.student.path === answer)?.value ??
    (await pick<StudentWish>([...choices, ...here, small], l10n.t('The student'), { stays: true }));
  if (!chosen?.student) return chosen;
  // Where its tokens are others, and the teacher may keep its own, the file's check has a way.
  const problems = await parts.check(file, proposeExperiment({ ...proposal, ...chosen }));
  const hasOtherTokens = problems.some(
    ({ code, fixes = [] }) => code === 'tokenizer-of-another-model' && fixes.length > 0,
  );
  return { student: { ...chosen.student, hasOtherTokens } };
}

/** Those that can begin such a student. */
function smallerModels(
  models: readonly ModelRecord[],
  folder: string,
  { task, teacher }: Proposal,
): readonly ModelRecord[] {
  const size = models.find((model) => pathOf(model, folder) === teacher?.path)?.parameters ?? 0;
  return models.filter(
    ({ startsFor, hasTokenizer, parameters = Infinity }) =>
      parameters < size && hasTokenizer && startsFor.includes(task),
  );
}

/** In a list of models that are here. */
const modelWords = ({ id, family, parameters }: ModelRecord): { label: string; description: string } => ({
  label: inLabel(id),
  description: [family, parameters && l10n.t('{0} parameters', formatLarge(parameters))].filter(Boolean).join(' · '),
});

function presetWords(preset: StudentPreset): string {
  if (typeof preset === 'object') return l10n.t('At most {0} MB', preset.megabytes);
  return {
    'half-blocks': l10n.t('Half of the teacher’s blocks'),
    'third-blocks': l10n.t('A third of the teacher’s blocks'),
    'quarter-parameters': l10n.t('A quarter of the teacher’s parameters'),
  }[preset];
}

/** Why nothing can be proposed. A row that is broken is the reason only where there is none that is not. */
function whyNothing({ rows, columns, problems: [problem] }: DatasetDescription): string {
  if (rows === 0 && problem) return inOneLine(inEditorWords(problem));
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  return l10n.t('No column of this dataset holds texts: it has {0}.', names === '' ? l10n.t('none') : names);
}

async function chooseDataset(given: unknown): Promise<Uri | undefined> {
  if (given instanceof Uri) return given;
  const active = fileInFront();
  const found = await workspace.findFiles(datasetGlob, '**/{node_modules,.distillery}/**', 1000);
  if (found.length === 0)
    throw new Error(l10n.t('There is no dataset (.jsonl, .csv, .tsv, .parquet or .txt) in this workspace.'));
  // What one looks at comes first, then training rows, which are what an experiment begins with.
  const order = (uri: Uri): number =>
    uri.toString() === active?.toString() ? 2 : Number(/train/i.test(path.basename(uri.path)));
  const choices = fileChoices(found.sort((a, b) => order(b) - order(a)));
  return pickFile(choices, l10n.t('Rows to train on'));
}

function classificationWords({ label = '', labels = 'single' }: ColumnRoles): string {
  switch (labels) {
    case 'single':
    case 'entities':
      return l10n.t('learn the class in "{0}" from the text', label);
    case 'multiple':
      return l10n.t('learn which of the labels in "{0}" apply to the text', label);
    case 'similarity':
    case 'regression':
      return l10n.t('learn the number in "{0}" from the text', label);
  }
}

function chooseTask(tasks: readonly Task[], roles: ColumnRoles): Promise<Task | undefined> {
  const details: Record<Task, string> = {
    'text-classification': classificationWords(roles),
    'causal-lm': roles.prompt === undefined ? l10n.t('learn to go on with a text') : l10n.t('learn to answer a prompt'),
    'masked-lm': l10n.t('learn to fill in masked words'),
    'token-classification': l10n.t('learn the tag of each word, such as a named entity'),
    'sentence-embedding': l10n.t('learn embeddings of texts, of which similar ones are close'),
  };
  const choices: (QuickPickItem & { value: Task })[] = tasks.map((task) => ({
    label: task,
    description: details[task],
    value: task,
  }));
  return tasks.length === 1 ? Promise.resolve(tasks[0]) : pick(choices, l10n.t('What the student shall learn'));
}

/** What is known without a question. */
async function draft(
  dataset: Uri,
  task: Task,
  roles: ColumnRoles,
  { rows, columns }: DatasetDescription,
): Promise<Proposal> {
  const folder = experimentFolder(dataset);
  const present = await readdir(path.dirname(dataset.fsPath));
  const relative = (name: string): string =>
    path
      .relative(folder, path.join(path.dirname(dataset.fsPath), name))
      .split(path.sep)
      .join('/');
  const { validation, test } = siblingSplits(dataset.fsPath, present);
  return {
    name: nameOf(dataset),
    task,
    train: relative(path.basename(dataset.fsPath)),
    validation: validation && relative(validation),
    test: test && relative(test),
    roles,
    rows,
    meanLength: columns.find((column) => column.name === readColumn(task, roles))?.meanLength ?? 200,
  };
}

const readColumn = (task: Task, { completion, pair, text }: ColumnRoles): string | undefined =>
  isOfEmbeddings(task) ? (pair?.first ?? text) : (completion ?? text);

async function showProposal(
  dataset: Uri,
  proposal: Proposal,
  { rows, problemCount }: DatasetDescription,
): Promise<void> {
  const text = proposeExperiment(proposal);
  const file = await freeName(experimentFolder(dataset), proposal.name);
  const document = await workspace.openTextDocument(Uri.file(file).with({ scheme: 'untitled' }));
  const edit = new WorkspaceEdit();
  edit.replace(document.uri, new Range(0, 0, document.lineCount, 0), text);
  await workspace.applyEdit(edit);
  await window.showTextDocument(document);
  const words =
    problemCount > 0
      ? l10n.t(
          'Proposed for {0} rows, without {1} that are malformed. Nothing is written before you save it.',
          formatCount(rows),
          formatCount(problemCount),
        )
      : l10n.t('Proposed for {0} rows. Nothing is written before you save it.', formatCount(rows));
  window.setStatusBarMessage(words, 10_000);
}

/** The workspace folder, so that its runs lie together; else the dataset's own. */
function experimentFolder(dataset: Uri): string {
  return workspace.getWorkspaceFolder(dataset)?.uri.fsPath ?? path.dirname(dataset.fsPath);
}

/** `data/spam/train.jsonl` is about spam, `reviews.csv` about reviews. */
function nameOf(dataset: Uri): string {
  const own = path.basename(dataset.fsPath).replace(/\.\w+$/, '');
  return /^(train(ing)?|data|rows)$/i.test(own) ? path.basename(path.dirname(dataset.fsPath)) : own;
}

async function freeName(folder: string, name: string): Promise<string> {
  const present = await readdir(folder);
  const base = name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-');
  for (let number = 1; ; number++) {
    const file = `${base}${number === 1 ? '' : `-${number}`}${experimentSuffix}`;
    if (!present.includes(file)) return path.join(folder, file);
  }
}
