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
} from '../../experiment/propose';
import { formatCount } from '../../protocol/format';
import type { Task } from '../../protocol/records';
import { experimentSuffix, datasetGlob } from '../base/documents';
import { fileChoices, pick, pickFile } from '../base/pick';
import { requireTrust } from '../base/require-trust';
import { inEditorWords, inOneLine } from '../base/problem-words';

/** `given` is the dataset. `task` answers the question that would be asked. */
export async function newExperiment(given: unknown, task?: unknown): Promise<void> {
  requireTrust();
  const dataset = await chooseDataset(given);
  if (!dataset) return;
  const title = l10n.t('Reading {0} …', path.basename(dataset.fsPath));
  const description = await window.withProgress({ location: ProgressLocation.Window, title }, () =>
    describeDataset(dataset.fsPath),
  );
  const roles = columnRoles(description);
  const tasks = possibleTasks(description, roles);
  if (tasks.length === 0) throw new Error(whyNothing(description));
  const chosen = tasks.find((possible) => possible === task) ?? (await chooseTask(tasks, roles));
  if (chosen) await showProposal(dataset, chosen, roles, description);
}

/** Why nothing can be proposed. A row that is broken is the reason only where there is none that is not. */
function whyNothing({ rows, columns, problems: [problem] }: DatasetDescription): string {
  if (rows === 0 && problem) return inOneLine(inEditorWords(problem));
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  return l10n.t('No column of this dataset holds texts: it has {0}.', names === '' ? l10n.t('none') : names);
}

async function chooseDataset(given: unknown): Promise<Uri | undefined> {
  if (given instanceof Uri) return given;
  const active = window.activeTextEditor?.document.uri;
  const found = await workspace.findFiles(datasetGlob, '**/{node_modules,.distillery}/**', 1000);
  if (found.length === 0)
    throw new Error(l10n.t('There is no dataset (.jsonl, .csv, .tsv or .txt) in this workspace.'));
  // What one looks at comes first, then training rows, which are what an experiment begins with.
  const order = (uri: Uri): number =>
    uri.toString() === active?.toString() ? 2 : Number(/train/i.test(path.basename(uri.path)));
  const choices = fileChoices(found.sort((a, b) => order(b) - order(a)));
  return pickFile(choices, l10n.t('Rows to train on'));
}

function classificationWords({ label = '', labels = 'single' }: ColumnRoles): string {
  switch (labels) {
    case 'single':
      return l10n.t('learn the class in "{0}" from the text', label);
    case 'multiple':
      return l10n.t('learn which of the labels in "{0}" apply to the text', label);
    case 'regression':
      return l10n.t('learn the number in "{0}" from the text', label);
  }
}

function chooseTask(tasks: readonly Task[], roles: ColumnRoles): Promise<Task | undefined> {
  const details: Record<Task, string> = {
    'text-classification': classificationWords(roles),
    'causal-lm': roles.prompt === undefined ? l10n.t('learn to go on with a text') : l10n.t('learn to answer a prompt'),
    'masked-lm': l10n.t('learn to fill in masked words'),
  };
  const choices: (QuickPickItem & { value: Task })[] = tasks.map((task) => ({
    label: task,
    description: details[task],
    value: task,
  }));
  return tasks.length === 1 ? Promise.resolve(tasks[0]) : pick(choices, l10n.t('What the student shall learn'));
}

async function showProposal(
  dataset: Uri,
  task: Task,
  roles: ColumnRoles,
  { rows, columns, problemCount }: DatasetDescription,
): Promise<void> {
  const folder = experimentFolder(dataset);
  const present = await readdir(path.dirname(dataset.fsPath));
  const relative = (name: string): string =>
    path
      .relative(folder, path.join(path.dirname(dataset.fsPath), name))
      .split(path.sep)
      .join('/');
  const { validation, test } = siblingSplits(dataset.fsPath, present);
  const name = nameOf(dataset);
  const text = proposeExperiment({
    name,
    task,
    train: relative(path.basename(dataset.fsPath)),
    ...(validation !== undefined && { validation: relative(validation) }),
    ...(test !== undefined && { test: relative(test) }),
    roles,
    rows,
    meanLength: columns.find((column) => column.name === (roles.completion ?? roles.text))?.meanLength ?? 200,
  });
  const file = await freeName(folder, name);
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
