/** @file Which run, which experiment file, which folder: from what was clicked, else by asking. */

import { l10n, Uri, window, workspace, type QuickPickItem } from 'vscode';
import { experimentSuffix, isExperiment } from '../experiments/experiment-document';
import { statusIcon } from './run-icons';
import { describeRun, finding, runLabel } from './run-words';
import type { ListedRun, RunList } from './run-list';

export interface Choice<T> extends QuickPickItem {
  value: T;
}

/** @param preview shows a choice while the person moves through them */
export async function pick<T>(
  choices: Choice<T>[],
  placeHolder: string,
  preview?: (value: T) => unknown,
): Promise<T | undefined> {
  const onDidSelectItem = (item: QuickPickItem | string): unknown => preview?.((item as Choice<T>).value);
  const options = { placeHolder, matchOnDescription: true, matchOnDetail: true };
  return (await window.showQuickPick(choices, preview ? { ...options, onDidSelectItem } : options))?.value;
}

/** A file behind the list, in the editor's italics: it goes when another is shown. */
function previewFile(file: Uri): Thenable<unknown> {
  return window.showTextDocument(file, { preview: true, preserveFocus: true });
}

/** Files of the workspace, as choices. */
export function fileChoices(files: readonly Uri[]): Choice<Uri>[] {
  return files
    .map((uri) => ({ label: workspace.asRelativePath(uri), value: uri }))
    .sort((a, b) => a.label.localeCompare(b.label));
}

/** The person's choice among files, each shown as they move through them; the only one without asking. */
export async function pickFile(choices: Choice<Uri>[], placeHolder: string): Promise<Uri | undefined> {
  return choices.length === 1 ? choices[0]!.value : pick(choices, placeHolder, previewFile);
}

/**
 * The run that a tree item or a caller named, else the only one that fits, else the one that the person picks. Throws where
 * none fits.
 */
export async function chooseRun(
  runs: RunList,
  given: unknown,
  placeHolder: string,
  fits: (run: ListedRun) => boolean = () => true,
): Promise<ListedRun | undefined> {
  await runs.ready();
  const id = runId(given);
  if (id !== undefined) return findRun(runs, id);
  const fitting = runs.runs.filter(fits);
  if (fitting.length === 0) throw new Error(l10n.t('There is no such run in this workspace.'));
  if (fitting.length === 1) return fitting[0];
  return pick(fitting.map(runChoice), placeHolder);
}

/** The runs that are selected in the view, or the one that was clicked, else those that the person ticks. */
export async function chooseRuns(
  runs: RunList,
  given: unknown,
  selected: unknown,
  placeHolder: string,
  fits: (run: ListedRun) => boolean = () => true,
): Promise<readonly ListedRun[]> {
  await runs.ready();
  const named = (Array.isArray(selected) && selected.length > 0 ? selected : [given]).map(runId);
  const ids = named.filter((id) => id !== undefined);
  if (ids.length > 0) return Promise.all(ids.map((id) => findRun(runs, id)));
  const choices = runs.runs.filter(fits).map(runChoice);
  if (choices.length === 0) throw new Error(l10n.t('There is no such run in this workspace.'));
  const picked = await window.showQuickPick(choices, { placeHolder, canPickMany: true, matchOnDescription: true });
  return (picked ?? []).map(({ value }) => value);
}

export function runChoice(run: ListedRun): Choice<ListedRun> {
  const found = finding(run);
  return {
    label: `$(${statusIcon(run.record.status).id}) ${run.record.name}`,
    description: [runLabel(run), describeRun(run)].join(' · '),
    ...(found !== undefined && { detail: found }),
    value: run,
  };
}

/** Throws where there is none of this name. */
async function findRun(runs: RunList, id: string): Promise<ListedRun> {
  const known = runs.find(id);
  if (known) return known;
  // It may be younger than the last look.
  await runs.refresh();
  const found = runs.find(id);
  if (!found) throw new Error(l10n.t('There is no run {0} in this workspace.', id));
  return found;
}

/** Tree items carry `runId`, other callers give the name of the run's folder. */
function runId(given: unknown): string | undefined {
  if (typeof given === 'string') return given;
  if (typeof given !== 'object' || given === null || !('runId' in given)) return undefined;
  return typeof given.runId === 'string' ? given.runId : undefined;
}

/** The experiment file that was clicked, or is in the active editor, else the one that the person picks. */
export async function chooseExperiment(runs: RunList, given: unknown): Promise<Uri | undefined> {
  const named = experimentOf(runs, given);
  if (named) return named;
  const active = window.activeTextEditor?.document.uri;
  if (active && isExperiment({ uri: active })) return active;
  const found = await workspace.findFiles(`**/*${experimentSuffix}`, '**/node_modules/**');
  if (found.length === 0) throw new Error(l10n.t('There is no experiment file (NAME.distill.json) in this workspace.'));
  return pickFile(fileChoices(found), l10n.t('Experiment to run'));
}

/** The experiment file of a row of the view, of a run, or of an editor. */
function experimentOf(runs: RunList, given: unknown): Uri | undefined {
  if (given instanceof Uri) return given;
  const id = runId(given);
  const file = id === undefined ? (given as { file?: unknown } | undefined)?.file : runs.find(id)?.origin?.file;
  return typeof file === 'string' ? Uri.file(file) : undefined;
}

/** The folder that a caller named, else the one that the person picks: an open one, or another. */
export async function chooseSampleFolder(given: unknown): Promise<Uri | undefined> {
  if (given instanceof Uri) return given;
  const other = 'other';
  const open = workspace.workspaceFolders ?? [];
  const choices: Choice<Uri | typeof other>[] = open.map(({ name, uri }) => ({
    label: l10n.t('In {0}', name),
    description: uri.fsPath,
    value: uri,
  }));
  choices.push({ label: l10n.t('In another folder…'), value: other });
  const chosen = open.length === 0 ? other : await pick(choices, l10n.t('Where to put the sample'));
  if (chosen !== other) return chosen;
  const picked = await window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    openLabel: l10n.t('Create Sample Here'),
  });
  return picked?.[0];
}
