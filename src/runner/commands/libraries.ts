/** @file `devices --install` and `devices --remove`: the native libraries of this person. */

import type { LibraryName } from '../../protocol/libraries';
import type { LibraryRecord } from '../../protocol/records';
import { installLibrary } from '../install/install';
import { installOutput } from '../install/install-output';
import { removeLibrary } from '../install/library-home';

/** Ctrl+C, a polite kill and a closed terminal end it; what was downloaded whole is kept for the next attempt. */
export async function installCommand(
  name: LibraryName,
  files: readonly string[],
  json: boolean,
): Promise<LibraryRecord> {
  const output = installOutput(json);
  const controller = new AbortController();
  const onSignal = (): void => controller.abort();
  // The last is a closed terminal's, which pip in its own group is not sent.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await installLibrary(name, output, { files, signal: controller.signal });
  } finally {
    output.end();
    for (const signal of signals) process.off(signal, onSignal);
  }
}

export async function removeCommand(name: LibraryName): Promise<LibraryRecord & { removed: boolean }> {
  return { library: name, removed: await removeLibrary(name) };
}
