/** @file The models that are on this machine, as the runner says: asked when they are first wanted, and kept for a while. */

import { EventEmitter, workspace, type Disposable } from 'vscode';
import type { ModelRecord } from '../../protocol/machine-records';
import { errorOf } from '../base/failure';
import { requireTrust } from '../base/require-trust';
import type { StartRunner } from '../base/runner-process';

/** Milliseconds. Python may have fetched one meanwhile. */
const FRESH = 30_000;

export class ModelList implements Disposable {
  readonly #changed = new EventEmitter<undefined>();
  /** There are others than before, or the first. */
  readonly onDidChange = this.#changed.event;
  #known: readonly ModelRecord[] | undefined;
  #asked: Promise<void> | undefined;
  #time = 0;

  constructor(
    private readonly startRunner: StartRunner,
    /** Where the process runs if no folder is open, in which models are looked for. */
    private readonly elsewhere: string,
  ) {}

  /** What is known now; undefined before there is an answer. */
  get models(): readonly ModelRecord[] | undefined {
    return this.#known;
  }

  /** Resolves when what is known is no older than half a minute. Rejects with the runner's words. */
  ready(): Promise<void> {
    if (this.#asked && performance.now() - this.#time < FRESH) return this.#asked;
    return this.refresh();
  }

  /** Asks again. */
  refresh(): Promise<void> {
    this.#time = performance.now();
    return (this.#asked = this.#ask());
  }

  async #ask(): Promise<void> {
    try {
      requireTrust();
      const cwd = workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file')?.uri.fsPath ?? this.elsewhere;
      const { document, failure, lines } = await this.startRunner(['models'], { cwd }).ended;
      if (failure) throw errorOf(failure);
      if (!isAnswer(document)) throw new Error(lines.join(' '));
      const isSame = JSON.stringify(document.models) === JSON.stringify(this.#known);
      this.#known = document.models;
      if (!isSame) this.#changed.fire(undefined);
    } catch (error) {
      this.#asked = undefined;
      throw error;
    }
  }

  dispose(): void {
    this.#changed.dispose();
  }
}

function isAnswer(document: unknown): document is { models: ModelRecord[] } {
  return typeof document === 'object' && document !== null && 'models' in document;
}
