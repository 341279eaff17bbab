/** @file What can be done with a run, chosen from the dots of the Lab's head: what its row in the sidebar offers too. */

import { existsSync } from 'node:fs';
import { l10n, workspace } from 'vscode';
import { attempt } from '../base/commands';
import type { CommandId } from '../base/command-ids';
import { pick, type Choice } from '../base/pick';
import type { ListedRun } from '../runs/run-list';
import { isResumable } from '../../protocol/records';
import { lacksControl } from '../runs/run-status';

export async function chooseAction(run: ListedRun): Promise<void> {
  const { status } = run.record;
  const all: [isOffered: boolean, icon: string, title: string, command: CommandId][] = [
    [workspace.isTrusted && isResumable(run.record), 'debug-continue', l10n.t('Resume'), 'distillery.resumeRun'],
    [workspace.isTrusted && lacksControl(run), 'beaker', l10n.t('Run the Control'), 'distillery.runControl'],
    [existsSync(run.origin?.file ?? ''), 'go-to-file', l10n.t('Open Experiment'), 'distillery.openExperiment'],
    [status === 'done', 'diff', l10n.t('Compare with Other Runs'), 'distillery.compareRuns'],
    [true, 'output', l10n.t('Show Log'), 'distillery.showLog'],
    [true, 'folder-opened', l10n.t('Reveal Run Folder'), 'distillery.revealRunFolder'],
    [workspace.isTrusted, 'trash', l10n.t('Delete Run'), 'distillery.deleteRun'],
  ];
  const choices = all
    .filter(([isOffered]) => isOffered)
    .map(([, icon, title, command]): Choice<CommandId> => ({ label: `$(${icon}) ${title}`, value: command }));
  const command = await pick(choices, l10n.t('What to do with {0}', run.record.name));
  if (command) await attempt(command, run.paths.id);
}
