/**
 * @file What engines share of the process: koffi, with the settings that it takes only before it loads the first library, and glibc's
 * malloc, with thresholds of which there is one set for all. docs/decisions/0014 says where the numbers come from.
 */

import koffi from 'koffi';

/** Stacks on which libraries run: OpenVINO's compiler needs more than the 128 KiB of an asynchronous call. */
const STACK_BYTES = 8 * 2 ** 20;

koffi.config({ async_stack_size: STACK_BYTES, sync_stack_size: STACK_BYTES, resident_async_pools: 1 });

export { default as koffi, type LibraryHandle } from 'koffi';

/** `mallopt`'s names of its parameters in glibc's malloc.h. */
const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;

/** Blocks from this size on go back to the system when freed: few enough not to cost time. */
const GIVEN_BACK_FROM = 128 * 2 ** 20;

/** The most that glibc before 2.35 takes for that. */
const OLD_GIVEN_BACK_FROM = 32 * 2 ** 20;

/** So much stays at the end of the heap. */
const KEPT_BYTES = 512 * 2 ** 20;

/** What a compiler frees is not wanted again: its blocks go back from this size on. */
const COMPILERS_GIVEN_BACK_FROM = 2 ** 20;

/**
 * While an evaluation goes on: logits over a vocabulary, and little else. What is measured of each chunk of them, and stays, lies otherwise in the hole
 * that the chunk before has left, so that the next fits in none.
 */
const EVALUATIONS_GIVEN_BACK_FROM = 2 ** 24;

/**
 * So much may lie in holes while an evaluation goes on. What JavaScript allocates between two batches, and frees when V8 looks for it, lies now and
 * then in the hole that a batch's tensors of some megabytes have left, so that those of the next fit in none: without a bound a gigabyte in
 * some hundred batches. Were they mapped one by one instead, a small model's evaluation would take three times as long (docs/decisions/0060).
 */
const HOLES_BYTES = 64 * 2 ** 20;

/** Of a process that has less, the pages that it gives back before an evaluation are asked for anew in it: with tiny models a tenth of a run. */
const WORTH_GIVING_BACK = 256 * 2 ** 20;

type Mallopt = (parameter: number, value: number) => number;

/** Undefined where the C library is not glibc, which keeps what it thinks best. */
let mallopt: Mallopt | undefined;
let trim: ((padding: number) => number) | undefined;
let isSet = false;
/** From which size on blocks go back, for each piece of work that has set one. */
const thresholds: number[] = [];

/** Once a process: what is freed is kept, but for large blocks. */
export function setMallocThresholds(): void {
  if (isSet) return;
  isSet = true;
  if (process.platform !== 'linux') return;
  try {
    const glibc = koffi.load('libc.so.6');
    mallopt = glibc.func('int mallopt(int parameter, int value)') as Mallopt;
    trim = glibc.func('int malloc_trim(size_t padding)') as typeof trim;
  } catch {
    return;
  }
  mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
  setGivenBackFrom();
}

/**
 * Runs a compiler, whose large blocks go back to the system as soon as they are freed. Kept, they would leave holes that no tensor
 * fits: a sixth of the peak memory of a training.
 */
export const compileWith = <T>(compiler: () => Promise<T>): Promise<T> =>
  givingBackFrom(COMPILERS_GIVEN_BACK_FROM, compiler);

/** Gives back what lies in holes of the heap, which takes some milliseconds. */
export function giveBackHoles(): void {
  trim?.(0);
}

/** Runs an evaluation, whose largest blocks go back; what the steps of a larger process have freed before goes back first, and holes while it goes on. */
export function evaluateWith<T>(evaluation: (afterBatch: () => void) => Promise<T>): Promise<T> {
  setMallocThresholds();
  if (process.memoryUsage.rss() >= WORTH_GIVING_BACK) trim?.(0);
  return givingBackFrom(EVALUATIONS_GIVEN_BACK_FROM, () => evaluation(holesGivenBack()));
}

/** To be called after each batch: gives holes back where the process has grown since one batch by more than they may take. */
function holesGivenBack(): () => void {
  /** Of the process after the first batch since then, in bytes. */
  let usual: number | undefined;
  return () => {
    const now = process.memoryUsage.rss();
    usual ??= now;
    if (now - usual <= HOLES_BYTES) return;
    trim?.(0);
    usual = undefined;
  };
}

async function givingBackFrom<T>(bytes: number, work: () => Promise<T>): Promise<T> {
  setMallocThresholds();
  thresholds.push(bytes);
  setGivenBackFrom();
  try {
    return await work();
  } finally {
    thresholds.splice(thresholds.indexOf(bytes), 1);
    setGivenBackFrom();
  }
}

function setGivenBackFrom(): void {
  if (thresholds.length > 0) mallopt?.(M_MMAP_THRESHOLD, Math.min(...thresholds));
  else if (mallopt?.(M_MMAP_THRESHOLD, GIVEN_BACK_FROM) === 0) mallopt(M_MMAP_THRESHOLD, OLD_GIVEN_BACK_FROM);
}
