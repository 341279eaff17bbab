/** @file What Linux says of a process that runs. */

import { readFileSync } from 'node:fs';

/** The largest resident memory of a process so far, in bytes; Linux alone says it. */
export function peakOf(pid: number): number {
  try {
    return 1024 * Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Seconds of the processor that a process has had; Linux alone says it. */
export function cpuOf(pid: number): number {
  try {
    // Behind the name, which may hold spaces: utime and stime are the 12th and 13th, in hundredths.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}
