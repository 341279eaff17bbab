/**
 * @file Hosts for trainings over ssh: those that the person has listed or gone to, with what was last found there, and those that their ssh
 * knows, as suggestions alone.
 */

import { EventEmitter, l10n, ProgressLocation, window, workspace, type Disposable } from 'vscode';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { HostRecord } from '../../protocol/machine-records';
import { hostNames, hostPattern } from '../../protocol/torchrun';
import { errorOf } from '../base/failure';
import { interpreterOf, listedHosts, listHosts } from '../base/host-settings';
import type { Ended, StartRunner } from '../base/runner-process';

export interface KnownHost {
  name: string;
  /** Absent where it was never asked. */
  record?: HostRecord | undefined;
}

export class Hosts implements Disposable {
  readonly #changed = new EventEmitter<undefined>();
  readonly onDidChange = this.#changed.event;
  readonly #records = new Map<string, HostRecord>();
  /** Those that have answered once, by whatever way they were gone to: the command line keeps them. */
  readonly #kept = new Set<string>();
  readonly #listener: Disposable;
  #asked: Promise<void> | undefined;

  constructor(
    private readonly startRunner: StartRunner,
    /** A folder for the process to run in. */
    private readonly cwd: string,
    /** Throws where nothing may be run. */
    private readonly requireTrust: () => void,
  ) {
    this.#listener = workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('distillery.hosts')) this.#changed.fire(undefined);
    });
  }

  /** In the person's order, then those that they have gone to. */
  get known(): KnownHost[] {
    const names = new Set([...listedHosts(), ...this.#kept]);
    return [...names].map((name) => ({ name, record: this.#records.get(name) }));
  }

  /** Whether the person has listed a host or gone to it, on this machine. */
  has(name: string): boolean {
    return this.known.some((host) => host.name === name);
  }

  /** Resolves when those that were gone to are known; they are asked of the command line, which keeps them. */
  ready(): Promise<void> {
    return (this.#asked ??= this.refresh());
  }

  async refresh(): Promise<void> {
    try {
      this.requireTrust();
      const { hosts } = answerOf(await this.#run(['devices', '--hosts'])) as { hosts: HostRecord[] };
      this.#kept.clear();
      for (const record of hosts) {
        this.#kept.add(record.name);
        this.#records.set(record.name, record);
      }
    } catch (error) {
      this.#asked = undefined;
      throw error;
    }
    this.#changed.fire(undefined);
  }

  /**
   * Asks a host that the person has named what it has and what is missing, and shows that it is being asked.
   * @param first of those that it trains together with, whose interpreter is theirs
   */
  check(name: string, first = name): Thenable<HostRecord> {
    this.requireTrust();
    const options = { location: ProgressLocation.Notification, title: l10n.t('Asking {0} …', name) };
    return window.withProgress(options, async () => {
      const record = answerOf(await this.#run(['devices', '--on', name], this.environment(first))) as HostRecord;
      this.#records.set(name, record);
      if (record.found) this.#kept.add(name);
      this.#changed.fire(undefined);
      return record;
    });
  }

  /** For the process of a run that is trained on a host, or on several with commas between them, which have the first's. */
  environment(name: string): NodeJS.ProcessEnv {
    const python = interpreterOf(hostNames(name)[0]!);
    return python === undefined ? {} : { DISTILLERY_HOST_PYTHON: python };
  }

  async list(name: string): Promise<void> {
    const listed = listedHosts();
    if (!listed.includes(name)) await listHosts([...listed, name]);
  }

  /** From the person's list, and with it what was found there. */
  async remove(name: string): Promise<void> {
    this.requireTrust();
    const listed = listedHosts();
    if (listed.includes(name)) await listHosts(listed.filter((one) => one !== name));
    answerOf(await this.#run(['devices', '--forget', name]));
    this.#kept.delete(name);
    this.#records.delete(name);
    this.#changed.fire(undefined);
  }

  #run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> {
    return this.startRunner(args, { cwd: this.cwd, env }).ended;
  }

  dispose(): void {
    this.#listener.dispose();
    this.#changed.dispose();
  }
}

/** A host that lacks something is an answer too. */
function answerOf({ document, failure, lines }: Ended): object {
  if (failure) throw errorOf(failure);
  if (typeof document !== 'object' || document === null) throw new Error(lines.join(' '));
  return document;
}

/** Names in the person's own ~/.ssh/config, without those that are patterns. Nothing is done with them before one is chosen. */
export async function suggestedHosts(file = path.join(homedir(), '.ssh', 'config')): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const names = text.split('\n').flatMap((line) => {
    const [, patterns] = /^\s*host(?:\s+|\s*=\s*)(.*)$/i.exec(line) ?? [];
    return (patterns ?? '').split(/\s+/).map((name) => name.replace(/^"(.*)"$/, '$1'));
  });
  return [...new Set(names.filter((name) => hostPattern.test(name)))];
}
