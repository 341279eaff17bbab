/** @file The targets whose models are kept loaded between requests. */

import { stat } from 'node:fs/promises';
import path from 'node:path';
import { findGguf } from '../../model/files/gguf-checkpoint';
import { CONFIG } from '../../model/files/weight-files';
import type { Executor } from '../../engine/executor';
import { locateTarget, openModels, releaseTarget, type TargetModels, type TargetFolders } from './targets';

/** Pairs of models in memory. */
const mostLoaded = 3;

interface Loaded {
  target: Promise<TargetModels>;
  /** What its folders were when they were read: a run that goes on replaces them. */
  version: string;
  /** Requests at work on it. */
  users: number;
}

export class LoadedTargets {
  #executor: Promise<Executor> | undefined;
  /** In the order of their last use. */
  readonly #loaded = new Map<string, Loaded>();

  constructor(private readonly openExecutor: () => Promise<Executor>) {}

  /** Gives `work` the models of a target, as its folders are now; they stay loaded until it ends. */
  async use<T>(name: string, work: (target: TargetModels) => Promise<T>): Promise<T> {
    const folders = await locateTarget(name);
    const loaded = await this.#load(name, folders);
    loaded.users++;
    try {
      return await work(await loaded.target);
    } finally {
      loaded.users--;
      await this.#releaseUnused();
    }
  }

  async #load(name: string, folders: TargetFolders): Promise<Loaded> {
    const version = await versionOf(folders);
    const known = this.#loaded.get(name);
    this.#loaded.delete(name);
    if (known?.version === version) {
      this.#loaded.set(name, known);
      return known;
    }
    // The older version is kept under a name of its own until nobody uses it.
    if (known) this.#loaded.set(`${name}\n${known.version}`, known);
    this.#executor ??= this.openExecutor();
    const target = this.#executor.then((executor) => openModels(executor, folders));
    const loaded = { target, version, users: 0 };
    this.#loaded.set(name, loaded);
    // What could not be opened is tried again next time.
    target.catch(() => this.#loaded.get(name) === loaded && this.#loaded.delete(name));
    return loaded;
  }

  async #releaseUnused(): Promise<void> {
    for (const [name, loaded] of [...this.#loaded]) {
      const isOutdated = name.includes('\n');
      if (loaded.users > 0 || (!isOutdated && this.#loaded.size <= mostLoaded)) continue;
      this.#loaded.delete(name);
      await releaseTarget(await loaded.target);
    }
  }
}

/** Changes whenever a model of the target is replaced. */
async function versionOf({ teacher, student, onnx }: TargetFolders): Promise<string> {
  const stamps = [teacher, student].map(async (folder) => {
    if (folder === undefined) return '';
    const { mtimeMs, ino } = await stat((await findGguf(folder)) ?? path.join(folder, CONFIG));
    return `${folder} ${ino} ${mtimeMs}`;
  });
  const ofOnnx = onnx === undefined ? '' : `, ${(await stat(onnx.path)).mtimeMs}`;
  return `${(await Promise.all(stamps)).join(', ')}${ofOnnx}`;
}
