/** @file What can compute on this machine, as the runner says: asked when it is first wanted, and kept. */

import { EventEmitter, type CancellationToken, type Disposable } from 'vscode';
import { killProcessTree } from '../../run-directory/process-tree';
import type { DeviceRecord } from '../../protocol/machine-records';
import type { StartRunner } from '../base/runner-process';

export class DeviceList implements Disposable {
  readonly #changed = new EventEmitter<undefined>();
  readonly onDidChange = this.#changed.event;
  #known: readonly DeviceRecord[] = [];
  #asked: Promise<void> | undefined;
  #librariesThen = '';

  constructor(
    private readonly startRunner: StartRunner,
    /** A folder for the process to run in. */
    private readonly cwd: string,
    /** Throws where nothing may be run. */
    private readonly requireTrust: () => void,
    /** What tells that libraries were installed or removed, by another window too. */
    private readonly libraries: () => Promise<string>,
  ) {}

  /** What is known now; empty before anyone has asked. */
  get devices(): readonly DeviceRecord[] {
    return this.#known;
  }

  /** Asks the first time it is called; resolves when the answer is there. Rejects with the runner's words. */
  ready(): Promise<void> {
    return (this.#asked ??= this.#ask(['devices']));
  }

  /** Asks again. */
  refresh(): Promise<void> {
    return (this.#asked = this.#ask(['devices']));
  }

  /** Asks again where libraries have come or gone since; for who comes back from another window. */
  async refreshIfStale(): Promise<void> {
    if (this.#asked && (await this.libraries()) !== this.#librariesThen) await this.refresh();
  }

  /** Has every engine timed. Where that is cancelled, what was known stays. */
  measure(token: CancellationToken): Promise<void> {
    return (this.#asked = this.#ask(['devices', '--measure'], token));
  }

  async #ask(args: readonly string[], token?: CancellationToken): Promise<void> {
    let listener: Disposable | undefined;
    try {
      this.requireTrust();
      this.#librariesThen = await this.libraries();
      const { pid, ended } = this.startRunner(args, { cwd: this.cwd });
      // It measures in processes of its own.
      listener = token?.onCancellationRequested(() => pid !== undefined && killProcessTree(pid));
      const { document, lines } = await ended;
      if (token?.isCancellationRequested) return;
      if (!isAnswer(document)) throw new Error(lines.join(' '));
      this.#known = document.devices;
    } catch (error) {
      this.#asked = undefined;
      throw error;
    } finally {
      listener?.dispose();
    }
    this.#changed.fire(undefined);
  }

  dispose(): void {
    this.#changed.dispose();
  }
}

function isAnswer(document: unknown): document is { devices: DeviceRecord[] } {
  return typeof document === 'object' && document !== null && 'devices' in document;
}
