/** @file What a training on a host has come to, brought here: what is heard at once, checkpoints and probes, what its processes have said. */

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { saveDirectoryAtomically } from '../../run-directory/atomic-directory';
import { makeFolder } from '../../run-directory/folders';
import { removeOwned, requireOwnedTree } from '../../run-directory/owned';
import { openRecords, type RecordWriter } from '../../run-directory/record-file';
import type { TrainingPaths } from '../../run-directory/run-paths';
import type { Host } from './ssh';
import type { Event } from './training';

/** The records of what is heard, in this run's own files, as Python writes those there. */
export class CopiedRecords {
  private metrics: RecordWriter<'metrics'> | undefined;
  private evaluations: RecordWriter<'evaluations'> | undefined;

  constructor(private readonly paths: TrainingPaths) {}

  async hear(event: Event): Promise<void> {
    if (event.distillery === 'begins') {
      this.close();
      this.metrics = await openRecords(this.paths, 'metrics', event.step - 1);
      this.evaluations = await openRecords(this.paths, 'evaluations', event.resumed ? event.step : -1);
    }
    if (event.distillery === 'step') this.metrics?.append(event.record);
    if (event.distillery === 'evaluated') this.evaluations?.append(event.record);
  }

  close(): void {
    this.metrics?.close();
    this.evaluations?.close();
  }
}

/** Checkpoints, probes and records, each whole or not at all. */
export async function fetchResults(host: Host, output: string, paths: TrainingPaths): Promise<void> {
  const aside = path.join(paths.directory, 'torchrun-fetched');
  await removeOwned(aside);
  await makeFolder(aside);
  try {
    await host.fetch(output, ['checkpoints', 'probes', 'metrics.jsonl', 'evaluations.jsonl'], aside);
    // What has come is looked at before it is used: no links.
    await requireOwnedTree(aside);
    const folders = [
      ['last', paths.lastCheckpoint],
      ['previous', paths.previousCheckpoint],
      ['best', paths.bestCheckpoint],
    ] as const;
    for (const [name, destination] of folders) {
      const fetched = path.join(aside, 'checkpoints', name);
      if (!existsSync(fetched)) continue;
      await saveDirectoryAtomically(destination, async (folder) => {
        for (const file of await readdir(fetched)) await rename(path.join(fetched, file), path.join(folder, file));
      });
    }
    for (const kind of ['metrics', 'evaluations'] as const) {
      const fetched = path.join(aside, `${kind}.jsonl`);
      // Who follows the file that is here need not begin again.
      if (existsSync(fetched) && !(await isAlike(fetched, paths[kind]))) await rename(fetched, paths[kind]);
    }
    const probes = path.join(aside, 'probes');
    if (!existsSync(probes)) return;
    await mkdir(paths.probes, { recursive: true });
    for (const file of await readdir(probes)) await rename(path.join(probes, file), path.join(paths.probes, file));
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** What torchrun and its processes have said there, in a folder of the run: `torchrun.log`, and a file for each process; of several hosts in a folder each. */
export class FetchedLogs {
  private fetching: Promise<void> = Promise.resolve();

  constructor(
    private readonly folders: readonly { host: Host; folder: string }[],
    private readonly directory: string,
    private readonly training: string,
  ) {}

  /** One after another. @throws ComplaintError where a host does not give them; those of the others are there */
  fetch(): Promise<void> {
    const fetched = this.fetching.then(() => this.fetchAll());
    this.fetching = fetched.catch(() => undefined);
    return fetched;
  }

  private async fetchAll(): Promise<void> {
    const failed: unknown[] = [];
    for (const { host, folder } of this.folders) {
      const own = this.folders.length > 1 ? ['hosts', host.name] : [];
      const destination = path.join(this.directory, 'logs', this.training, ...own);
      await this.fetchOne(host, folder, destination).catch((error: unknown) => failed.push(error));
    }
    if (failed.length > 0) throw failed[0];
  }

  private async fetchOne(host: Host, job: string, destination: string): Promise<void> {
    const aside = path.join(this.directory, 'torchrun-logs');
    await removeOwned(aside);
    await makeFolder(aside);
    try {
      await host.fetch(job, ['errors', 'logs'], aside);
      await requireOwnedTree(aside);
      await saveDirectoryAtomically(destination, async (folder) => {
        const logs = path.join(aside, 'logs');
        const names = existsSync(logs) ? await readdir(logs) : [];
        for (const name of names) await rename(path.join(logs, name), path.join(folder, name));
        // Of hosts that train no more with this one.
        const others = path.join(destination, 'hosts');
        if (existsSync(others)) await rename(others, path.join(folder, 'hosts'));
        const errors = path.join(aside, 'errors');
        if (existsSync(errors)) await rename(errors, path.join(folder, 'torchrun.log'));
      });
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  }
}

const isAlike = async (one: string, other: string): Promise<boolean> =>
  existsSync(other) && (await readFile(one)).equals(await readFile(other));
