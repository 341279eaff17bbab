/** @file The Datasets view of the sidebar: the files that experiments name, with rows, columns, labels and problems. */

import path from 'node:path';
import type { Uri } from 'vscode';
import { inLabel } from '../../protocol/escapes';
import {
  Disposable,
  EventEmitter,
  l10n,
  ThemeColor,
  ThemeIcon,
  TreeItem,
  TreeItemCollapsibleState,
  window,
  workspace,
  type TreeDataProvider,
} from 'vscode';
import type { ColumnDescription, DatasetDescription } from '../../dataset/dataset-description';
import { columnRoles } from '../../experiment/propose';
import { formatCount, formatPercent } from '../../protocol/format';
import type { DatasetList } from './dataset-list';
import type { Inspections } from '../inspection/inspections';
import { inEditorWords } from '../base/problem-words';

export function registerDatasetsView(datasets: DatasetList, inspections: Inspections): Disposable {
  const tree = new DatasetTree(datasets, inspections);
  const view = window.createTreeView('distillery.datasets', { treeDataProvider: tree, showCollapseAll: true });
  return Disposable.from(
    view,
    tree,
    workspace.onDidSaveTextDocument(() => {
      if (view.visible) tree.refresh();
    }),
    workspace.onDidGrantWorkspaceTrust(() => tree.refresh()),
  );
}

/** Each of them is read: what names a whole disk is not to be read through. */
const MOST_SHOWN = 500;

/** A folder with datasets in it. */
class FolderItem extends TreeItem {
  constructor(
    folder: string,
    readonly files: readonly Uri[],
  ) {
    super(inLabel(workspace.asRelativePath(folder)), TreeItemCollapsibleState.Expanded);
    this.id = folder;
    this.iconPath = new ThemeIcon('folder');
    this.contextValue = 'folder';
  }
}

class DatasetItem extends TreeItem {
  override description = '';
  labels: ColumnDescription | undefined;
  problems: DatasetDescription['problems'] = [];

  constructor(readonly file: Uri) {
    super(inLabel(path.basename(file.fsPath)));
    this.id = file.fsPath;
    this.resourceUri = file;
    this.contextValue = 'dataset';
    this.command = { command: 'vscode.open', title: l10n.t('Open'), arguments: [file] };
  }

  show(found: DatasetDescription | undefined, isInspected: boolean): void {
    const roles = found && columnRoles(found);
    this.labels = found?.columns.find(({ name }) => name === roles?.label);
    this.problems = found?.problems ?? [];
    const bad = found?.problemCount ?? 0;
    const columns = found?.columns.map(({ name }) => name).slice(0, 4) ?? [];
    const parts = [
      found ? rowsOf(found) : l10n.t('reading …'),
      bad > 0 ? l10n.t('{0} malformed', formatCount(bad)) : columns.join(', '),
      isInspected ? l10n.t('inspecting') : '',
    ];
    this.description = parts.filter((part) => part !== '').join(' · ');
    this.iconPath =
      bad > 0 ? new ThemeIcon('warning', new ThemeColor('list.warningForeground')) : new ThemeIcon('database');
    this.collapsibleState = this.labels || bad > 0 ? TreeItemCollapsibleState.Collapsed : TreeItemCollapsibleState.None;
    this.accessibilityInformation = { label: `${path.basename(this.file.fsPath)}, ${this.description}` };
  }
}

type Row = FolderItem | DatasetItem | TreeItem;

class DatasetTree implements TreeDataProvider<Row>, Disposable {
  readonly #changed = new EventEmitter<Row | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #listener: Disposable;
  readonly #items = new Map<string, DatasetItem>();

  constructor(
    private readonly datasets: DatasetList,
    private readonly inspections: Inspections,
  ) {
    this.#listener = Disposable.from(
      datasets.onDidChange((uri) => this.#changed.fire(uri && this.#items.get(uri.fsPath))),
      inspections.onDidChange((inspection) => {
        if (!inspection) this.refresh();
      }),
    );
  }

  refresh(): void {
    this.#changed.fire(undefined);
  }

  getTreeItem(row: Row): TreeItem {
    if (row instanceof DatasetItem) {
      row.show(this.datasets.describe(row.file), this.inspections.of({ uri: row.file }) !== undefined);
    }
    return row;
  }

  async getChildren(row?: Row): Promise<Row[]> {
    if (row instanceof FolderItem) return row.files.map((file) => this.#item(file));
    if (row instanceof DatasetItem) return [...labelItems(row), ...problemItems(row)];
    if (row) return [];
    const byFolder = new Map<string, Uri[]>();
    const all = await this.datasets.find();
    for (const file of all.slice(0, MOST_SHOWN)) {
      const folder = path.dirname(file.fsPath);
      byFolder.set(folder, [...(byFolder.get(folder) ?? []), file]);
    }
    const folders = [...byFolder].map(([folder, files]) => new FolderItem(folder, files));
    return all.length > MOST_SHOWN ? [...folders, leftOut(all.length - MOST_SHOWN)] : folders;
  }

  #item(file: Uri): DatasetItem {
    const known = this.#items.get(file.fsPath) ?? new DatasetItem(file);
    this.#items.set(file.fsPath, known);
    return known;
  }

  dispose(): void {
    this.#listener.dispose();
    this.#changed.dispose();
  }
}

function leftOut(count: number): TreeItem {
  const item = new TreeItem(l10n.t('{0} more files are not shown', formatCount(count)));
  item.iconPath = new ThemeIcon('ellipsis');
  item.contextValue = 'more';
  return item;
}

function labelItems({ labels, file }: DatasetItem): TreeItem[] {
  const total = labels?.rows ?? 0;
  return (labels?.values ?? []).map(({ value, rows }) => {
    const item = new TreeItem(inLabel(value));
    item.id = `${file.fsPath} ${value}`;
    item.description = `${rowsWords(rows)} · ${formatPercent(rows / total)}`;
    item.iconPath = new ThemeIcon('symbol-enum-member');
    item.contextValue = 'label';
    return item;
  });
}

function problemItems({ problems, file }: DatasetItem): TreeItem[] {
  return problems.slice(0, 20).map((problem) => {
    const { line } = problem;
    const { message, remedy } = inEditorWords(problem);
    const item = new TreeItem(inLabel(l10n.t('line {0}: {1}', line, message)));
    item.iconPath = new ThemeIcon('warning', new ThemeColor('list.warningForeground'));
    if (remedy !== undefined) item.tooltip = inLabel(remedy);
    item.contextValue = 'problem';
    const selection = { start: { line: line - 1, character: 0 }, end: { line: line - 1, character: 0 } };
    item.command = { command: 'vscode.open', title: l10n.t('Open'), arguments: [file, { selection }] };
    return item;
  });
}

/** Of a large file the first rows alone are counted. */
const rowsOf = ({ rows, isPart }: DatasetDescription): string =>
  isPart ? l10n.t('more than {0} rows', formatCount(rows)) : rowsWords(rows);

const rowsWords = (rows: number): string => (rows === 1 ? l10n.t('1 row') : l10n.t('{0} rows', formatCount(rows)));
