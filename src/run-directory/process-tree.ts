/** @file Ends a process together with those that it has started. */

import { spawn } from 'node:child_process';
import path from 'node:path';

/**
 * At once, without a chance to tidy up. The process was started `detached`, so that its group is its own (on Windows the
 * system knows who started whom). A wrapper such as pyenv's shim would otherwise end alone and leave its child at work.
 */
export function killProcessTree(pid: number): void {
  if (process.platform === 'win32') {
    // By its whole path: Windows would take one that lies in the current folder, a stranger's perhaps.
    const taskkill = path.join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'taskkill.exe');
    spawn(taskkill, ['/pid', String(pid), '/T', '/F'], { windowsHide: true, stdio: 'ignore' }).on('error', () => {
      // Windows without its own program: nothing else ends a tree there.
    });
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    // The whole group has ended.
  }
}
