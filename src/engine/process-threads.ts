/** @file The threads of this process, as the system numbers them. */

import { readdirSync } from 'node:fs';

/** Linux has a priority and turns for each thread; elsewhere 0 stands for the process. */
export const processThreads = (): number[] =>
  process.platform === 'linux' ? readdirSync('/proc/self/task').map(Number) : [0];
