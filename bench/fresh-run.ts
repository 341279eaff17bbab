/** @file A run of the real program that has nothing of earlier measurements. */

import { spawn } from 'node:child_process';
import path from 'node:path';

/** @param folder its own, where what the program and the engines keep is kept too: graphs that an earlier measurement had compiled would be no first time */
export function startRun(folder: string, file: string) {
  const env = {
    ...process.env,
    DISTILLERY_DATA: path.join(folder, '.data'),
    XDG_CACHE_HOME: path.join(folder, '.caches'),
  };
  return spawn(process.execPath, ['dist/runner.js', 'run', file], { env, stdio: ['ignore', 'ignore', 'pipe'] });
}
