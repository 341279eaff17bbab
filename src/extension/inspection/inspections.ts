/** @file The datasets that are inspected, each with the run that the person chose; remembered over a reload. */

import type { Disposable } from 'vscode';
import { EventEmitter, workspace, type Memento, type TextDocument, type Uri } from 'vscode';
import { columnsOf } from '../../experiment/checks/check-dataset';
import { splitOf } from '../../experiment/dataset-rows';
import { readRunExperiment } from '../../experiment/experiment-record';
import type { ModelServer } from '../models/model-server';
import type { ListedRun, RunList } from '../runs/run-list';
import { Inspection } from './inspection';

/** What is kept of an inspection. */
interface Kept {
  run: string;
  temperature: number;
}

const key = 'distillery.inspections';

export class Inspections implements Disposable {
  readonly #changed = new EventEmitter<Inspection | undefined>();
  /** With the inspection of which more is known, or with none where one was begun or ended. */
  readonly onDidChange = this.#changed.event;
  readonly #byUri = new Map<string, Inspection>();
  readonly #disposables: Disposable[];

  constructor(
    private readonly runs: RunList,
    private readonly models: ModelServer,
    private readonly memento: Memento,
    private readonly report: (error: unknown) => void,
  ) {
    this.#disposables = [
      workspace.onDidOpenTextDocument((document) => this.#restore(document)),
      workspace.onDidCloseTextDocument((document) => this.#drop(document.uri)),
    ];
    for (const document of workspace.textDocuments) this.#restore(document);
  }

  of({ uri }: Pick<TextDocument, 'uri'>): Inspection | undefined {
    return this.#byUri.get(uri.toString());
  }

  get all(): readonly Inspection[] {
    return [...this.#byUri.values()];
  }

  /** Throws an InputError where the run's experiment cannot be read. */
  async start(document: TextDocument, run: ListedRun, temperature: number): Promise<Inspection> {
    const experiment = await readRunExperiment(run.paths);
    const columns = columnsOf(experiment, splitOf(experiment, document.uri.fsPath));
    this.#drop(document.uri);
    const inspection = new Inspection(document, { run, columns, temperature }, this.models);
    inspection.onDidChange(() => this.#changed.fire(inspection));
    this.#byUri.set(document.uri.toString(), inspection);
    this.#keep(document.uri, { run: run.paths.id, temperature });
    this.#changed.fire(undefined);
    return inspection;
  }

  stop(uri: Uri): void {
    this.#keep(uri, undefined);
    this.#drop(uri);
  }

  #drop(uri: Uri): void {
    this.of({ uri })?.dispose();
    if (this.#byUri.delete(uri.toString())) this.#changed.fire(undefined);
  }

  #restore(document: TextDocument): void {
    const kept = this.#kept[document.uri.toString()];
    if (!kept || !workspace.isTrusted) return;
    void this.runs
      .ready()
      .then(async () => {
        const run = this.runs.find(kept.run);
        if (run && !this.of(document)) await this.start(document, run, kept.temperature);
      })
      .catch(this.report);
  }

  get #kept(): Record<string, Kept> {
    return this.memento.get<Record<string, Kept>>(key, {});
  }

  #keep(uri: Uri, kept: Kept | undefined): void {
    const { [uri.toString()]: _, ...others } = this.#kept;
    void this.memento.update(key, kept ? { ...others, [uri.toString()]: kept } : others);
  }

  dispose(): void {
    for (const inspection of this.#byUri.values()) inspection.dispose();
    for (const disposable of [...this.#disposables, this.#changed]) disposable.dispose();
  }
}
