/** @file The Runs view of the sidebar. */

import { Disposable, EventEmitter, l10n, window, type TreeDataProvider, type TreeItem } from 'vscode';
import type { ContextKeys } from '../context-keys';
import type { RunList } from '../runs/run-list';
import { isLive, isResumable } from '../runs/run-status';
import { childrenOf, RunItem } from './run-items';

/** "2 h ago" grows old; in milliseconds. */
const agePeriod = 60_000;

export function registerRunsView(runs: RunList, keys: ContextKeys): Disposable {
  const provider = new RunsProvider(runs);
  const view = window.createTreeView('distillery.runs', { treeDataProvider: provider });
  const update = (): void => {
    const statuses = runs.runs.map((run) => run.record.status);
    const live = statuses.filter(isLive).length;
    keys.set('distillery.hasRuns', statuses.length > 0);
    keys.set('distillery.hasLiveRuns', live > 0);
    keys.set('distillery.hasResumableRuns', statuses.some(isResumable));
    view.badge = live === 0 ? undefined : { value: live, tooltip: l10n.t('Runs at work: {0}', live) };
  };
  const aging = setInterval(() => {
    if (view.visible) provider.refresh();
  }, agePeriod);
  return Disposable.from(view, provider, runs.onDidChange(update), new Disposable(() => clearInterval(aging)));
}

type Row = RunItem | TreeItem;

class RunsProvider implements TreeDataProvider<Row>, Disposable {
  readonly #changed = new EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #listener: Disposable;

  constructor(readonly runs: RunList) {
    this.#listener = runs.onDidChange(() => this.refresh());
  }

  refresh(): void {
    this.#changed.fire(undefined);
  }

  getTreeItem(row: Row): TreeItem {
    return row;
  }

  /** The first call, when the view becomes visible, is what makes the list look for runs. */
  async getChildren(row?: Row): Promise<Row[]> {
    if (row instanceof RunItem) return childrenOf(row.run);
    if (row) return [];
    await this.runs.ready();
    // The latest is open at first; afterwards VS Code remembers what the person opened and closed.
    return this.runs.runs.map((run, index) => new RunItem(run, index === 0));
  }

  dispose(): void {
    this.#listener.dispose();
    this.#changed.dispose();
  }
}
