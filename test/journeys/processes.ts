/** @file The processes that belong to a window: what its server has started has the server's folder in its environment. */

import { readdirSync, readFileSync } from 'node:fs';

/** Ids of those whose command line is like `command`. */
export function processesOf(serverFolder: string, command: RegExp): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return command.test(line) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(serverFolder);
      } catch {
        return false; // It has ended meanwhile.
      }
    })
    .map(Number);
}
