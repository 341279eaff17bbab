/** @file How much memory a device has, where its executor does not say. */

import { execFile } from 'node:child_process';
import os from 'node:os';
import { promisify } from 'node:util';
import { engineFacts, type EngineName } from '../../protocol/engines';

/** Bytes of each NVIDIA GPU; none where NVIDIA's driver is not there. */
export async function nvidiaMemory(): Promise<number[]> {
  const query = ['--query-gpu=memory.total', '--format=csv,noheader,nounits'];
  try {
    // Windows looks for programs in the current folder first, which may be a stranger's.
    const cwd = os.homedir();
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { cwd, timeout: 5000, windowsHide: true });
    return stdout
      .trim()
      .split('\n')
      .map((mebibytes) => Number(mebibytes) * 2 ** 20);
  } catch {
    return [];
  }
}

/** Of the machine for engines on its processor; of the first GPU for those that run on NVIDIA's. */
export function memoryOf(engine: EngineName, nvidia: readonly number[]): number | undefined {
  if (engineFacts[engine].device === 'cpu') return os.totalmem();
  return engine === 'cuda' || engine === 'tfjs-node-gpu' ? nvidia[0] : undefined;
}
