/** @file Whether a process that left its name somewhere still runs. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Names one process for ever: its id, and when it began, which tells it from a later one with the same id. */
export interface ProcessName {
  pid: number;
  start: string;
}

const unknownStart = 'unknown';

export async function thisProcess(): Promise<ProcessName> {
  return { pid: process.pid, start: (await processStart(process.pid)) ?? unknownStart };
}

export async function isRunning({ pid, start }: ProcessName): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const actual = await processStart(pid);
  return actual === start || actual === undefined || start === unknownStart;
}

/** Whether a process with this id runs, whoever owns it. */
export function isAlive(pid: number): boolean {
  if (pid <= 0) return false; // would ask about process groups
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began, in the system's own terms; undefined where the system does not say (then the id alone counts). */
async function processStart(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === 'linux') {
      // Field 22, in clock ticks since boot (man proc_pid_stat); the second field, a name in brackets, may hold anything.
      const text = await readFile(`/proc/${pid}/stat`, 'utf8');
      return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
    }
    if (process.platform === 'win32') return undefined;
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], {
      env: { ...process.env, LC_ALL: 'C' },
    });
    return stdout.trim().replace(/\W+/g, '-') || undefined;
  } catch {
    return undefined;
  }
}
