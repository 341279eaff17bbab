/** @file The processes that belong to a window: what its server has started has the server's folder in its environment. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Ids of those whose command line is like `command`; none where the system does not list processes as files. */
export function processesOf(serverFolder: string, command: RegExp): number[] {
  if (!existsSync('/proc')) return [];
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

/** What a server has started may go on for a moment after it, and write to its folder as its last. Who has not ended after a while is killed. */
export async function untilEnded(serverFolder: string, mostMs = 10_000): Promise<void> {
  const killed = Date.now() + mostMs;
  for (let left = processesOf(serverFolder, /./); left.length > 0; left = processesOf(serverFolder, /./)) {
    if (Date.now() > killed) left.forEach(kill);
    await delay(50);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Holds a process meanwhile. One that was asked or told to end before goes no further when it is let go. */
export async function whileHeld<T>(pid: number, work: () => Promise<T>): Promise<T> {
  process.kill(pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}
