/**
 * @file Before all journeys: an editor's server for each worker, and runs to look at, made once. A window of such a server is as
 * fresh as one of a server of its own: what a person has set and done is kept by the browser, which forgets it with each window.
 */

import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { builtInElsewhere, startCodeServer, type CodeServer } from '../harness/code-server';
import { compiledIn, keptCaches, leaveCaches, portFor } from '../harness/kept-caches';
import { ensureEditor } from '../harness/setup';
import { deskEnvironment, profileOf, type Desk } from './desk';
import { makeSamples } from './real-runs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of each worker, in the order of their numbers. */
    desks: Desk[];
    /** Folder of the caches that are kept. */
    kept: string;
    /** Folder with runs that are ready: see `sampleWorkspace`. */
    samples: string;
  }
}

export async function setup({ config, provide }: TestProject): Promise<() => Promise<void>> {
  const editor = ensureEditor(process.cwd());
  const kept = keptCaches(editor);
  const start = async (index: number): Promise<Desk & CodeServer> => {
    const port = await portFor(`desk ${index}`);
    const options = { environment: deskEnvironment, without: builtInElsewhere, port, compiled: compiledIn(kept) };
    const server = await startCodeServer(editor, options);
    return {
      ...server,
      folder: path.resolve(server.folder),
      ...(port > 0 && { caches: path.join(kept, `browser-${index}`) }),
    };
  };
  const starts = Array.from({ length: config.maxWorkers }, (_, index) => start(index));
  const [samples, ...desks] = await Promise.all([makeSamples(), ...starts] as const);
  provide('samples', samples.folder);
  provide('kept', kept);
  provide(
    'desks',
    desks.map(({ url, folder, caches }) => ({ url, folder, ...(caches !== undefined && { caches }) })),
  );
  return async () => {
    for (const { folder, caches } of desks) if (caches !== undefined) leaveCaches(profileOf(folder), caches);
    await Promise.all(desks.map((server) => server.stop()));
    samples.remove();
  };
}
