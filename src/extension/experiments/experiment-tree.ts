/** @file The rows of the Experiments view and how they change. A run that changes redraws its own row, not the others. */

import type { Uri } from 'vscode';
import { EventEmitter, l10n, TreeItem, TreeItemCollapsibleState, type Disposable, type TreeDataProvider } from 'vscode';
import { formatCount } from '../../protocol/format';
import { isLive } from '../../protocol/records';
import type { CommandId } from '../base/command-ids';
import type { ExperimentFiles } from './experiment-files';
import type { ListedRun, RunList } from '../runs/run-list';
import { ExperimentItem } from './experiment-item';
import { childrenOf, lookOf, ProgressItem, RunItem } from '../runs/run-items';

/** Runs of an experiment that are listed at first; the others at a click. */
const pageSize = 50;

/** "50 more runs". */
class MoreItem extends TreeItem {
  constructor(
    readonly experiment: ExperimentItem,
    count: number,
  ) {
    super(l10n.t('{0} more runs', formatCount(count)));
    this.id = `${experiment.id!} more`;
    const command: CommandId = 'distillery.showMoreRuns';
    this.command = { command, title: l10n.t('Show More Runs'), arguments: [experiment.file] };
    this.contextValue = 'more';
  }
}

type Row = ExperimentItem | RunItem | MoreItem | TreeItem;

export class ExperimentTree implements TreeDataProvider<Row>, Disposable {
  readonly #changed = new EventEmitter<Row | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #disposables: Disposable[];
  readonly #experiments = new Map<string, ExperimentItem>();
  readonly #items = new Map<string, RunItem>();
  /** What stands below each run that is opened, by run directory. */
  readonly #children = new Map<string, TreeItem[]>();
  /** Runs that are listed, by experiment file, where they are more than a page. */
  readonly #listed = new Map<string, number>();

  constructor(
    private readonly runs: RunList,
    private readonly files: ExperimentFiles,
  ) {
    this.#disposables = [runs.onDidChange((run) => this.#update(run)), files.onDidChange(() => this.refresh())];
  }

  refresh(): void {
    this.#changed.fire(undefined);
  }

  getTreeItem(row: Row): TreeItem {
    return row;
  }

  getParent(row: Row): Row | undefined {
    if (row instanceof RunItem) return this.#experiments.get(row.run.origin?.file ?? '');
    return row instanceof MoreItem ? row.experiment : undefined;
  }

  /** The first call, when the view becomes visible, is what makes the list look for runs. */
  async getChildren(row?: Row): Promise<Row[]> {
    if (row instanceof ExperimentItem) return this.#runRows(row);
    if (row instanceof RunItem) return this.#childRows(row.run);
    if (row) return [];
    await this.runs.ready();
    return this.#experimentRows(await this.files.find());
  }

  /** Files first, then experiments whose file is gone; the one with the latest run is open at first. */
  #experimentRows(files: readonly Uri[]): ExperimentItem[] {
    const byFile = new Map<string, ListedRun[]>(files.map((uri) => [uri.fsPath, []]));
    for (const run of this.runs.runs) {
      const file = run.origin?.file ?? '';
      const known = byFile.get(file);
      if (known) known.push(run);
      else byFile.set(file, [run]);
    }
    const latest = this.runs.runs[0]?.origin?.file ?? files[0]?.fsPath;
    const present = new Set(files.map((uri) => uri.fsPath));
    this.#experiments.clear();
    for (const [file, runs] of byFile) {
      this.#experiments.set(file, new ExperimentItem(file, runs, present.has(file), file === latest));
    }
    return [...this.#experiments.values()];
  }

  #runRows(experiment: ExperimentItem): Row[] {
    const shown = this.#listed.get(experiment.file) ?? pageSize;
    const rows = experiment.runs.slice(0, shown).map((run, index) => this.#runItem(run, experiment, index === 0));
    const more = experiment.runs.length - shown;
    return more > 0 ? [...rows, new MoreItem(experiment, more)] : rows;
  }

  #runItem(run: ListedRun, { hasNames, isPresent }: ExperimentItem, isLatest: boolean): RunItem {
    const { directory } = run.paths;
    const state = isLatest ? TreeItemCollapsibleState.Expanded : TreeItemCollapsibleState.Collapsed;
    const item = this.#items.get(directory) ?? new RunItem(run, state);
    this.#items.set(directory, item);
    item.show(run, hasNames, isPresent);
    return item;
  }

  #childRows(run: ListedRun): TreeItem[] {
    const rows = childrenOf(run);
    this.#children.set(run.paths.directory, rows);
    return rows;
  }

  /** All rows are drawn anew for a run that is new, begins or ends, and no others: the editor may close a row that is opened meanwhile. */
  #update(run: ListedRun | undefined): void {
    const experiment = run && this.#experiments.get(run.origin?.file ?? '');
    const known = experiment?.runs.find(({ paths }) => paths.directory === run?.paths.directory);
    if (!run || !experiment || !known || isLive(known.record.status) !== isLive(run.record.status)) {
      this.refresh();
      return;
    }
    const said = experiment.description;
    experiment.show(run);
    const item = this.#items.get(run.paths.directory);
    const before = item && lookOf(item);
    item?.show(run, item.isNamed, item.hasFile);
    if (experiment.description !== said) this.#changed.fire(experiment);
    else if (item) this.#redraw(item, run, lookOf(item) !== before);
  }

  #redraw(item: RunItem, run: ListedRun, isOther: boolean): void {
    const known = this.#children.get(run.paths.directory) ?? [];
    // A row that is drawn anew between press and release of the pointer is not clicked.
    if (isOther || lasting(childrenOf(run)) !== lasting(known)) this.#changed.fire(item);
    else for (const row of known) if (row instanceof ProgressItem && isRenewed(row, run)) this.#changed.fire(row);
  }

  /** Whether the view says its welcome instead. */
  async isEmpty(): Promise<boolean> {
    await this.runs.ready();
    return this.runs.runs.length === 0 && (await this.files.find()).length === 0;
  }

  /** Lists more runs of an experiment, by its file. */
  showMore(file: string): void {
    this.#listed.set(file, (this.#listed.get(file) ?? pageSize) + 10 * pageSize);
    this.#changed.fire(this.#experiments.get(file));
  }

  dispose(): void {
    for (const disposable of [...this.#disposables, this.#changed]) disposable.dispose();
  }
}

/** The looks of rows, but for what changes with each step. */
function lasting(rows: readonly TreeItem[]): string {
  return rows.map((row) => (row instanceof ProgressItem ? row.id : lookOf(row))).join();
}

function isRenewed(row: ProgressItem, run: ListedRun): boolean {
  const before = lookOf(row);
  row.show(run);
  return lookOf(row) !== before;
}
