/**
 * @file Before all journeys: an editor's server for each worker, and runs to look at, made once. A window of such a server is as
 * fresh as one of a server of its own: what a person has set and done is kept by the browser, which forgets it with each window.
 */

import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { builtInElsewhere, startCodeServer } from '../harness/code-server';
import { ensureEditor } from '../harness/setup';
import { deskEnvironment } from './desk';
import { makeSamples } from './real-runs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of each worker, in the order of their numbers. */
    desks: { url: string; folder: string }[];
    /** Folder with runs that are ready: see `sampleWorkspace`. */
    samples: string;
  }
}

export async function setup({ config, provide }: TestProject): Promise<() => Promise<void>> {
  const editor = ensureEditor(process.cwd());
  const starts = Array.from({ length: config.maxWorkers }, () =>
    startCodeServer(editor, { environment: deskEnvironment, without: builtInElsewhere }),
  );
  const [samples, ...servers] = await Promise.all([makeSamples(), ...starts] as const);
  provide('samples', samples.folder);
  provide(
    'desks',
    servers.map(({ url, folder }) => ({ url, folder: path.resolve(folder) })),
  );
  return async () => {
    await Promise.all(servers.map((server) => server.stop()));
    samples.remove();
  };
}
