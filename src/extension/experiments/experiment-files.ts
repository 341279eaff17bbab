/** @file The experiment files of the workspace. */

import { EventEmitter, workspace, type Disposable, type Uri } from 'vscode';
import { experimentSuffix } from '../base/documents';

const pattern = `**/*${experimentSuffix}`;
const skipped = '**/{node_modules,.distillery}/**';

/** Looks for nothing until it is first asked. */
export class ExperimentFiles implements Disposable {
  readonly #changed = new EventEmitter<void>();
  /** A file is there, gone, or has other content. */
  readonly onDidChange = this.#changed.event;
  readonly #disposables: Disposable[];
  #found: Promise<Uri[]> | undefined;

  constructor() {
    const watcher = workspace.createFileSystemWatcher(pattern);
    const forget = (): void => {
      this.#found = undefined;
      this.#changed.fire();
    };
    this.#disposables = [
      watcher,
      watcher.onDidCreate(forget),
      watcher.onDidDelete(forget),
      watcher.onDidChange(() => this.#changed.fire()),
      workspace.onDidChangeWorkspaceFolders(forget),
    ];
  }

  /** Sorted by path. */
  find(): Promise<Uri[]> {
    this.#found ??= Promise.resolve(workspace.findFiles(pattern, skipped)).then((found) =>
      found.sort((a, b) => a.path.localeCompare(b.path)),
    );
    return this.#found;
  }

  dispose(): void {
    for (const disposable of [...this.#disposables, this.#changed]) disposable.dispose();
  }
}
