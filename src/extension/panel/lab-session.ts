/** @file What the Lab does while it shows one run: follows it and those beside it, and answers the page about it. */

import { l10n } from 'vscode';
import { readPredictions } from '../../experiment/predictions';
import { comparisonDetail } from '../../protocol/predictions';
import type { HostMessage, PageMessage } from '../../protocol/panel';
import { execute } from '../commands/commands';
import { requireTrust } from '../commands/require-trust';
import { askRunner } from '../runs/ask-runner';
import type { ListedRun, RunList } from '../runs/run-list';
import { openDatasetFile } from './open-dataset-file';
import { RunFeed } from './run-feed';

/** What the page says of the run that is shown. */
export type RunMessage = Exclude<Extract<PageMessage, { id: string }>, { type: 'showRun' }>;

export class LabSession {
  readonly #feed: RunFeed;
  /** Runs beside the one that is shown, by their names. */
  readonly #besides = new Map<string, RunFeed>();

  constructor(
    private run: ListedRun,
    private readonly runs: RunList,
    private readonly post: (message: HostMessage) => void,
  ) {
    this.#feed = new RunFeed(run.paths, run.record, post);
  }

  /** Sends everything there is. Throws an InputError where the run's experiment cannot be read. */
  start(): Promise<void> {
    return this.#feed.start();
  }

  /** The list of runs has changed. */
  update(): void {
    this.run = this.runs.find(this.run.paths.id) ?? this.run;
    this.#feed.update(this.run.record);
    for (const [id, feed] of this.#besides) {
      const record = this.runs.find(id)?.record;
      if (record) feed.update(record);
    }
  }

  async receive(message: RunMessage): Promise<void> {
    const { paths } = this.run;
    switch (message.type) {
      case 'stop':
        await execute('distillery.stopRun', paths.id);
        break;
      case 'resume':
        await execute('distillery.resumeRun', paths.id);
        break;
      case 'pause':
      case 'continue':
        await this.#hold(message.type);
        break;
      case 'besides':
        await this.#showBeside(message.runs);
        break;
      case 'openFile':
        await openDatasetFile(paths, message.file, message.line);
        break;
      case 'showProbe':
        await this.#feed.showProbe(message.step);
        break;
      case 'showComparison':
        await this.#showComparison();
    }
  }

  async #hold(what: 'pause' | 'continue'): Promise<void> {
    requireTrust();
    const { record } = await this.runs.look(this.run.paths.directory);
    if (record.socket === undefined) throw new Error(l10n.t('{0} is not running.', record.name));
    await askRunner(record.socket, what);
    await this.runs.look(this.run.paths.directory);
  }

  async #showBeside(ids: readonly string[]): Promise<void> {
    for (const [id, feed] of this.#besides) {
      if (ids.includes(id)) continue;
      feed.dispose();
      this.#besides.delete(id);
    }
    for (const id of ids) {
      const run = this.runs.find(id);
      if (!run || this.#besides.has(id) || id === this.run.paths.id) continue;
      const feed = new RunFeed(run.paths, run.record, this.post, 'beside');
      this.#besides.set(id, feed);
      await feed.start();
    }
  }

  async #showComparison(): Promise<void> {
    const { paths, record } = this.run;
    const predictions = await readPredictions(paths);
    const split = record.summary?.rows[0]?.split ?? 'validation';
    if (predictions) this.post({ type: 'comparison', id: paths.id, comparison: comparisonDetail(predictions, split) });
  }

  dispose(): void {
    this.#feed.dispose();
    for (const feed of this.#besides.values()) feed.dispose();
  }
}
