/** @file `devices --install` and `devices --remove`, and the same of `models`: what this person's pip installs for Distillery. */

import type { PackageName } from '../../protocol/model-packages';
import type { LibraryRecord } from '../../protocol/machine-records';
import { installLibrary, type InstallListener } from '../install/install';
import { installOutput } from '../install/install-output';
import { removeLibrary } from '../install/library-home';

/** What was downloaded whole is kept for the next attempt. */
export function installCommand(name: PackageName, files: readonly string[], json: boolean): Promise<LibraryRecord> {
  return whileInstalling(json, (output, signal) => installLibrary(name, output, { files, signal }));
}

/** Shows how far `work` is; Ctrl+C, a polite kill and a closed terminal end it. */
export async function whileInstalling<T>(
  json: boolean,
  work: (output: InstallListener, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const output = installOutput(json);
  const controller = new AbortController();
  const onSignal = (): void => controller.abort();
  // The last is a closed terminal's, which pip in its own group is not sent.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work(output, controller.signal);
  } finally {
    output.end();
    for (const signal of signals) process.off(signal, onSignal);
  }
}

export async function removeCommand(name: PackageName): Promise<LibraryRecord & { removed: boolean }> {
  return { library: name, removed: await removeLibrary(name) };
}
