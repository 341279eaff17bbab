/** @file What the Lab does while it shows one run: follows it and those beside it, and answers the page about it. */

import { l10n } from 'vscode';
import { readDatasetRow, readHeldOutRows } from '../../experiment/dataset-rows';
import { readPredictions } from '../../run-directory/predictions';
import { readRunExperiment } from '../../experiment/experiment-record';
import { comparisonDetail } from '../../protocol/predictions';
import type { HostMessage, PageMessage } from '../../protocol/panel';
import { execute } from '../base/commands';
import { requireTrust } from '../base/require-trust';
import type { ModelServer } from '../models/model-server';
import { askRunner } from '../runs/ask-runner';
import type { ListedRun, RunList } from '../runs/run-list';
import { Completer } from './completer';
import { openDatasetFile } from './dataset-file';
import { RunFeed } from './run-feed';

/** Rows of the dataset that are offered as prompts. */
const mostPrompts = 200;

/** What the page says of the run that is shown. */
export type RunMessage = Exclude<Extract<PageMessage, { id: string }>, { type: 'showRun' }>;

export class LabSession {
  readonly #feed: RunFeed;
  readonly #completer: Completer;
  /** Runs beside the one that is shown, by their names. */
  readonly #besides = new Map<string, RunFeed>();

  constructor(
    private run: ListedRun,
    private readonly runs: RunList,
    private readonly models: ModelServer,
    private readonly post: (message: HostMessage) => void,
  ) {
    this.#feed = new RunFeed(run.paths, run.record, post);
    this.#completer = new Completer(models, run.paths, post);
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
      case 'runControl':
        await execute('distillery.runControl', paths.id);
        break;
      case 'showLog':
        await execute('distillery.showLog', paths.id);
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
        break;
      case 'showPrompts':
        await this.#showPrompts();
        break;
      case 'inspectRow':
        await this.#inspectRow(message.file, message.line);
        break;
      case 'complete':
        await this.#completer.complete(message);
        break;
      case 'stopCompletion':
        this.#completer.stop();
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

  async #showPrompts(): Promise<void> {
    const rows = await readHeldOutRows(await readRunExperiment(this.run.paths), mostPrompts);
    const prompts = rows.map(({ file, line, prompt, text }) => ({ file, line, text: prompt ?? firstWords(text) }));
    this.post({ type: 'prompts', id: this.run.paths.id, prompts });
  }

  async #inspectRow(file: string, line: number): Promise<void> {
    const { directory, id } = this.run.paths;
    const { text, pair, prompt, label } = await readDatasetRow(await readRunExperiment(this.run.paths), file, line);
    const parts = { ...(pair !== undefined && { pair }), ...(prompt !== undefined && { prompt }) };
    const asked = { text, ...parts, ...(label !== undefined && { label }) };
    const { example, teacher, student } = await this.models.ask('logits', { target: directory, text: asked });
    if (teacher === undefined || student === undefined) throw new Error(l10n.t('The run has no student yet.'));
    const row = { example: { ...example, file, line }, teacher: floats(teacher), student: floats(student) };
    this.post({ type: 'row', id, row });
  }

  dispose(): void {
    this.#completer.stop();
    this.#feed.dispose();
    for (const feed of this.#besides.values()) feed.dispose();
  }
}

/** A dozen words or so: what is left out, the models are to find. */
function firstWords(text: string): string {
  return /^(?:\S+\s+){0,11}\S+/.exec(text.trim())?.[0] ?? text;
}

function floats(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
