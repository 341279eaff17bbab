/** @file The runs of all workspace folders, kept up to date while they and others write them. */

import { readRecords } from '../../run-directory/record-file';
import { listRuns, originOfRun, readRun, type Run, type RunOrigin } from '../../run-directory/run-directory';
import { runsDirectory } from '../../run-directory/run-paths';
import { isLive, type Metrics } from '../../protocol/records';
import { lstatSync } from 'node:fs';
import path from 'node:path';
import { EventEmitter, l10n, RelativePattern, workspace, Disposable, type Uri, type WorkspaceFolder } from 'vscode';
import { inEditorWords } from '../base/problem-words';
import { bestMetrics } from '../../protocol/quality';

/** A run as the views show it. */
export interface ListedRun extends Run {
  /** The student's best validation metrics so far; absent where the summary has them. */
  best?: Metrics;
  /** Absent where `experiment.json` is damaged. */
  origin?: RunOrigin | undefined;
}

/** A live run is looked at this often, in milliseconds: its process may die without a word. */
const pollEvery = 2000;
/** Notices of one file that come within this time, in milliseconds, are one look at it. */
const settle = 150;

const records = '**/.distillery/runs/*/run.json';
const runFolders = '**/.distillery/runs/*';

/** Runs whose files are open at the same time. */
const portion = 64;

/** Reads nothing until it is first asked for its runs. */
export class RunList implements Disposable {
  readonly #changed = new EventEmitter<ListedRun | undefined>();
  /** With the run that is new or changed, or with none where many may be, or one is gone. */
  readonly onDidChange = this.#changed.event;
  readonly #byDirectory = new Map<string, ListedRun>();
  /** Latest first; undefined until it is asked for again. */
  #sorted: ListedRun[] | undefined;
  /** By run directory: what a run was started from never changes. */
  readonly #origins = new Map<string, RunOrigin>();
  readonly #watchers = new Map<string, Disposable>();
  readonly #due = new Map<string, NodeJS.Timeout>();
  readonly #disposables: Disposable[] = [];
  #poll: NodeJS.Timeout | undefined;
  #scanned: Promise<void> | undefined;
  /** The last look, whether or not it came to anything. */
  #looking: Promise<unknown> = Promise.resolve();

  constructor() {
    this.#watchFolders();
    this.#disposables.push(
      workspace.onDidChangeWorkspaceFolders(() => {
        this.#watchFolders();
        if (this.#scanned) void this.refresh();
      }),
    );
  }

  /** What is known now, latest first. */
  get runs(): readonly ListedRun[] {
    return (this.#sorted ??= [...this.#byDirectory.values()].sort((a, b) => (a.paths.id < b.paths.id ? 1 : -1)));
  }

  get live(): readonly ListedRun[] {
    return this.runs.filter((run) => isLive(run.record.status));
  }

  find(id: string): ListedRun | undefined {
    return this.runs.find((run) => run.paths.id === id);
  }

  /** Every `.distillery/runs` of the workspace. */
  directories(): Promise<string[]> {
    return runsDirectories();
  }

  /** Looks for runs the first time it is called; resolves when they are known. */
  ready(): Promise<void> {
    return (this.#scanned ??= this.refresh());
  }

  /** Looks at everything anew. */
  refresh(): Promise<void> {
    const refreshed = this.#looking.then(() => this.#refresh());
    this.#looking = refreshed.catch(() => undefined);
    return refreshed;
  }

  async #refresh(): Promise<void> {
    const found = await Promise.all((await runsDirectories()).map((directory) => listRuns(directory)));
    const runs = found.flat();
    const listed: ListedRun[] = [];
    // In portions, so that thousands of runs do not need thousands of open files.
    for (let start = 0; start < runs.length; start += portion) {
      listed.push(...(await Promise.all(runs.slice(start, start + portion).map((run) => this.#listed(run)))));
    }
    this.#byDirectory.clear();
    for (const run of listed) this.#byDirectory.set(run.paths.directory, run);
    this.#fire(undefined);
    this.#schedulePoll();
  }

  /** Reads one run again. */
  look(directory: string): Promise<ListedRun> {
    // One after another, so that an older look never overwrites a newer one.
    const looked = this.#looking.then(() => this.#look(directory));
    this.#looking = looked.catch(() => undefined);
    return looked;
  }

  async #look(directory: string): Promise<ListedRun> {
    const run = await this.#listed(await readRun(directory));
    const before = this.#byDirectory.get(directory);
    // The notice of a run's last change, or of its coming back, may be heard after it was deleted.
    if (!isFolder(directory)) {
      if (this.#byDirectory.delete(directory)) this.#fire(undefined);
    } else if (JSON.stringify(before) !== JSON.stringify(run)) {
      this.#byDirectory.set(directory, run);
      this.#fire(run);
    }
    this.#schedulePoll();
    return run;
  }

  #fire(run: ListedRun | undefined): void {
    this.#sorted = undefined;
    this.#changed.fire(run);
  }

  async #listed(run: Run): Promise<ListedRun> {
    const { directory } = run.paths;
    const origin = this.#origins.get(directory) ?? (await originOfRun(run.paths));
    if (origin) this.#origins.set(directory, origin);
    return { ...(await withBest(inWords(run))), origin };
  }

  #watchFolders(): void {
    const folders = new Map((workspace.workspaceFolders ?? []).map((folder) => [folder.uri.toString(), folder]));
    for (const [key, watcher] of this.#watchers) {
      if (folders.has(key)) continue;
      watcher.dispose();
      this.#watchers.delete(key);
    }
    for (const [key, folder] of folders) {
      if (!this.#watchers.has(key)) this.#watchers.set(key, this.#watch(folder));
    }
  }

  #watch(folder: WorkspaceFolder): Disposable {
    const watcher = workspace.createFileSystemWatcher(new RelativePattern(folder, records));
    const soon = (uri: Uri): void => this.#lookSoon(path.dirname(uri.fsPath));
    watcher.onDidCreate(soon);
    watcher.onDidChange(soon);
    watcher.onDidDelete((uri) => {
      if (this.#byDirectory.delete(path.dirname(uri.fsPath))) this.#fire(undefined);
    });
    // What is written into a new folder at once is seen only where the system watches it already.
    const folders = workspace.createFileSystemWatcher(new RelativePattern(folder, runFolders), false, true, true);
    folders.onDidCreate(({ fsPath }) => {
      if (isFolder(fsPath)) this.#lookSoon(fsPath);
    });
    return Disposable.from(watcher, folders);
  }

  #lookSoon(directory: string): void {
    if (this.#due.has(directory)) return;
    const timer = setTimeout(() => {
      this.#due.delete(directory);
      void this.look(directory);
    }, settle);
    this.#due.set(directory, timer);
  }

  #schedulePoll(): void {
    if (this.#poll || this.live.length === 0) return;
    this.#poll = setTimeout(() => {
      this.#poll = undefined;
      for (const run of this.live) void this.look(run.paths.directory);
    }, pollEvery);
  }

  dispose(): void {
    clearTimeout(this.#poll);
    for (const timer of this.#due.values()) clearTimeout(timer);
    for (const disposable of [...this.#watchers.values(), ...this.#disposables, this.#changed]) disposable.dispose();
  }
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Every `.distillery/runs` of the workspace: where runs are, and where the experiment files' next ones will be. */
async function runsDirectories(): Promise<string[]> {
  const skipped = '**/node_modules/**';
  const [runs, experiments] = await Promise.all([
    workspace.findFiles(records, skipped),
    workspace.findFiles('**/*.distill.json', skipped),
  ]);
  const directories = [
    ...runs.map((uri) => path.dirname(path.dirname(uri.fsPath))),
    ...experiments.map((uri) => runsDirectory(uri.fsPath)),
  ];
  return [...new Set(directories)];
}

/** What a run warns of, and why it has failed, in the editor's words. */
function inWords(run: Run): Run {
  const alerts = run.record.alerts?.map((alert) => ({ ...alert, ...inEditorWords(alert) }));
  return withErrorInWords(alerts ? { ...run, record: { ...run.record, alerts } } : run);
}

/** A run that has failed says what to do about it. */
function withErrorInWords(run: Run): Run {
  const { error } = run.record;
  if (!error) return run;
  const { message, remedy } = inEditorWords(error);
  const { file, line } = error;
  const placed = file === undefined ? message : l10n.t('{0}, line {1}: {2}', path.basename(file), line ?? 1, message);
  const told = { ...error, message: placed, ...(remedy !== undefined && { remedy }) };
  return { ...run, record: { ...run.record, error: told } };
}

async function withBest(run: Run): Promise<ListedRun> {
  // A summary of an earlier version does not have it.
  if (run.record.summary?.validation) return run;
  const evaluations = await readRecords(run.paths, 'evaluations').catch(() => []);
  const best = bestMetrics(evaluations);
  return best ? { ...run, best } : run;
}
