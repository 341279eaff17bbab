/** @file The commands that show something: the Lab, the log, the run's folder. They change nothing. */

import { commands, l10n, Uri, window, type LogOutputChannel } from 'vscode';
import { isLabTarget } from '../../protocol/panel';
import type { Lab } from './lab';
import type { RunList } from '../runs/run-list';
import { isLive } from '../runs/run-status';
import { chooseExperiment, chooseRun, chooseRuns } from '../runs/choose';

/** Second argument of Open Lab: the run was clicked in a list, which keeps the focus for its keys and menus. */
export const fromList = 'list';

export async function openLab(runs: RunList, lab: Lab, given: unknown, from?: unknown): Promise<void> {
  await runs.ready();
  if (runs.runs.length === 0) {
    lab.open(undefined);
    return;
  }
  const target = isLabTarget(given) ? given : undefined;
  const run = await chooseRun(runs, target?.run ?? given, l10n.t('Run to open in the Lab'));
  if (run) lab.open(run, target, from === fromList);
}

/** The experiment file of a row or a run. */
export async function openExperiment(runs: RunList, given: unknown): Promise<void> {
  await runs.ready();
  const file = await chooseExperiment(runs, given);
  if (file) await window.showTextDocument(file);
}

/** The Lab's Compare tab, with the runs that are selected. */
export async function compareRuns(runs: RunList, lab: Lab, given: unknown, selected: unknown): Promise<void> {
  const chosen = await chooseRuns(runs, given, selected, l10n.t('Runs to compare'), ({ record }) => !!record.summary);
  const [first, ...others] = chosen;
  if (!first) return;
  lab.open(first, { run: first.paths.id, tab: 'compare', besides: others.map(({ paths }) => paths.id) });
}

/** The channel, which follows runs at work; the file of one that has ended. */
export async function showLog(runs: RunList, log: LogOutputChannel, given: unknown): Promise<void> {
  const run = given === undefined ? undefined : await chooseRun(runs, given, l10n.t('Run whose log to show'));
  if (!run || isLive(run.record.status)) log.show();
  else await window.showTextDocument(Uri.file(run.paths.log), { preview: true });
}

export async function revealRunFolder(runs: RunList, given: unknown): Promise<void> {
  const run = await chooseRun(runs, given, l10n.t('Run whose folder to reveal'));
  if (run) await commands.executeCommand('revealInExplorer', Uri.file(run.paths.record));
}
