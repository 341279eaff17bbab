/** @file Lets other programs go first: a training has the time that what a person does meanwhile has not. */

import os from 'node:os';
import { processThreads } from '../../engine/process-threads';

/** A third of what others get where the processor is short, which is enough to go on with; Windows has a class below normal. */
export const LOW_PRIORITY = process.platform === 'win32' ? os.constants.priority.PRIORITY_BELOW_NORMAL : 5;

/**
 * For the whole process, which never gets a higher priority than it has. Where the system does not permit it, it stays as it is.
 * Linux has a priority for each thread, and a new one has that of the thread that made it: those that are there are lowered one by one.
 */
export function letOthersGoFirst(): void {
  try {
    for (const thread of processThreads())
      if (os.getPriority(thread) < LOW_PRIORITY) os.setPriority(thread, LOW_PRIORITY);
  } catch {
    // A thread that has ended meanwhile, or a sandbox.
  }
}
