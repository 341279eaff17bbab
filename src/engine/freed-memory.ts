/** @file When memory goes back: what a step frees is kept for the next step, what JavaScript no longer needs is freed when we say so. */

import { memoryUsage } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Makes glibc keep what a step frees for the next one. By itself it gives every freed tensor of some megabytes back to the system,
 * which then hands out and clears the same pages at each step. Other C libraries keep what they think best.
 */
export async function keepFreedMemory(): Promise<void> {
  if (process.platform !== 'linux') return;
  try {
    (await import('./native-calls')).setMallocThresholds();
  } catch {
    // No koffi for this processor, which the engine can do without.
  }
}

/**
 * Runs an evaluation. Its large tensors do not stay with the process, nor the holes that others leave, where the C library is glibc.
 * @param evaluation is to call what it is given after each batch
 */
export async function whileEvaluating<T>(evaluation: (afterBatch: () => void) => Promise<T>): Promise<T> {
  const alone = (): Promise<T> => evaluation(() => undefined);
  if (process.platform !== 'linux') return alone();
  const native = await import('./native-calls').catch(() => undefined);
  return native ? native.evaluateWith(evaluation) : alone();
}

/**
 * Frees what nothing refers to any more, such as weights that have been copied. By itself V8 looks only when much is allocated
 * anew, which in a training need not be for hours. Takes some milliseconds.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
}

/** Of a process whose arrays have fewer bytes, collecting costs more than it gives back. */
const WORTH_COLLECTING = 32e6;

/** Collects, if the process holds so many arrays that copies of them matter: with tiny models it is a tenth of a run. */
export function collectCopies(): void {
  if (memoryUsage().arrayBuffers >= WORTH_COLLECTING) collectGarbage();
}
