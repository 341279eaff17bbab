/** @file What is known of the datasets of the workspace's experiments: read one after another, in the background, once. */

import { EventEmitter, workspace, type Disposable, type Uri } from 'vscode';
import { stat } from 'node:fs/promises';
import { describeDataset, type DatasetDescription } from '../../dataset/dataset-description';
import type { ExperimentFiles } from '../experiments/experiment-files';
import { datasetsOf } from './dataset-files';

export class DatasetList implements Disposable {
  readonly #changed = new EventEmitter<Uri | undefined>();
  /** With the dataset of which more is known, or with none where there may be others. */
  readonly onDidChange = this.#changed.event;
  readonly #known = new Map<string, { version: string; description: DatasetDescription }>();
  readonly #waiting = new Map<string, Uri>();
  readonly #listener: Disposable;
  #isReading = false;

  constructor(
    private readonly experiments: ExperimentFiles,
    private readonly report: (error: unknown) => void,
  ) {
    this.#listener = experiments.onDidChange(() => this.#changed.fire(undefined));
  }

  /** Where the workspace is not trusted, none: a file is not opened by what another one names. */
  async find(): Promise<Uri[]> {
    return workspace.isTrusted ? datasetsOf(await this.experiments.find()) : [];
  }

  /** What is known now; it is read anew where the file has changed since. */
  describe(uri: Uri): DatasetDescription | undefined {
    this.#waiting.set(uri.fsPath, uri);
    if (!this.#isReading) void this.#readAll().catch(this.report);
    return this.#known.get(uri.fsPath)?.description;
  }

  /** All of the datasets that were asked for. */
  get descriptions(): DatasetDescription[] {
    return [...this.#known.values()].map(({ description }) => description);
  }

  async #readAll(): Promise<void> {
    this.#isReading = true;
    try {
      for (const [path, uri] of this.#waiting) {
        await this.#read(uri);
        this.#waiting.delete(path);
      }
    } finally {
      this.#isReading = false;
    }
  }

  async #read(uri: Uri): Promise<void> {
    const stats = await stat(uri.fsPath).catch(() => undefined);
    const version = `${stats?.size} ${stats?.mtimeMs}`;
    if (this.#known.get(uri.fsPath)?.version === version) return;
    this.#known.set(uri.fsPath, { version, description: await describeDataset(uri.fsPath) });
    this.#changed.fire(uri);
  }

  dispose(): void {
    this.#listener.dispose();
    this.#changed.dispose();
  }
}
