/** @file The row of an experiment file. */

import path from 'node:path';
import { l10n, ThemeIcon, TreeItem, TreeItemCollapsibleState, Uri, workspace } from 'vscode';
import { inLabel } from '../../protocol/escapes';
import { formatCount } from '../../protocol/format';
import { experimentSuffix } from '../base/documents';
import type { ListedRun } from '../runs/run-list';
import { isLive } from '../../protocol/records';
import { isBetter, validationMetric } from '../runs/run-words';

export class ExperimentItem extends TreeItem {
  /** Whether its runs have different names, as after the experiment was renamed: then the names tell them apart. */
  readonly hasNames: boolean;

  constructor(
    /** Absolute path; '' for runs whose experiment is damaged. */
    readonly file: string,
    /** Latest first. */
    public runs: readonly ListedRun[],
    readonly isPresent: boolean,
    isOpen: boolean,
  ) {
    super(file === '' ? l10n.t('Damaged runs') : inLabel(path.basename(file, experimentSuffix)));
    this.hasNames = new Set(runs.map(({ record }) => record.name)).size > 1;
    this.id = `experiment ${file}`;
    const open = isOpen ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.Collapsed;
    this.collapsibleState = runs.length === 0 ? TreeItemCollapsibleState.None : open;
    this.description = describe(runs, isPresent);
    this.iconPath = new ThemeIcon(isPresent ? 'beaker' : 'beaker-stop');
    this.contextValue = isPresent ? 'experiment.present' : 'experiment.gone';
    this.tooltip =
      file === '' ? l10n.t('Their experiment.json cannot be read.') : inLabel(workspace.asRelativePath(file));
    if (!isPresent) return;
    this.resourceUri = Uri.file(file);
    // The name is enough; the file's own decorations (problems, changes) come with its address.
    if (runs.length === 0)
      this.command = { command: 'vscode.open', title: l10n.t('Open'), arguments: [Uri.file(file)] };
  }

  /** One of its runs as it is now. */
  show(run: ListedRun): void {
    this.runs = this.runs.map((one) => (one.paths.directory === run.paths.directory ? run : one));
    this.description = describe(this.runs, this.isPresent);
  }
}

function describe(runs: readonly ListedRun[], isPresent: boolean): string {
  const live = runs.filter((run) => isLive(run.record.status)).length;
  const best = runs.reduce<ListedRun | undefined>((best, run) => (isBetter(run, best) ? run : best), undefined);
  const count = runs.length === 1 ? l10n.t('1 run') : l10n.t('{0} runs', formatCount(runs.length));
  const parts = [
    isPresent ? undefined : l10n.t('file is gone'),
    runs.length === 0 ? l10n.t('no runs') : count,
    live > 0 ? l10n.t('{0} at work', live) : undefined,
    best && l10n.t('best {0}', validationMetric(best) ?? ''),
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}
