/** @file How much memory a device has, where the system says. */

import { execFile } from 'node:child_process';
import os from 'node:os';
import { promisify } from 'node:util';
import { engineFacts, type EngineName } from '../../protocol/engines';

/** Bytes by the name of an NVIDIA GPU; empty where NVIDIA's driver is not there. */
export async function nvidiaMemory(): Promise<Map<string, number>> {
  const query = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits'];
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 5000, windowsHide: true });
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(', '));
    return new Map(rows.map(([name, mebibytes]) => [name!, Number(mebibytes) * 2 ** 20]));
  } catch {
    return new Map();
  }
}

/** Of the machine for engines on the CPU; of the GPU that the device's name mentions, or of the only one. */
export function memoryOf(engine: EngineName, device: string, gpus: ReadonlyMap<string, number>): number | undefined {
  if (engineFacts[engine].device === 'cpu') return os.totalmem();
  const named = [...gpus].find(([name]) => device.includes(name));
  if (named) return named[1];
  const [only, ...others] = gpus.values();
  return others.length === 0 && /nvidia|cuda|tensorflow/i.test(device) ? only : undefined;
}
