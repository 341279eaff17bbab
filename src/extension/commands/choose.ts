/** @file Which run, which experiment file, which folder: from what was clicked, else by asking. */

import { l10n, Uri, window, workspace, type QuickPickItem } from 'vscode';
import { describeRun } from '../views/run-words';
import type { ListedRun, RunList } from '../runs/run-list';

interface Choice<T> extends QuickPickItem {
  value: T;
}

async function pick<T>(choices: Choice<T>[], placeHolder: string): Promise<T | undefined> {
  return (await window.showQuickPick(choices, { placeHolder, matchOnDescription: true }))?.value;
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
  const choices = fitting.map((run) => ({ label: run.record.name, description: describeRun(run), value: run }));
  return pick(choices, placeHolder);
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

const suffix = '.distill.json';

/** The experiment file that was clicked, or is in the active editor, else the one that the person picks. */
export async function chooseExperiment(given: unknown): Promise<Uri | undefined> {
  if (given instanceof Uri) return given;
  const active = window.activeTextEditor?.document.uri;
  if (active?.scheme === 'file' && active.path.endsWith(suffix)) return active;
  const found = await workspace.findFiles(`**/*${suffix}`, '**/node_modules/**');
  if (found.length === 0) throw new Error(l10n.t('There is no experiment file (NAME.distill.json) in this workspace.'));
  const choices = found
    .map((uri) => ({ label: workspace.asRelativePath(uri), value: uri }))
    .sort((a, b) => a.label.localeCompare(b.label));
  return found.length === 1 ? found[0] : pick(choices, l10n.t('Experiment to run'));
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
