/** @file Removes what a process that was killed, or whose disk was full, left half done in a run's folder. */

import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PARTIAL } from '../model/files/atomic';
import { recoverDirectory } from './atomic-directory';
import { COPYING, runPaths } from './run-paths';

/** A folder that is being replaced, and what it replaces: atomic-directory.ts has the states. */
const ofReplacement = /^(.+)\.(?:tmp|new|old)-[0-9a-f]{12}$/;

/** To be called with the run's lock, by which nobody else is at work in it. What is whole is put in its place. */
export async function sweepRun(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const [, name] = ofReplacement.exec(entry.name) ?? [];
    if (name !== undefined) await recoverDirectory(join(directory, name), keptOf(join(directory, name)));
    else if (entry.name.endsWith(PARTIAL) || entry.name === COPYING) await rm(path, { recursive: true, force: true });
    else if (entry.isDirectory()) await sweepRun(path);
  }
}

/** Checkpoints are kept when they are replaced, all else is not. */
function keptOf(target: string): string | undefined {
  const { lastCheckpoint, previousCheckpoint } = runPaths(dirname(dirname(target)));
  return target === lastCheckpoint ? previousCheckpoint : undefined;
}
