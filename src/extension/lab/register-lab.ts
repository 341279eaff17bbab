/** @file The commands that lead into the Lab. */

import { l10n, type Disposable, type LogOutputChannel } from 'vscode';
import { isLabLocation } from '../../protocol/panel';
import { registerCommands } from '../base/commands';
import { fromList } from '../base/open-lab';
import { chooseRun, chooseRuns } from '../runs/choose-run';
import type { RunList } from '../runs/run-list';
import type { LabPanel } from './lab-panel';

export function registerLab(runs: RunList, lab: LabPanel, log: LogOutputChannel): Disposable {
  return registerCommands<'lab'>(log, {
    'distillery.openLab': (run, from) => showRun(runs, lab, run, from),
    'distillery.compareRuns': (run, selected) => compareRuns(runs, lab, run, selected),
  });
}

/** `given` may be a LabLocation, too. */
async function showRun(runs: RunList, lab: LabPanel, given: unknown, from: unknown): Promise<void> {
  await runs.ready();
  if (runs.runs.length === 0) {
    lab.open(undefined);
    return;
  }
  const location = isLabLocation(given) ? given : undefined;
  const run = await chooseRun(runs, location?.run ?? given, l10n.t('Run to open in the Lab'));
  if (run) lab.open(run, location, from === fromList);
}

/** The Lab's Compare tab, with the runs that are selected. */
async function compareRuns(runs: RunList, lab: LabPanel, given: unknown, selected: unknown): Promise<void> {
  const chosen = await chooseRuns(runs, given, selected, l10n.t('Runs to compare'), ({ record }) => !!record.summary);
  const [first, ...others] = chosen;
  if (!first) return;
  lab.open(first, { run: first.paths.id, tab: 'compare', besides: others.map(({ paths }) => paths.id) });
}
