/** @file The keys that `when` clauses of the manifest ask for. */

import { commands } from 'vscode';

export type ContextKey =
  | 'distillery.hasRuns'
  | 'distillery.hasRunningRuns'
  | 'distillery.hasQueuedRuns'
  | 'distillery.hasLiveRuns'
  | 'distillery.hasResumableRuns'
  | 'distillery.hasRunsWithoutControl'
  | 'distillery.hasEndedRuns'
  | 'distillery.hasDoneRuns'
  | 'distillery.hasTrash'
  /** Native libraries that can be removed; known once the devices have been asked. */
  | 'distillery.hasLibraries'
  /** The devices could not be asked: before there is an answer, an empty view says nothing. */
  | 'distillery.hasDeviceError'
  /** The active editor shows a dataset that is inspected. */
  | 'distillery.hasInspection';

/** Sets keys, and tells VS Code only of those that change. */
export class ContextKeys {
  readonly #values = new Map<ContextKey, boolean>();

  set(key: ContextKey, value: boolean): void {
    if (this.#values.get(key) === value) return;
    this.#values.set(key, value);
    void commands.executeCommand('setContext', key, value);
  }
}
