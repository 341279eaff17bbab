/** @file What kernels took in one run, from their means over all runs, which is all that the library tells. */

import type { KernelTime } from './library';

export class RunTimes {
  private runs = 0;
  /** Milliseconds of each kernel in all runs until the last time it was asked for. */
  private known: number[] | undefined;

  /** To be called after each run, asked for or not. */
  count(): void {
    this.runs++;
  }

  /**
   * Of the runs since the last time it was asked for: mostly one.
   * @param means of all runs until now
   * @returns the first time the means themselves, which are those of one run where there was but one
   */
  ofLastRun(means: KernelTime[]): KernelTime[] {
    const totals = means.map(({ milliseconds }) => milliseconds * this.runs);
    const before = this.known;
    this.known = totals;
    if (before?.length !== means.length) return means;
    return means.map((kernel, i) => ({ ...kernel, milliseconds: totals[i]! - before[i]! }));
  }
}
