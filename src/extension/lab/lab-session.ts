/** @file What the Lab does while it shows one run: follows it and those beside it, and answers the page about it. */

import { l10n } from 'vscode';
import { readDatasetRow, readHeldOutRows } from '../../experiment/dataset-rows';
import { readStudentProbe } from '../../run-directory/probes';
import { readPredictions } from '../../run-directory/predictions';
import { withAbsoluteFiles } from '../../run-directory/workspace-paths';
import { readRunExperiment } from '../../experiment/experiment-record';
import { comparisonDetail } from '../../protocol/predictions';
import type { ComparisonDetail, InspectedRow, PromptRow } from '../../protocol/lab-data';
import type { RunMethod } from '../../protocol/lab-requests';
import type { HostEvent } from '../../protocol/panel';
import type { Handlers } from '../../protocol/request-line';
import { attempt } from '../base/commands';
import { requireTrust } from '../base/require-trust';
import type { ModelServer } from '../models/model-server';
import { askRunner } from '../runs/ask-runner';
import type { ListedRun, RunList } from '../runs/run-list';
import { Completer } from './completer';
import { openDatasetFile } from './dataset-file';
import { chooseAction } from './run-actions';
import { RunFeed } from './run-feed';

/** Rows of the dataset that are offered as prompts. */
const mostPrompts = 200;

export class LabSession {
  /** What the page asks about the run. */
  readonly handlers: Handlers<RunMethod> = {
    stop: ({ id }) => attempt('distillery.stopRun', id),
    runNow: ({ id }) => attempt('distillery.runNow', id),
    runAgain: ({ id }) => attempt('distillery.runExperiment', { runId: id }),
    exportStudent: ({ id }) => attempt('distillery.exportStudent', id),
    more: () => chooseAction(this.run),
    sweepTemperature: ({ id }) => attempt('distillery.studyExperiment', { runId: id }, 'temperature'),
    pause: () => this.#hold('pause'),
    continue: () => this.#hold('continue'),
    resume: ({ id }) => attempt('distillery.resumeRun', id),
    runControl: ({ id }) => attempt('distillery.runControl', id),
    showLog: ({ id }) => attempt('distillery.showLog', id),
    besides: ({ runs }) => this.#showBeside(runs),
    openFile: ({ file, line }) => openDatasetFile(this.run.paths, file, line),
    inspectRow: ({ file, line }) => this.#inspectRow(file, line),
    probe: ({ step }) => this.#probe(step),
    comparison: () => this.#comparison(),
    prompts: () => this.#prompts(),
    complete: (request, tell) => this.#completer.complete(request, tell),
    stopCompletion: () => this.#completer.stop(),
  };
  readonly #feed: RunFeed;
  readonly #completer: Completer;
  /** Runs beside the one that is shown, by their names. */
  readonly #besides = new Map<string, RunFeed>();

  constructor(
    private run: ListedRun,
    private readonly runs: RunList,
    private readonly models: ModelServer,
    private readonly post: (event: HostEvent) => void,
  ) {
    this.#feed = new RunFeed(run.paths, run.record, post);
    this.#completer = new Completer(models, run.paths.directory);
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

  async #hold(what: 'pause' | 'continue'): Promise<void> {
    requireTrust();
    const { record } = await this.runs.look(this.run.paths.directory);
    if (record.socket === undefined) throw new Error(l10n.t('{0} is not running.', record.name));
    await askRunner(record.socket, what);
    await this.runs.look(this.run.paths.directory);
  }

  /** One that cannot be read does not keep the others away. */
  async #showBeside(ids: readonly string[]): Promise<void> {
    for (const [id, feed] of this.#besides) {
      if (ids.includes(id)) continue;
      feed.dispose();
      this.#besides.delete(id);
    }
    const starts = ids.map(async (id) => {
      const run = this.runs.find(id);
      if (!run || this.#besides.has(id) || id === this.run.paths.id) return;
      const feed = new RunFeed(run.paths, run.record, this.post, 'beside');
      this.#besides.set(id, feed);
      await feed.start();
    });
    for (const outcome of await Promise.allSettled(starts)) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #probe(step: number): Promise<Float32Array[]> {
    const student = await readStudentProbe(this.run.paths.probes, step);
    if (!student) throw new Error(l10n.t('The probe at step {0} is not there any more.', step));
    return student;
  }

  async #comparison(): Promise<ComparisonDetail | null> {
    const { paths, record } = this.run;
    const predictions = await readPredictions(paths);
    const split = record.summary?.rows[0]?.split ?? 'validation';
    return predictions ? comparisonDetail(withAbsoluteFiles(paths, predictions), split) : null;
  }

  async #prompts(): Promise<PromptRow[]> {
    const rows = await readHeldOutRows(await readRunExperiment(this.run.paths), mostPrompts);
    return rows.map(({ file, line, prompt, text }) => ({ file, line, text: prompt ?? firstWords(text) }));
  }

  async #inspectRow(file: string, line: number): Promise<InspectedRow> {
    const { text, pair, prompt, label } = await readDatasetRow(await readRunExperiment(this.run.paths), file, line);
    const parts = { pair, prompt };
    const asked = { text, ...parts, label };
    const target = this.run.paths.directory;
    const { example, teacher, student } = await this.models.ask('logits', { target, text: asked });
    if (teacher === undefined || student === undefined) throw new Error(l10n.t('The run has no student yet.'));
    return { example: { ...example, file, line }, teacher: floats(teacher), student: floats(student) };
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
