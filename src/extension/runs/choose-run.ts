/** @file Which run a command is about: from what was clicked, else by asking. */

import { l10n, window } from 'vscode';
import { inLabel } from '../../protocol/escapes';
import { pick, type Choice } from '../base/pick';
import { statusIcon } from './run-icons';
import type { ListedRun, RunList } from './run-list';
import { describeRun, finding, runLabel } from './run-words';

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
    label: `$(${statusIcon(run.record.status).id}) ${inLabel(run.record.name)}`,
    description: inLabel([runLabel(run), describeRun(run)].join(' · ')),
    ...(found !== undefined && { detail: inLabel(found) }),
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
export function runId(given: unknown): string | undefined {
  if (typeof given === 'string') return given;
  if (typeof given !== 'object' || given === null || !('runId' in given)) return undefined;
  return typeof given.runId === 'string' ? given.runId : undefined;
}
