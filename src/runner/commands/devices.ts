/** @file `devices`: what can compute on this machine. */

import os from 'node:os';
import { openExecutor } from '../../engine/engines';
import type { DeviceRecord } from '../../protocol/records';

/** The CPU, or why not even that works: onnxruntime's library may be missing for a platform. */
export async function listDevices(): Promise<{ devices: DeviceRecord[] }> {
  const cpu = { engine: 'cpu', memoryBytes: os.totalmem() };
  try {
    const { device } = await openExecutor('cpu');
    return { devices: [{ ...cpu, name: device, available: true, reason: null }] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const reason = `onnxruntime cannot be loaded (${message}). Run "npm install" on this machine.`;
    return { devices: [{ ...cpu, name: os.cpus()[0]?.model.trim() ?? os.arch(), available: false, reason }] };
  }
}
