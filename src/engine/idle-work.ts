/** @file Work that nobody waits for yet, done piece by piece where the thread would wait for others. */

import { setTimeout as delay } from 'node:timers/promises';

/** In milliseconds: a thread that had nothing to do for the greater part of that waits for something longer. */
const LOOK_PERIOD = 4;

/**
 * Ends when all is done.
 * @param work a piece between one `yield` and the next; what somebody else does later unless it is done by then, so that a failure is told there
 */
export async function whenIdle(work: Iterator<void>): Promise<void> {
  for (;;) {
    for (let utilization = 1; utilization > 0.5;) {
      const before = performance.eventLoopUtilization();
      await delay(LOOK_PERIOD, undefined, { ref: false });
      ({ utilization } = performance.eventLoopUtilization(before));
    }
    try {
      if (work.next().done) return;
    } catch {
      return;
    }
  }
}
