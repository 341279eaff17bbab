/** @file The Experiments view of the sidebar: experiment files, their runs, and what each run has found. */

import { Disposable, l10n, window, workspace } from 'vscode';
import type { ContextKeys } from '../base/context-keys';
import type { RunList } from '../runs/run-list';
import { lacksControl } from '../runs/run-status';
import { isLive, isResumable } from '../../protocol/records';
import type { ExperimentTree } from './experiment-tree';

/** "2 h ago" grows old; in milliseconds. */
const agePeriod = 60_000;

/** What a key binding gives to a command that is about the rows selected in the view: to keys the editor gives none. */
export const selection = 'selection';

export interface ExperimentsView extends Disposable {
  selected: () => readonly unknown[];
}

export function registerExperimentsView(tree: ExperimentTree, runs: RunList, keys: ContextKeys): ExperimentsView {
  const options = { treeDataProvider: tree, canSelectMany: true, showCollapseAll: true };
  const view = window.createTreeView('distillery.experiments', options);
  const update = (): void => {
    const statuses = runs.runs.map((run) => run.record.status);
    const live = runs.live.length;
    keys.set('distillery.hasRuns', statuses.length > 0);
    keys.set('distillery.hasLiveRuns', live > 0);
    keys.set('distillery.hasRunningRuns', statuses.includes('running'));
    keys.set('distillery.hasQueuedRuns', statuses.includes('queued'));
    keys.set(
      'distillery.hasResumableRuns',
      runs.runs.some(({ record }) => isResumable(record) || record.status === 'paused'),
    );
    keys.set(
      'distillery.hasEndedRuns',
      statuses.some((status) => !isLive(status)),
    );
    keys.set('distillery.hasDoneRuns', statuses.includes('done'));
    keys.set('distillery.hasRunsWithoutControl', runs.runs.some(lacksControl));
    view.badge = live === 0 ? undefined : { value: live, tooltip: l10n.t('Runs at work: {0}', live) };
  };
  // The editor shows no welcome, which says the same, beside a message.
  const sayTrust = async (): Promise<void> => {
    view.message =
      workspace.isTrusted || (await tree.isEmpty())
        ? ''
        : l10n.t('This workspace is not trusted: runs can be looked at, but nothing is run.');
  };
  // Keys and status bar tell of runs also while the view is closed, after a reload above all.
  void runs.ready().then(sayTrust);
  const aging = setInterval(() => {
    if (view.visible) tree.refresh();
  }, agePeriod);
  const all = Disposable.from(
    view,
    workspace.onDidGrantWorkspaceTrust(sayTrust),
    tree.onDidChangeTreeData((row) => {
      if (!row) void sayTrust();
    }),
    runs.onDidChange(update),
    new Disposable(() => clearInterval(aging)),
  );
  return Object.assign(all, { selected: () => view.selection });
}
