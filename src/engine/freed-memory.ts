/** @file When memory goes back: what a step frees is kept for the next step, what JavaScript no longer needs is freed when we say so. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** `mallopt`'s names of its parameters in glibc's malloc.h. */
const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;

/** Pieces of memory from this size on are given back to the system when freed: few enough not to cost time. */
const GIVEN_BACK_FROM = 128 * 2 ** 20;

/** So much stays at the end of the heap. */
const KEPT_BYTES = 512 * 2 ** 20;

let kept: Promise<boolean> | undefined;

/**
 * Once a process. By itself glibc gives every freed tensor of some megabytes back to the system, which then hands out and clears
 * the same pages at each step. Returns false where the C library is another and nothing was changed.
 */
export function keepFreedMemory(): Promise<boolean> {
  kept ??= process.platform === 'linux' ? setThresholds() : Promise.resolve(false);
  return kept;
}

async function setThresholds(): Promise<boolean> {
  try {
    const { koffi } = await import('./native-calls');
    const mallopt = koffi.load('libc.so.6').func('int mallopt(int parameter, int value)');
    return mallopt(M_MMAP_THRESHOLD, GIVEN_BACK_FROM) === 1 && mallopt(M_TRIM_THRESHOLD, KEPT_BYTES) === 1;
  } catch {
    return false; // Another C library, which keeps what it thinks best.
  }
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
